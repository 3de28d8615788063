"""Every head once more from its events: entities, loops and effects folded anew and held against the rows (I8).

Nobody is called and nothing is written. What a head says must follow from the log alone: a row that was changed
behind the hub's back, a lost write or a fold that depends on anything but its events is named. Links, timers,
approvals and counters have no events of their own; they are held against the log where it is concluded again
(``hub.sim.replay``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from hub.loop.evolve import evolve, evolve_effect
from hub.loop.related import taken_keys
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.event import Event
from hub.model.instance import Instance
from hub.model.schema import Schemas

Place = tuple[str, str]
Taken = tuple[str, str, str]
"""(kind, key, loop)"""


@dataclass(frozen=True, slots=True)
class Head:
    """An entity as its events say it. ``state`` without what is null; ``shape``: version of its schema."""

    label: str | None
    version: int
    deleted: bool
    shape: int
    state: Mapping[str, Any]


@dataclass(slots=True)
class Refold:
    """Call ``take`` for each event in order of position; then the heads are there."""

    schemas: Schemas
    entities: dict[Place, Head] = field(default_factory=dict)
    loops: dict[str, Instance] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    taken: set[Taken] = field(default_factory=set)
    events: int = 0

    def take(self, event: Event) -> None:
        """Fold one event; those of integrations, mappings and the workspace itself have no head."""
        self.events += 1
        kind, _, key = event.stream.partition("/")
        if kind == "loop":
            instance = self.loops[key] = evolve(self.loops.get(key), event)
            self.taken.update((*place, key) for place in (taken_keys(instance) if instance.taken else ()))
        elif kind == "effect":
            self.effects[key] = evolve_effect(self.effects.get(key), event)
        elif self.schemas.get(kind) is not None:
            self.entities[kind, key] = self._entity(kind, self.entities.get((kind, key)), event)

    def _entity(self, kind: str, before: Head | None, event: Event) -> Head:
        said: dict[str, Any] = orjson.loads(event.data)
        shape = _shape(event.schema, before)
        state = {} if before is None else self._lifted(kind, before.state, before.shape, shape)
        told = {**state, **said.get("set", {})}
        state = {name: value for name, value in told.items() if value is not None and name != "label"}
        label = said.get("label", None if before is None else before.label)
        return Head(label, event.version, bool(said.get("deleted")), shape, state)

    def _lifted(self, kind: str, state: Mapping[str, Any], old: int, new: int) -> Mapping[str, Any]:
        """The state in a newer version of its schema, through the steps that stored entities go through."""
        for step in self.schemas.steps(kind, old)[: max(0, new - old)]:
            state = step.state(dict(state))
        return state

    # --- against the rows

    def entity_differences(self, rows: Iterable[Entity], shapes: Mapping[str, int]) -> Iterator[str]:
        """``shapes``: of which version the stored entities of a kind are (1 where it is not named)."""
        left = dict(self.entities)
        for row in rows:
            head = left.pop((row.kind, row.key), None)
            if head is None:
                yield f"{row.stream}: no event tells of it"
            else:
                yield from self._entity_differs(row, head, shapes.get(row.kind, 1))
        yield from (f"{kind}/{key}: events tell of it, and there is no row" for kind, key in sorted(left))

    def _entity_differs(self, row: Entity, head: Head, shape: int) -> Iterator[str]:
        for name in ("label", "version", "deleted"):
            if getattr(row, name) != getattr(head, name):
                yield f"{row.stream}: {name} is {getattr(row, name)!r}, its events say {getattr(head, name)!r}"
        meant = self._lifted(row.kind, head.state, head.shape, shape)
        for name in sorted({*row.state, *meant}):
            if row.state.get(name) != meant.get(name):
                yield f"{row.stream}: {name} is not what its events say"

    def loop_differences(self, rows: Iterable[Instance]) -> Iterator[str]:
        return _differences("loop", {one.id: one for one in rows}, self.loops)

    def effect_differences(self, rows: Iterable[Effect]) -> Iterator[str]:
        return _differences("effect", {one.key: one for one in rows}, self.effects)

    def taken_differences(self, rows: Iterable[Taken]) -> Iterator[str]:
        found = set(rows)
        for kind, key, loop in sorted(found ^ self.taken):
            known = (kind, key, loop) in found
            yield f"loop/{loop}: {kind}/{key} is {'' if known else 'not '}among what it took, its events differ"


def _shape(schema: str, before: Head | None) -> int:
    """``project/v2`` -> 2; what names no version is of the one before it."""
    number = schema.rpartition("/v")[2]
    return int(number) if number.isdigit() else 1 if before is None else before.shape


def _differences(name: str, rows: Mapping[str, Any], folded: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*rows, *folded}):
        row, meant = rows.get(key), folded.get(key)
        if row is None or meant is None:
            yield f"{name}/{key}: " + ("there is no row" if row is None else "no event tells of it")
        elif row != meant:
            fields = [one for one in type(row).__slots__ if getattr(row, one) != getattr(meant, one)]
            yield f"{name}/{key}: {', '.join(fields)} is not what its events say"
