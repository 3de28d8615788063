"""Fields whose value is another entity's (``lookup:``): found as of the decision, under its locks, and recorded.

What was read (kind, key, version) goes into the event, so that running it again uses the same and not what the
other entity has become since. Pure: it reads the world it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hub.loop.world import World
from hub.model.changes import Touched
from hub.model.entity import Entity
from hub.model.record import Json, Lookup, Mapped, Refused, Rejected
from hub.model.schema import Schema

Looked = dict[str, dict[str, Json] | None]
"""Field -> what was read for it: kind, key and version; None where there was nothing."""


def looked_up(world: World, mapped: Mapped, schema: Schema | None) -> tuple[Mapped | Refused, Looked]:
    """The record with its lookups filled in, or refused by the first that cannot be; and what was read."""
    world.together([partial(_candidates, world, one) for one in mapped.lookups])
    fields, refs, read = dict(mapped.fields), dict(mapped.refs), Looked()
    for one in mapped.lookups:
        found = _candidates(world, one)
        value = _taken(one, found[0]) if found else one.const if one.otherwise == "const" else None
        rejected = _problem(one, found, value)
        if rejected is not None:
            said = {name: (kind, fields[name]) for name, kind in refs.items() if isinstance(fields[name], str)}
            return Refused(mapped.kind, mapped.key, mapped.label, said, rejected), read
        fields[one.field] = one.value if not found and one.otherwise == "keep" else value
        read[one.field] = _read(found)
        if one.ref:
            refs[one.field] = one.ref
    return _checked(Mapped(mapped.kind, mapped.key, mapped.label, fields, refs), mapped, schema), read


def touched(lookups: Sequence[Lookup]) -> Touched:
    """The heads these lookups read, as far as they can be named before anything is loaded."""
    keys = {(one.entity, one.value) for one in lookups if one.by == "key"}
    labels = {(one.entity, one.value) for one in lookups if one.by == "label"}
    found = {(one.entity, one.by, one.value) for one in lookups if one.by not in ("key", "label")}
    return Touched(entities=frozenset(keys), labels=frozenset(labels), referring=frozenset(found))


def _candidates(world: World, one: Lookup) -> list[Entity]:
    """The entities that are meant; one that was deleted is none."""
    if one.by in ("key", "label"):
        key = one.value if one.by == "key" else world.key_of_label(one.entity, one.value)
        entity = None if key is None else world.entity(one.entity, key)
        found = [] if entity is None else [entity]
    else:
        every = world.referring(one.entity, one.by, one.value)
        found = [entity for entity in every if entity.state.get(one.by) == one.value]
    return [entity for entity in found if not entity.deleted]


def _taken(one: Lookup, entity: Entity) -> Json:
    match one.take:
        case "key":
            return entity.key
        case "label":
            return entity.label
        case name:
            return entity.state.get(name)


def _read(found: Sequence[Entity]) -> dict[str, Any] | None:
    return {"kind": found[0].kind, "key": found[0].key, "version": found[0].version} if found else None


def _problem(one: Lookup, found: Sequence[Entity], value: Json) -> Rejected | None:
    """Why the record must be set aside: nobody or several go by the value, or the row requires one."""
    what = f"{one.entity} with {one.by} {'(not shown: private)' if one.private else one.value}"
    if len(found) > 1:
        keys = ", ".join(entity.key for entity in found[:5])
        return Rejected("ambiguous-lookup", f"{one.field}: {len(found)} entities are {what}: {keys}", *_where(one))
    if not found and one.otherwise == "quarantine":
        return Rejected("not-found", f"{one.field}: there is no {what}", *_where(one))
    if one.required and value in (None, "") and not (not found and one.otherwise == "keep"):
        return Rejected("missing-field", f"{one.field}: {what} has no {one.take}; the row is required", *_where(one))
    return None


def _where(one: Lookup) -> tuple[str, Any, str]:
    return one.row, one.place, one.owner


def _checked(filled: Mapped, before: Mapped, schema: Schema | None) -> Mapped | Refused:
    """The schema's word on what was looked up; everything else was checked when it was mapped."""
    if schema is None:
        return filled
    state = {**schema.empty, **filled.fields}
    if schema.is_valid(state):
        return filled
    said = {name: (kind, filled.fields[name]) for name, kind in before.refs.items()}
    one = before.lookups[0]
    rejected = Rejected("schema", f"{schema.name} {schema.problem(state)}", *_where(one))
    refs = {name: pair for name, pair in said.items() if isinstance(pair[1], str)}
    return Refused(filled.kind, filled.key, filled.label, refs, rejected)
