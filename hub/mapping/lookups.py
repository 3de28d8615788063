"""Lookups filled in: from what finds entities to a record's fields, or to the reason why it is set aside. Pure.

Who finds them is an argument: the engine under its locks, a case among the entities it declares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub.model.entity import Entity
from hub.model.record import Json, Lookup, Mapped, Refused, Rejected
from hub.model.schema import Schema

Looked = dict[str, dict[str, Json] | None]
"""Field (``lines[0].supplier`` in nested rows) -> what was read for it: kind, key and version; None where there
was nothing."""
Find = Callable[[Lookup], Sequence[Entity]]
"""The living entities a lookup means."""


def fill(mapped: Mapped, find: Find, schema: Schema | None) -> tuple[Mapped | Refused, Looked]:
    """The record with its lookups filled in, or refused by the first that cannot be; and what was read."""
    fields, refs, read = dict(mapped.fields), dict(mapped.refs), Looked()
    for one in mapped.lookups:
        found = find(one)
        value = _taken(one, found[0]) if found else one.const if one.otherwise == "const" else None
        rejected = _problem(one, found, value)
        if rejected is not None:
            said = {name: (kind, fields[name]) for name, kind in refs.items() if isinstance(fields[name], str)}
            return Refused(mapped.kind, mapped.key, mapped.label, said, rejected, mapped.via), read
        kept = one.value if not found and one.otherwise == "keep" else value
        read[one.name] = _read(found)
        if one.at:
            whole = str(one.at[0])
            fields[whole] = _put(fields[whole], one.at[1:], kept)
            continue
        fields[one.field] = kept
        if one.ref:
            refs[one.field] = one.ref
    filled = Mapped(mapped.kind, mapped.key, mapped.label, fields, refs, via=mapped.via)
    return _checked(filled, mapped, schema), read


def is_meant(one: Lookup, entity: Entity) -> bool:
    """Whether the lookup means that entity, its label included as it is now."""
    if entity.kind != one.entity or entity.deleted:
        return False
    return bool(_taken_by(one.by, entity) == one.value)


def _put(value: Json, at: Sequence[str | int], new: Json) -> Json:
    """A copy of a list or object with another value inside."""
    if not at:
        return new
    head, rest = at[0], at[1:]
    if isinstance(head, int):
        return [_put(part, rest, new) if number == head else part for number, part in enumerate(value)]
    return {**value, head: _put(value.get(head), rest, new)}


def _taken(one: Lookup, entity: Entity) -> Json:
    return _taken_by(one.take, entity)


def _taken_by(name: str, entity: Entity) -> Json:
    match name:
        case "key":
            return entity.key
        case "label":
            return entity.label
        case _:
            return entity.state.get(name)


def _read(found: Sequence[Entity]) -> dict[str, Any] | None:
    return {"kind": found[0].kind, "key": found[0].key, "version": found[0].version} if found else None


def _problem(one: Lookup, found: Sequence[Entity], value: Json) -> Rejected | None:
    """Why the record must be set aside: nobody or several go by the value, or the row requires one."""
    what = f"{one.entity} with {one.by} {'(not shown: private)' if one.private else one.value}"
    if len(found) > 1:
        keys = ", ".join(entity.key for entity in found[:5])
        return Rejected("ambiguous-lookup", f"{one.name}: {len(found)} entities are {what}: {keys}", *_where(one))
    if not found and one.otherwise == "quarantine":
        return Rejected("not-found", f"{one.name}: there is no {what}", *_where(one))
    if one.required and value in (None, "") and not (not found and one.otherwise == "keep"):
        return Rejected("missing-field", f"{one.name}: {what} has no {one.take}; the row is required", *_where(one))
    return None


def _where(one: Lookup) -> tuple[str, Any, str]:
    return one.row, one.place, one.owner


def _checked(filled: Mapped, before: Mapped, schema: Schema | None) -> Mapped | Refused:
    """The schema's word on what was looked up; everything else was checked when it was mapped."""
    if schema is None:
        return filled
    state: Mapping[str, Json] = {**schema.empty, **filled.fields}
    if schema.is_valid(state):
        return filled
    said = {name: (kind, filled.fields[name]) for name, kind in before.refs.items()}
    one = before.lookups[0]
    rejected = Rejected("schema", f"{schema.name} {schema.problem(state)}", *_where(one))
    refs = {name: pair for name, pair in said.items() if isinstance(pair[1], str)}
    return Refused(filled.kind, filled.key, filled.label, refs, rejected, filled.via)
