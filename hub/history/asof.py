"""The hub's state as it was at any place in its event log: a memory folded forward, one event after the other.

Entities, labels, refs, loops, what they took, and effects come from the events. Links and quarantine rows carry no
events of their own: links are as they stand now for every entity known by then, quarantine rows by their times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from hub.history.memory import Memory
from hub.loop.evolve import evolve, evolve_effect
from hub.loop.related import taken_keys
from hub.mapping.catalog import Catalog
from hub.model.changes import Changes, Quarantine
from hub.model.clock import Micros
from hub.model.entity import Entity
from hub.model.event import Event

Links = Mapping[tuple[str, str], Mapping[str, str]]
"""(kind, key) -> connection -> object id"""


class AsOf(Memory):
    """Call ``apply`` for each event in order of position; in between it is a ``View`` of that moment."""

    def __init__(self, catalog: Catalog, links: Links, rows: Iterable[Quarantine]) -> None:
        super().__init__()
        self.catalog, self.known_links = catalog, links
        self.now: Micros = 0
        self._rows = {row.id: row for row in rows}
        for row in self._rows.values():
            self._set_aside(replace(row, closed_at=None))

    def quarantined(self, kind: str, key: str) -> list[Quarantine]:
        return [row for row in super().quarantined(kind, key) if self._open(self._rows[row.id])]

    def _open(self, row: Quarantine) -> bool:
        return row.since <= self.now and (row.closed_at is None or row.closed_at > self.now)

    def apply(self, event: Event) -> Entity | None:
        """Fold one event; gives the entity it is about, None where it is about something else."""
        self.now = event.recorded
        kind, _, key = event.stream.partition("/")
        match kind:
            case "loop":
                instance = evolve(self.loops.get(key), event)
                took = {(*place, key) for place in taken_keys(instance)} if instance.taken else set()
                self.take(Changes(loops={key: instance}, taken=took))
            case "effect":
                effect = evolve_effect(self.effects.get(key), event)
                self.take(Changes(effects={key: effect}))
            case _ if self.catalog.schemas.get(kind) is not None:
                return self._entity(kind, key, event)
        return None

    def _entity(self, kind: str, key: str, event: Event) -> Entity:
        said: dict[str, Any] = orjson.loads(event.data)
        before = self.entities.get((kind, key))
        after = self.folded(before, kind, key, event.version, said)
        names = self.catalog.indexed(kind)
        refs = {name: value for name in names if isinstance(value := after.state.get(name), str)}
        changes = Changes(entities={(kind, key): after}, refs={(kind, key): refs})
        if after.label is not None:
            changes.labels.update((kind, name, key) for name in self.catalog.label_names(kind, after.label, key))
        if before is None:
            links = self.known_links.get((kind, key), {})
            changes.links.update((connection, kind, key, to) for connection, to in links.items())
        self.take(changes)
        return after

    def folded(self, before: Entity | None, kind: str, key: str, version: int, said: Mapping[str, Any]) -> Entity:
        schema = self.catalog.schemas.get(kind)
        state = before.state if before is not None else schema.empty if schema is not None else {}
        label = said.get("label", before.label if before else None)
        return Entity(kind, key, label, version, {**state, **said.get("set", {})}, {}, bool(said.get("deleted")))
