"""An entity: a canonical thing with a key, folded from records; staleness is judged per field.

``fold`` is the whole of it: an older record never overwrites a newer field (I7), a record that changes
nothing is ``unchanged``, one whose every field is older is ``stale``. No clock, no id is made here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field, replace
from typing import Literal

from hub.model.clock import Micros
from hub.model.frozen import value
from hub.model.record import Json, Mapped, Op

Verdict = Literal["applied", "unchanged", "stale"]


@value(frozen=True, slots=True)
class Mark:
    """Who set a field last: the record's version time and the stream version of the event that set it."""

    at: Micros
    event: int


NEVER = Mark(-(1 << 62), 0)
"""The mark of what a source has never spoken about."""
LABEL, DELETED = "@label", "@deleted"
"""Marks of what is not a field: what people call the entity, and whether it is there at all."""
_NONE: Mapping[str, Mark] = {}


@value(frozen=True, slots=True)
class SourceMarks:
    """What one source object has said so far: ``base`` for every field, ``fields`` where a field differs."""

    base: Mark
    fields: Mapping[str, Mark] = field(default_factory=dict)
    said: Mapping[str, Json] = field(default_factory=dict)
    """Its newest word on fields that prefer a source (see ``prefer``); empty for all others."""

    def of(self, name: str) -> Mark:
        return self.fields.get(name, self.base)


@value(frozen=True, slots=True)
class Entity:
    """Current state of one entity; ``version`` counts its events, ``marks`` is keyed ``connection/source``."""

    kind: str
    key: str
    label: str | None = None
    version: int = 0
    state: Mapping[str, Json] = field(default_factory=dict)
    marks: Mapping[str, SourceMarks] = field(default_factory=dict)
    deleted: bool = False

    @property
    def stream(self) -> str:
        return f"{self.kind}/{self.key}"


@value(frozen=True, slots=True)
class Folded:
    """What a record did to an entity: the entity after it, the changed fields (``label`` too), the verdict."""

    entity: Entity
    changed: Mapping[str, Json]
    verdict: Verdict


def typed_view(entity: Entity) -> dict[str, Json]:
    """The entity as expressions see it: every field, with ``key`` and ``label``."""
    return {**entity.state, "key": entity.key, "label": entity.label}


def fold(
    entity: Entity | None,
    mapped: Mapped,
    source: str,
    at: Micros,
    op: Op,
    empty: Mapping[str, Json],
    speaks: Collection[str] | None = None,
) -> Folded:
    """Apply one mapped record to an entity (None at first sight).

    ``source`` is ``connection/object id``; ``empty`` the schema's state with every field null; ``speaks`` the
    names its table can set (``LABEL`` among them where it has one), default every field. Equal version times
    apply in log order. A delete marks the entity deleted and keeps its last state.
    """
    if op == "delete":
        return _delete(entity, mapped, source, at, empty)
    if entity is None:
        return _first(mapped, source, at, empty, speaks)
    marks = entity.marks.get(source)
    if (
        (marks is None or (not marks.fields and marks.base.at <= at))
        and not entity.deleted
        and (op == "snapshot" and len(mapped.fields) + (mapped.label is not None) >= _size(speaks, empty))
    ):
        return _newest(entity, mapped, source, at, marks)
    return _by_field(entity, mapped, source, at, empty if speaks is None else speaks)


def _size(speaks: Collection[str] | None, empty: Mapping[str, Json]) -> int:
    return len(empty) + 1 if speaks is None else len(speaks)


def _first(
    mapped: Mapped, source: str, at: Micros, empty: Mapping[str, Json], speaks: Collection[str] | None
) -> Folded:
    fields = mapped.fields
    changed = {name: value for name, value in fields.items() if value is not None}
    if mapped.label is not None:
        changed["label"] = mapped.label
    said = Mark(at, 1)
    silent = _silent(mapped, empty if speaks is None else speaks)
    marks = {source: SourceMarks(said, dict.fromkeys(silent, NEVER))}
    entity = Entity(mapped.kind, mapped.key, mapped.label, 1, {**empty, **fields}, marks)
    return Folded(entity, changed, "applied")


