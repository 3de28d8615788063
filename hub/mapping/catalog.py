"""Everything the engine may need to know about the workspace's mapping, frozen: one object, passed around.

Tables and loops of the active versions, older loop versions for instances that still run under them, action
specs, schemas and people. Built once by ``bootstrap`` (and again when files change); never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hub.mapping.compiled import CompiledIntegration, CompiledLoop, CompiledTable
from hub.mapping.endpoints import TwoWayField, Updates, two_way_fields
from hub.mapping.older import written_for
from hub.mapping.table import flat
from hub.model.action import ActionSpec
from hub.model.people import People
from hub.model.schema import Schemas


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What deciding needs to know of a connection: its actions, whether it may be re-read, quiesce seconds."""

    name: str
    connector: str
    actions: Mapping[str, ActionSpec]
    refetch: bool
    quiesce_seconds: int | None = None
    updates: Mapping[str, Updates] = field(default_factory=dict)
    """What can be set, by stream."""
    sends_per_second: float | None = None
    """How many writes a second it is asked for at most."""


@dataclass(frozen=True)
class Catalog:
    """Look-ups by what the caller has at hand; every miss is an empty tuple or a KeyError with the name."""

    integrations: Mapping[str, CompiledIntegration]
    connections: Mapping[str, ConnectionFacts]
    schemas: Schemas
    people: People
    language: str = "en"
    older: Callable[[str, str], CompiledIntegration | None] = lambda integration, logic: None
    """(integration, logic hash) -> the version recorded under that hash, compiled on demand; None if unknown."""
    earlier: tuple[CompiledIntegration, ...] = ()
    """Versions no longer in force under which closings are still open: what they wait for is looked for too."""
    _tables: dict[tuple[str, str], tuple[CompiledTable, ...]] = field(default_factory=dict)
    _loops: dict[str, tuple[CompiledLoop, ...]] = field(default_factory=dict)
    plans: dict[tuple[str, str], Any] = field(default_factory=dict, init=False, compare=False)
    """(connection, stream) -> what the engine worked out of it and of this catalog, once."""

    def __post_init__(self) -> None:
        for name in sorted(self.integrations):
            integration = self.integrations[name]
            for table in integration.tables:
                place = (table.definition.connection, table.definition.stream)
                self._tables[place] = (*self._tables.get(place, ()), table)
            for loop in integration.loops:
                kind = loop.definition.entity
                self._loops[kind] = (*self._loops.get(kind, ()), loop)

    @cached_property
    def ref_fields(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Entity kind -> the (kind, field) pairs whose ref fields name entities of it."""
        found: dict[str, list[tuple[str, str]]] = {}
        for kind in self.schemas.kinds:
            schema = self.schemas.get(kind)
            for name, field_schema in (schema.fields if schema else {}).items():
                if field_schema.get("x-type") == "ref":
                    found.setdefault(str(field_schema.get("x-entity", "")), []).append((kind, name))
        return {target: tuple(pairs) for target, pairs in found.items()}

    @cached_property
    def linking(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """(connection, stream's bare name) -> the entity kinds whose records are found by their link there."""
        found: dict[tuple[str, str], set[str]] = {}
        for connection, stream in self._tables:
            for table in self._tables[connection, stream]:
                if table.definition.key_mode == "link":
                    place = (connection, stream.removeprefix(f"{connection}."))
                    found.setdefault(place, set()).add(table.definition.entity)
        return {place: tuple(sorted(kinds)) for place, kinds in found.items()}

    @cached_property
    def linked_kinds(self) -> Mapping[str, frozenset[str]]:
        """Entity kind -> the connections whose records are put on it by their link."""
        found: dict[str, set[str]] = {}
        for (connection, _), kinds in self.linking.items():
            for kind in kinds:
                found.setdefault(kind, set()).add(connection)
        return {kind: frozenset(connections) for kind, connections in found.items()}

    @cached_property
    def _written(self) -> Mapping[str, Mapping[str, int]]:
        return {name: written_for(one.definition) for name, one in self.integrations.items()}

    def field_now(self, integration: str, kind: str, name: str) -> str:
        """What a field that integration's file names is called in the newest version of its schema."""
        version = self._written.get(integration, {}).get(kind)
        return name if version is None else self.schemas.name_now(kind, version, name)

    @cached_property
    def sought(self) -> Mapping[str, tuple[str, ...]]:
        """Entity kind -> the fields by which lookups and ``match`` find it; they are kept in ``ref`` like ref
        fields."""
        found: dict[str, set[str]] = {}
        for tables in self._tables.values():
            for table in tables:
                for lookup in (row.lookup for row in flat(table.definition.rows) if row.lookup is not None):
                    if lookup.by not in ("key", "label"):
                        now = self.field_now(table.integration, lookup.entity, lookup.by)
                        found.setdefault(lookup.entity, set()).add(now)
                kind = table.definition.entity
                for name, _ in table.definition.match:
                    found.setdefault(kind, set()).add(self.field_now(table.integration, kind, name))
        for kind, pairs in self.awaited.items():
            found.setdefault(kind, set()).update(now for _, now in pairs)
        return {kind: tuple(sorted(names)) for kind, names in found.items()}

    @cached_property
    def awaited(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Entity kind -> the fields by which steps wait for it (``until``), of earlier versions too: as written and
        as they are called now."""
        found: dict[str, set[tuple[str, str]]] = {}
        untils = (step.until for loop in self._every_loop() for step in loop.steps)
        for until in (one for one in untils if one is not None):
            field = until.matches[0][0]
            found.setdefault(until.definition.entity, set()).add((field, until.field_now(field)))
        return {kind: tuple(sorted(names)) for kind, names in found.items()}

    def indexed(self, kind: str) -> tuple[str, ...]:
        """The fields of a kind that are kept in ``ref``: its ref fields and those lookups find it by."""
        schema = self.schemas.get(kind)
        refs = [name for name in (schema.fields if schema else ()) if schema and schema.x_type(name) == "ref"]
        return tuple(sorted({*refs, *self.sought.get(kind, ())}))

    @cached_property
    def subjects(self) -> frozenset[str]:
        """The entity kinds that loops are for, those of earlier versions with open closings too."""
        return frozenset(loop.definition.entity for loop in self._every_loop())

    def _every_loop(self) -> Iterator[CompiledLoop]:
        for integration in (*self.integrations.values(), *self.earlier):
            yield from integration.loops

    @cached_property
    def relating(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Entity kind -> (its ref field, subject kind) of every ``related`` list that could take it, now or under an
        earlier version with open closings."""
        found: dict[str, set[tuple[str, str]]] = {}
        for loop in self._every_loop():
            for related in loop.related:
                definition = related.definition
                found.setdefault(definition.entity, set()).add((definition.by, loop.definition.entity))
        return {kind: tuple(sorted(pairs)) for kind, pairs in found.items()}

    @cached_property
    def prefers(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Entity kind -> field -> the connections it takes its value from, the one that wins first."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for tables in self._tables.values():
            for table in tables:
                for row in table.definition.rows:
                    if row.prefer:
                        kind = table.definition.entity
                        now = self.field_now(table.integration, kind, row.field)
                        found.setdefault(kind, {})[now] = row.prefer
        return found

    @cached_property
    def twoways(self) -> Mapping[str, Mapping[str, TwoWayField]]:
        """Entity kind -> its two-way fields."""
        updates = {(name, s): one for name, facts in self.connections.items() for s, one in facts.updates.items()}
        tables = [table for place in sorted(self._tables) for table in self._tables[place]]
        return two_way_fields(tables, updates, self.schemas)

    def label_names(self, kind: str, label: str, key: str) -> tuple[str, ...]:
        """Under which names a visible name is kept: with its connection too, where another may have the same."""
        connection = key.partition(":")[0]
        return (label, f"{connection}:{label}") if connection in self._naming.get(kind, ()) else (label,)

    @cached_property
    def _naming(self) -> Mapping[str, frozenset[str]]:
        """Entity kind -> the connections that name entities of their own, where these are several: the same visible
        name may mean another one in each."""
        found: dict[str, set[str]] = {}
        for connection, stream in self._tables:
            for table in self._tables[connection, stream]:
                if table.definition.label is not None and table.definition.key_mode == "own":
                    found.setdefault(table.definition.entity, set()).add(connection)
        return {kind: frozenset(names) for kind, names in found.items() if len(names) > 1}

    def feeding(self, kind: str) -> frozenset[tuple[str, str]]:
        """(connection, stream's bare name) of every table that feeds that kind."""
        return frozenset(
            (connection, stream.removeprefix(f"{connection}."))
            for (connection, stream), tables in self._tables.items()
            for table in tables
            if table.definition.entity == kind
        )

    def logic(self, integration: str) -> str:
        """The logic hash of the active version; empty when there is none."""
        active = self.integrations.get(integration)
        return active.definition.logic if active is not None else ""

    def tables(self, connection: str, stream: str) -> tuple[CompiledTable, ...]:
        """The active tables fed by that stream, in a fixed order."""
        return self._tables.get((connection, stream), ())

    def loops(self, kind: str) -> tuple[CompiledLoop, ...]:
        """The active loops ``for`` that entity kind, in a fixed order."""
        return self._loops.get(kind, ())

    def loop(self, integration: str, name: str, logic: str) -> CompiledLoop | None:
        """One loop in exactly the version ``logic``, None when that version or loop is gone."""
        active = self.integrations.get(integration)
        if active is None or active.definition.logic != logic:
            active = self.older(integration, logic)
        if active is None:
            return None
        return next((loop for loop in active.loops if loop.definition.name == name), None)

    def action(self, connection: str, action: str) -> ActionSpec:
        return self.connections[connection].actions[action]
