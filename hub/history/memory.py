"""Everything one re-execution knows, in memory: the view decisions read and the place their changes go.

It answers as the store does (labels, refs and quarantine are found by every name an entity goes by), but holds it
all, so nothing is ever "not loaded". It keeps no events: a re-execution is compared by where it ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from hub.model.changes import PAGE, Approval, Changes, Outcome, Quarantine, Reading, Timer
from hub.model.effect import Effect, EffectState
from hub.model.entity import Entity
from hub.model.instance import Instance
from hub.model.twoway import TwoWay

Place = tuple[str, str]


class Memory:
    """Implements ``hub.model.changes.View`` and takes ``Changes``."""

    def __init__(self) -> None:
        self.entities: dict[Place, Entity] = {}
        self.links: dict[tuple[str, str, str], str] = {}
        self.twoways: dict[Place, TwoWay] = {}
        self.loops: dict[str, Instance] = {}
        self.effects: dict[str, Effect] = {}
        self.asks: dict[str, Approval] = {}
        self.asking: dict[str, None] = {}
        """Ids of asks nobody has answered."""
        self.timers: dict[str, Timer] = {}
        self.readings: dict[tuple[str, str], Reading] = {}
        self.aside: dict[str, Quarantine] = {}
        self.outcomes: dict[tuple[int, int, str], Outcome] = {}
        self.planned: dict[str, None] = {}
        """Keys of effects nobody has sent yet, in the order they were planned."""
        self._objects: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._labels: dict[Place, list[str]] = {}
        self._names: dict[str, set[str]] = {}
        self._refs: dict[Place, tuple[tuple[str, str], ...]] = {}
        self._referring: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._of_subject: defaultdict[Place, dict[str, None]] = defaultdict(dict)
        self._about: defaultdict[Place, set[str]] = defaultdict(set)
        self._asks_of: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._waits: dict[str, frozenset[Place]] = {}
        self._waiting: defaultdict[Place, set[str]] = defaultdict(set)
        self._takers: defaultdict[Place, set[str]] = defaultdict(set)

    # --- what decisions ask

    def entity(self, kind: str, key: str) -> Entity | None:
        return self.entities.get((kind, key))

    def key_of_label(self, kind: str, label: str) -> str | None:
        keys = self._labels.get((kind, label))
        if keys is None:
            return None
        carrying = (key for key in reversed(keys) if self._carries(kind, key, label))
        return next(carrying, keys[-1])

    def _carries(self, kind: str, key: str, label: str) -> bool:
        entity = self.entities.get((kind, key))
        return entity is not None and entity.label == label

    def link(self, connection: str, kind: str, key: str) -> str | None:
        return self.links.get((connection, kind, key))

    def linked(self, connection: str, kind: str, object_id: str) -> Sequence[str]:
        keys = self._objects.get((connection, kind, object_id), ())
        return sorted(key for key in keys if self.links.get((connection, kind, key)) == object_id)

    def referring(self, kind: str, field: str, target: str) -> Sequence[Entity]:
        names = (target, *self._names.get(target, ()))
        keys = {key for name in names for key in self._referring.get((kind, field, name), ())}
        return [self.entities[kind, key] for key in sorted(keys)]

    def instances(self, subject_kind: str, subject: str) -> Sequence[Instance]:
        return [self.loops[name] for name in self._of_subject.get((subject_kind, subject), ())]

    def instance(self, loop: str) -> Instance | None:
        return self.loops.get(loop)

    def effect(self, key: str) -> Effect | None:
        return self.effects.get(key)

    def quarantined(self, kind: str, key: str) -> Sequence[Quarantine]:
        if not self._about:
            return ()
        names = (key, *self._names.get(key, ()))
        found = {name for each in names for name in self._about.get((kind, each), ())}
        return [self.aside[name] for name in sorted(found)]

    def approvals(self, loop: str) -> Sequence[Approval]:
        return [self.asks[name] for name in self._asks_of.get(loop, ())]

    def waiting(self, kind: str, name: str) -> Sequence[Instance]:
        return [self.loops[loop] for loop in sorted(self._waiting.get((kind, name), ()))]

    def takers(self, kind: str, key: str) -> Sequence[Instance]:
        return [self.loops[loop] for loop in sorted(self._takers.get((kind, key), ()))]

    def page(self, kind: str, after: str) -> Sequence[Entity]:
        keys = sorted(key for of, key in self.entities if of == kind and key > after)
        return [self.entities[kind, key] for key in keys[:PAGE]]

    def twoway(self, kind: str, key: str) -> TwoWay | None:
        return self.twoways.get((kind, key))

    # --- what they change

    def take(self, changes: Changes) -> None:
        """All of it, as one transaction would write it."""
        self.entities.update(changes.entities)
        for place, refs in changes.refs.items():
            self._refer(place, refs.items())
        for kind, label, key in sorted(changes.labels):
            self._label(kind, label, key)
        self.twoways.update(changes.twoways)
        for unlinked in changes.unlinked:
            self.links.pop(unlinked, None)
        for connection, kind, key, object_id in changes.links:
            self.links[connection, kind, key] = object_id
            self._objects[connection, kind, object_id].add(key)
        for instance in changes.loops.values():
            self.loops[instance.id] = instance
            self._of_subject[instance.subject_kind, instance.subject][instance.id] = None
        self._effects(changes.effects.values())
        for ask in changes.approvals.values():
            self._ask(ask)
        for timer_id, timer in changes.timers.items():
            self.timers.pop(timer_id, None) if timer is None else self.timers.update({timer_id: timer})
        for asked, reading in changes.readings.items():
            self.readings.pop(asked, None) if reading is None else self.readings.update({asked: reading})
        for row in changes.quarantines.values():
            self._set_aside(row)
        for loop, places in changes.waits.items():
            self._wait(loop, places)
        for kind, key, loop in changes.taken:
            self._takers[kind, key].add(loop)
        for gone in changes.withdrawn:
            self.outcomes.pop(gone, None)
        self.outcomes.update(((one.position, one.record, one.table), one) for one in changes.outcomes)

    def _refer(self, place: Place, refs: Iterable[tuple[str, str]]) -> None:
        kind, key = place
        for field, value in self._refs.get(place, ()):
            self._referring[kind, field, value].discard(key)
        self._refs[place] = tuple(refs)
        for field, value in self._refs[place]:
            self._referring[kind, field, value].add(key)

    def _label(self, kind: str, label: str, key: str) -> None:
        keys = self._labels.setdefault((kind, label), [])
        if key not in keys:
            keys.append(key)
        self._names.setdefault(key, set()).add(label)

    def _effects(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            self.effects[effect.key] = effect
            if effect.state is EffectState.PLANNED:
                self.planned[effect.key] = None
            else:
                self.planned.pop(effect.key, None)

    def _ask(self, ask: Approval) -> None:
        self.asks[ask.id] = ask
        self._asks_of[ask.loop][ask.id] = None
        if ask.state == "asked":
            self.asking[ask.id] = None
        else:
            self.asking.pop(ask.id, None)

    def _wait(self, loop: str, places: frozenset[Place]) -> None:
        for place in self._waits.get(loop, ()):
            self._waiting[place].discard(loop)
        self._waits[loop] = places
        for place in places:
            self._waiting[place].add(loop)

    def _set_aside(self, row: Quarantine) -> None:
        self.aside[row.id] = row
        for place in {(row.kind, row.key), *row.refs.values()}:
            if row.closed_at is None:
                self._about[place].add(row.id)
            else:
                self._about[place].discard(row.id)