def _silent(mapped: Mapped, speaks: Collection[str]) -> list[str]:
    """What the table could have set and this record did not mention."""
    if len(mapped.fields) + (mapped.label is not None) >= len(speaks):
        return []
    return [name for name in speaks if name not in mapped.fields and not (name == LABEL and mapped.label is not None)]


def _newest(entity: Entity, mapped: Mapped, source: str, at: Micros, marks: SourceMarks | None) -> Folded:
    """The common case: a whole snapshot, newer than all this source has said. One base mark, no per-field dict."""
    state = entity.state
    changed = {name: value for name, value in mapped.fields.items() if state.get(name, NEVER) != value}
    label = entity.label if mapped.label is None else mapped.label
    if label != entity.label:
        changed["label"] = label
    if changed:
        version = entity.version + 1
        said = SourceMarks(Mark(at, version), _NONE)
        state = {**state, **mapped.fields}
    else:
        version = entity.version
        said = SourceMarks(Mark(at, version if marks is None else marks.base.event), _NONE)
    every = {source: said} if len(entity.marks) == 1 and marks is not None else {**entity.marks, source: said}
    after = Entity(entity.kind, entity.key, label, version, state, every)
    return Folded(after, changed, "applied" if changed else "unchanged")


def _by_field(entity: Entity, mapped: Mapped, source: str, at: Micros, speaks: Collection[str]) -> Folded:
    """The general case: each field, the label and being there at all are judged on their own."""
    marks = entity.marks.get(source)
    old = marks or SourceMarks(NEVER)
    said: dict[str, Json] = dict(mapped.fields)
    if mapped.label is not None:
        said[LABEL] = mapped.label
    taken = {name: value for name, value in said.items() if old.of(name).at <= at}
    alive = old.of(DELETED).at <= at
    if not taken and not alive:
        return Folded(entity, {}, "stale")
    changed = {name: value for name, value in taken.items() if name != LABEL and entity.state.get(name) != value}
    label = taken.get(LABEL, entity.label)
    deleted = entity.deleted and not alive
    moved = bool(changed) or label != entity.label or deleted != entity.deleted
    version = entity.version + moved
    every = {**entity.marks, source: _marks(old, taken, changed, alive, at, version, speaks)}
    after = Entity(entity.kind, entity.key, label, version, {**entity.state, **changed}, every, deleted)
    if label != entity.label:
        changed["label"] = label
    return Folded(after, changed, "applied" if moved else "unchanged")


def _marks(
    old: SourceMarks,
    taken: Mapping[str, Json],
    changed: Mapping[str, Json],
    alive: bool,
    at: Micros,
    version: int,
    speaks: Collection[str],
) -> SourceMarks:
    """New marks: ``at`` for what was taken, the old mark for the rest; the newest becomes the base."""
    names = {*speaks, *old.fields, *taken, LABEL, DELETED}
    each = {name: old.of(name) for name in names}
    for name in taken:
        each[name] = Mark(at, version if name in changed or name == LABEL else each[name].event)
    if alive:
        each[DELETED] = Mark(at, version)
    base = max(each.values(), key=lambda mark: (mark.at, mark.event))
    return SourceMarks(base, {name: mark for name, mark in sorted(each.items()) if mark.at != base.at})


def _delete(entity: Entity | None, mapped: Mapped, source: str, at: Micros, empty: Mapping[str, Json]) -> Folded:
    """A delete speaks about being there only; a first sight leaves a tombstone that older records cannot raise."""
    before = entity or Entity(mapped.kind, mapped.key, None, 0, empty, {source: SourceMarks(NEVER)})
    old = before.marks.get(source) or SourceMarks(NEVER)
    if old.of(DELETED).at > at:
        return Folded(before, {}, "stale")
    version = before.version + (not before.deleted)
    marks = SourceMarks(old.base, {**old.fields, DELETED: Mark(at, version)}, old.said)
    after = Entity(
        before.kind, before.key, before.label, version, before.state, {**before.marks, source: marks}, True
    )
    return Folded(after, {}, "applied" if not before.deleted else "unchanged")


__all__ = ["DELETED", "LABEL", "Entity", "Folded", "Mark", "SourceMarks", "Verdict", "fold", "replace", "typed_view"]
