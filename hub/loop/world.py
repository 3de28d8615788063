"""The world one decision sees and changes: locked state underneath, this decision's own changes on top.

Everything a decision writes goes through here, so that each new state has its event and each event its id.
Reading what the transaction has not loaded raises ``NotLoaded``; a World is then thrown away and made again.
It knows no clock, no store and no source system.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from hub.loop.evolve import effect_changes, instance_changes
from hub.mapping.catalog import Catalog
from hub.model.changes import Approval, Audit, Changes, NotLoaded, Quarantine, Reading, Timer, Touched, View, union
from hub.model.clock import Micros, iso
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.event import Event, event_id
from hub.model.frozen import replace
from hub.model.instance import Instance, StepState
from hub.model.record import Json
from hub.model.twoway import TwoWay

_SORTED = orjson.OPT_SORT_KEYS


class World:
    """Reads fall through to the view; ``put_*`` record a new state together with its event."""

    __slots__ = (
        "_labels",
        "_links",
        "_seen",
        "catalog",
        "cause",
        "changes",
        "correlation",
        "delivery",
        "now",
        "ordinal",
        "parent",
        "record",
        "table",
        "time",
        "view",
    )

    def __init__(self, view: View, catalog: Catalog, now: Micros) -> None:
        self.view, self.catalog, self.now = view, catalog, now
        self.changes = Changes()
        self._seen: dict[tuple[str, str], list[str]] = {}
        self._labels: dict[tuple[str, str], str] = {}
        self._links: dict[tuple[str, str, str], str] = {}
        self.delivery = self.cause = self.parent = self.correlation = self.table = ""
        self.record = self.ordinal = 0
        self.time = now

    @property
    def now_text(self) -> str:
        """Now, as expressions see it."""
        return iso(self.now)

    def because(
        self, cause: str, record: int = 0, table: str = "", time: Micros | None = None, delivery: str = ""
    ) -> None:
        """What follows happens because of this record or fact; event ids count from it."""
        self.cause = self.parent = self.correlation = cause
        self.record, self.table, self.delivery, self.ordinal = record, table, delivery, 0
        self.time = self.now if time is None else time

    def copy(self) -> World:
        """A world that starts from the same changes: a savepoint."""
        other = World(self.view, self.catalog, self.now)
        mine, new = self.changes, other.changes
        for name in Changes.__dataclass_fields__:
            if part := getattr(mine, name):
                setattr(new, name, part if isinstance(part, int) else part.copy())
        other._labels, other._links = dict(self._labels), dict(self._links)
        other._seen = {place: list(ids) for place, ids in self._seen.items()}
        return other

    def together(self, looks: Sequence[Callable[[], object]]) -> None:
        """Look at all of these; what is not loaded is asked for at once, not one pass each."""
        missing: list[Touched] = []
        for look in looks:
            try:
                look()
            except NotLoaded as one:
                missing.append(one.touched)
        if missing:
            raise NotLoaded(union(missing))

    # --- events

    def emit(
        self, stream: str, version: int, kind: str, data: bytes, schema: str, logic: str, story: str = ""
    ) -> str:
        """Append one event; gives its id, which is the parent of what follows."""
        made = event_id(self.cause, self.record, self.table, self.ordinal)
        self.ordinal += 1
        told = (schema, story or self.correlation, self.parent, logic, self.delivery, self.record)
        self.changes.events.append(Event(made, stream, version, kind, self.time, self.now, data, *told))
        return made

    # --- entities

    def entity(self, kind: str, key: str) -> Entity | None:
        place = (kind, key)
        mine = self.changes.entities.get(place)
        return self.view.entity(kind, key) if mine is None else mine

    def key_of_label(self, kind: str, label: str) -> str | None:
        mine = self._labels.get((kind, label))
        return self.view.key_of_label(kind, label) if mine is None else mine

    def link(self, connection: str, kind: str, key: str) -> str | None:
        return self._linked_to(connection, kind, key) or None

    def is_unlinked(self, connection: str, kind: str, key: str) -> bool:
        """Whether a person said that the entity is no object of that connection."""
        return self._linked_to(connection, kind, key) == ""

    def _linked_to(self, connection: str, kind: str, key: str) -> str | None:
        mine = self._links.get((connection, kind, key))
        return self.view.link(connection, kind, key) if mine is None else mine

    def linked(self, connection: str, kind: str, object_id: str) -> list[str]:
        """Keys of the entities linked to that object, sorted."""
        found = set(self.view.linked(connection, kind, object_id))
        if self._links:
            for (at, of, key), to in self._links.items():
                if (at, of) == (connection, kind):
                    found.discard(key)
                    if to == object_id:
                        found.add(key)
        return sorted(found)

    def put_label(self, kind: str, label: str, key: str) -> None:
        for name in self.catalog.label_names(kind, label, key):
            self._labels[kind, name] = key
            self.changes.labels.add((kind, name, key))

    def put_link(self, connection: str, kind: str, key: str, object_id: str) -> None:
        self._links[connection, kind, key] = object_id
        self.changes.links.discard((connection, kind, key, ""))
        self.changes.links.add((connection, kind, key, object_id))

    def referring(self, kind: str, field: str, target: str) -> list[Entity]:
        """Entities of that kind whose field names ``target``, sorted by key."""
        found = {entity.key: entity for entity in self.view.referring(kind, field, target)}
        for (changed_kind, key), entity in self.changes.entities.items():
            if changed_kind != kind:
                continue
            found.pop(key, None)
            if entity.state.get(field) == target:
                found[key] = entity
        return [found[key] for key in sorted(found)]

    # --- quarantine

    def quarantined(self, kind: str, key: str) -> list[Quarantine]:
        """Open rows of that entity and open rows whose refs name it."""
        here = self.view.quarantined(kind, key)
        if not here and not self._seen:
            return []
        mine = self.changes.quarantines
        found = {row.id: mine.get(row.id, row) for row in here}
        for name in self._seen.get((kind, key), ()):
            found[name] = mine[name]
        return [row for _, row in sorted(found.items()) if row.closed_at is None]

    def put_quarantine(self, row: Quarantine) -> None:
        self.changes.quarantines[row.id] = row
        for place in {(row.kind, row.key), *row.refs.values()}:
            self._seen.setdefault(place, []).append(row.id)

    # --- loops

    def instances(self, kind: str, subject: str) -> list[Instance]:
        """All closings of a subject in the order of their numbers."""
        here = self.view.instances(kind, subject)
        if not here and not self.changes.loops:
            return []
        found = {instance.id: instance for instance in here}
        for instance in self.changes.loops.values():
            if instance.subject == subject and instance.subject_kind == kind:
                found[instance.id] = instance
        return sorted(found.values(), key=lambda one: (one.integration, one.loop, one.number, one.id))

    def instance(self, loop: str) -> Instance | None:
        return self.changes.loops.get(loop) or self.view.instance(loop)

    def put(self, before: Instance | None, after: Instance, kind: str, **about: Json) -> Instance:
        """Record an instance's new state as a loop event; nothing happens when nothing changed."""
        changed = instance_changes(before, after)
        if before is not None and not changed:
            return before
        after = replace(after, version=(before.version if before else 0) + 1)
        wanted = _wanted(after)
        if wanted or (before is not None and _wanted(before)):
            self.changes.waits[after.id] = wanted
        self.parent = self.emit(
            after.stream, after.version, kind, _story(changed, about), "loop/v1", after.logic, after.id
        )
        self.changes.loops[after.id] = after
        return after

    def say(self, instance: Instance, kind: str, **about: Json) -> Instance:
        """Record what happened to an instance although its state stays as it is."""
        after = replace(instance, version=instance.version + 1)
        self.parent = self.emit(
            after.stream, after.version, kind, _story({}, about), "loop/v1", after.logic, after.id
        )
        self.changes.loops[after.id] = after
        return after

    def waiting(self, kind: str, names: Iterable[str]) -> list[Instance]:
        """Instances with a step that waits for the link of the entity which goes by these names."""
        names = tuple(names)
        self.together([partial(self.view.waiting, kind, name) for name in names])
        found = {one.id for name in names for one in self.view.waiting(kind, name)}
        for loop, wanted in self.changes.waits.items():
            found.discard(loop)
            if any((kind, name) in wanted for name in names):
                found.add(loop)
        instances = (self.instance(loop) for loop in sorted(found))
        return [one for one in instances if one is not None]

    def takers(self, kind: str, key: str) -> list[Instance]:
        """Closings whose lists took that entity, whatever it points at now."""
        found = {one.id for one in self.view.takers(kind, key)}
        if self.changes.taken:
            found.update(loop for *place, loop in self.changes.taken if place == [kind, key])
        instances = (self.instance(loop) for loop in sorted(found))
        return [one for one in instances if one is not None]

    def page(self, kind: str, after: str) -> list[Entity]:
        """The next entities of a kind after a key, as they are now."""
        return [self.entity(kind, one.key) or one for one in self.view.page(kind, after)]

    def took(self, instance: Instance, keys: Iterable[tuple[str, str]]) -> None:
        self.changes.taken.update((kind, key, instance.id) for kind, key in keys)

    # --- effects

    def effect(self, key: str) -> Effect | None:
        return self.changes.effects.get(key) or self.view.effect(key)

    def put_effect(self, before: Effect | None, after: Effect, kind: str = "", **about: Json) -> Effect:
        """Record an effect's new state as an event named after it."""
        changed = effect_changes(before, after)
        after = replace(after, version=(before.version if before else 0) + 1)
        name = kind or f"effect.{after.state.lower()}"
        data = _story(changed, about)
        self.parent = self.emit(after.stream, after.version, name, data, "effect/v1", after.logic, after.loop)
        self.changes.effects[after.key] = after
        return after

    # --- two-way fields

    def twoway(self, kind: str, key: str) -> TwoWay:
        mine = self.changes.twoways.get((kind, key)) or self.view.twoway(kind, key)
        return TwoWay(kind, key) if mine is None else mine

    def put_twoway(self, after: TwoWay) -> None:
        """What is known of two-way fields follows from deliveries, effects and decisions, which have their events."""
        self.changes.twoways[after.kind, after.key] = after

    def told_twoway(self, after: TwoWay, verb: str, integration: str, **about: Json) -> None:
        """A turn that people want to see: a conflict, how it was decided, a link."""
        after = replace(after, version=after.version + 1)
        self.put_twoway(after)
        logic = self.catalog.logic(integration)
        data = _story({}, about)
        self.parent = self.emit(after.stream, after.version, f"sync.{verb}", data, "sync/v1", logic)

    def take_link(self, connection: str, kind: str, key: str) -> None:
        """A link is gone, by a person's word: a row in its place says so, and ``match`` does not make it again."""
        self._links[connection, kind, key] = ""
        self.changes.unlinked.add((connection, kind, key))
        self.changes.links = {one for one in self.changes.links if one[:3] != (connection, kind, key)}
        self.changes.links.add((connection, kind, key, ""))

    # --- the rest

    def approvals(self, loop: str) -> list[Approval]:
        mine = self.changes.approvals
        found = {one.id: one for one in self.view.approvals(loop)}
        found.update({one.id: one for one in mine.values() if one.loop == loop})
        return [found[name] for name in sorted(found)]

    def put_approval(self, approval: Approval) -> None:
        self.changes.approvals[approval.id] = approval

    def put_timer(self, timer: Timer) -> None:
        self.changes.timers[timer.id] = timer

    def drop_timer(self, timer: str) -> None:
        self.changes.timers[timer] = None

    def ask_reading(self, reading: Reading) -> None:
        self.changes.readings[reading.id, reading.cause] = reading

    def drop_reading(self, object_id: str, cause: str) -> None:
        self.changes.readings[object_id, cause] = None

    def audit(self, who: str, action: str, what: str, why: str, result: str) -> None:
        self.changes.audits.append(Audit(self.now, who, action, what, why, result))

    @property
    def measures(self) -> defaultdict[tuple[str, str], int]:
        return self.changes.measures


def _wanted(instance: Instance) -> frozenset[tuple[str, str]]:
    """(kind, name) of every entity whose link a step waits for, (kind.field, value) of those ``until`` waits for."""
    parts = [part for step in instance.steps for part in step.obligations if part.needs or part.awaits]
    texts = [part.needs for part in parts if part.state is StepState.WAITING]
    texts += [part.awaits for part in parts if part.state is StepState.RUNNING]
    found = (text.partition(" ") for text in texts if text)
    return frozenset((kind, name) for kind, _, name in found)


def _story(changed: Mapping[str, Any], about: Mapping[str, Json]) -> bytes:
    said = {name: value for name, value in about.items() if value not in ("", None, (), [])}
    return orjson.dumps({"set": changed, "about": said}, option=_SORTED)
