"""Put entities on what the version in force makes of their recorded deliveries. Pure.

Somebody else folded those deliveries afresh; here each difference becomes an event of ours under the new hash, and
loops see it like any other change. What was decided stays: instances keep their version, documents their payload
(I10), and no update goes out to a source because of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import orjson

from hub.loop import decide
from hub.loop.names import names_of
from hub.loop.world import World
from hub.model.clock import Micros
from hub.model.entity import Entity, Mark, SourceMarks
from hub.model.record import Json


@dataclass(frozen=True, slots=True)
class Target:
    """An entity as its deliveries say it under the version in force, and the tables' integration and hash."""

    entity: Entity
    integration: str
    logic: str
    links: Mapping[str, str] = field(default_factory=dict)
    """connection -> object, for an entity nobody knew"""

    @property
    def place(self) -> tuple[str, str]:
        return self.entity.kind, self.entity.key

    @property
    def at(self) -> Micros:
        """The version time of the newest record that fed it."""
        return max(said.base.at for said in self.entity.marks.values())


@dataclass(frozen=True, slots=True)
class Moved:
    """One entity that differs: what it said (None: nobody knew it), and what it says now."""

    kind: str
    key: str
    label: str | None
    was: Mapping[str, Json] | None
    set: Mapping[str, Json]


def difference(before: Entity | None, after: Entity) -> Moved | None:
    """What replaying changes of an entity; None where it changes nothing."""
    old = {} if before is None else {**before.state, "label": before.label}
    new = {**after.state, "label": after.label}
    changed = {name: value for name, value in sorted(new.items()) if old.get(name) != value}
    gone = after.deleted and not (before is not None and before.deleted)
    if before is not None and not changed and not gone:
        return None
    was = None if before is None else {name: old.get(name) for name in changed}
    return Moved(after.kind, after.key, after.label, was, changed)


def newer(stored: Entity, folded: Entity) -> bool:
    """Whether the store heard of the entity after the deliveries that were folded: then it is not touched."""
    marks = folded.marks
    return any(name not in marks or marks[name].base.at < said.base.at for name, said in stored.marks.items())


def remap(world: World, replay: str, targets: Iterable[Target]) -> list[Moved]:
    """Write what differs. Raises ``NotLoaded`` with everything this pass missed."""
    found = sorted(targets, key=lambda one: (one.at, one.place))
    world.together([partial(world.entity, *one.place) for one in found])
    return [moved for one in found if (moved := _one(world, replay, one)) is not None]


def _one(world: World, replay: str, target: Target) -> Moved | None:
    kind, key = target.place
    before = world.entity(kind, key)
    moved = difference(before, target.entity)
    if moved is None:
        return None
    after = _after(before, target.entity, moved)
    world.because(f"{replay}/{kind}/{key}", 0, "", target.at)
    world.changes.entities[kind, key] = after
    world.parent = event = _tell(world, replay, before, after, moved, target.logic)
    _index(world, before, after, target)
    decide.changed(world, target.integration, before, after, target.at, event)
    return moved


def _after(before: Entity | None, folded: Entity, moved: Moved) -> Entity:
    """The folded state under the stream's next version; a deletion nobody took back stays."""
    version = (0 if before is None else before.version) + 1
    old = {} if before is None else before.marks
    marks = {name: _marks(said, old.get(name), moved, version) for name, said in folded.marks.items()}
    gone = folded.deleted or (before is not None and before.deleted)
    return replace(folded, version=version, marks=marks, deleted=gone)


def _marks(said: SourceMarks, old: SourceMarks | None, moved: Moved, version: int) -> SourceMarks:
    """Version times as folded; the event that set a field is this one, or the one that did before."""

    def mark(name: str, at: Micros) -> Mark:
        return Mark(at, version if old is None or name in moved.set else old.of(name).event)

    fields = {name: mark(name, one.at) for name, one in said.fields.items()}
    return SourceMarks(Mark(said.base.at, version), fields, said.said)


def _tell(world: World, replay: str, before: Entity | None, after: Entity, moved: Moved, logic: str) -> str:
    verb = "created" if before is None else "deleted" if after.deleted and not before.deleted else "changed"
    said: dict[str, Json] = {"key": after.key, "label": after.label, "set": moved.set, "replay": replay}
    if after.deleted:
        said["deleted"] = True
    schema = world.catalog.schemas.get(after.kind)
    data = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    return world.emit(after.stream, after.version, f"{after.kind}.{verb}", data, schema.name if schema else "", logic)


def _index(world: World, before: Entity | None, after: Entity, target: Target) -> None:
    kind, key = target.place
    names = world.catalog.indexed(kind)
    if names:
        refs = {name: value for name in names if isinstance(value := after.state.get(name), str)}
        world.changes.refs[kind, key] = refs
    for connection, object_id in target.links.items() if before is None else ():
        world.put_link(connection, kind, key, object_id)
    if after.label is not None and (before is None or before.label != after.label):
        world.put_label(kind, after.label, key)
    if before is None or before.label != after.label:
        decide.linked(world, kind, names_of(after))
