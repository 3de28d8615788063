"""Two versions side by side: which tables and loops of one stream or kind are the same in both, and which are not.

What is the same gives the same for every record, so only what differs is looked at twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.mapping.catalog import Catalog
from hub.mapping.check.scope import currencies_of
from hub.mapping.compiled import CompiledIntegration, CompiledLoop, CompiledTable
from hub.mapping.meaning import logic_text


@dataclass(frozen=True, slots=True)
class TablePair:
    """One table in both versions; None where a version has it not. ``same``: it gives the same for every record.

    ``folds``: what two records map to alike ends alike; False where the versions differ in something no single
    record shows (which source a field prefers, what is required at first sight, the schema's version).
    """

    before: CompiledTable | None
    after: CompiledTable | None
    same: bool
    folds: bool = True

    @property
    def name(self) -> str:
        return _either(self.after, self.before).definition.name


@dataclass(frozen=True, slots=True)
class LoopPair:
    before: CompiledLoop | None
    after: CompiledLoop | None


def _either(after: CompiledTable | None, before: CompiledTable | None) -> CompiledTable:
    found = after or before
    if found is None:
        raise ValueError("a pair has at least one side")
    return found


@dataclass(frozen=True)
class Pairs:
    """The two versions as catalogs of the same workspace, ``integration`` differing."""

    before: Catalog
    after: Catalog
    integration: str
    _tables: dict[tuple[str, str], tuple[TablePair, ...]] = field(default_factory=dict)

    def tables(self, connection: str, stream: str) -> tuple[TablePair, ...]:
        """What both versions do with records of that stream."""
        place = (connection, stream)
        if place not in self._tables:
            self._tables[place] = self._paired(connection, stream)
        return self._tables[place]

    def _paired(self, connection: str, stream: str) -> tuple[TablePair, ...]:
        before = {one.definition.name: one for one in _fed(self.before, connection, stream)}
        after = {one.definition.name: one for one in _fed(self.after, connection, stream)}
        alike = self._context_alike()
        pairs = ((before.get(name), after.get(name)) for name in sorted({*before, *after}))
        return tuple(TablePair(*pair, alike and _same(*pair), self._folds(*pair)) for pair in pairs)

    def _folds(self, one: CompiledTable | None, other: CompiledTable | None) -> bool:
        if one is None or other is None:
            return True  # every record one of them takes is a difference by itself
        kind = other.definition.entity
        prefers = [catalog.prefers.get(kind) for catalog in (self.before, self.after)]
        return prefers[0] == prefers[1] and _folding(one) == _folding(other)

    def _context_alike(self) -> bool:
        """What a table's meaning takes from the file around it: shared keys, the zone."""
        one, other = self._side(self.before), self._side(self.after)
        if one is None or other is None:
            return False
        return _shared(one) == _shared(other) and one.definition.zone == other.definition.zone

    def _side(self, catalog: Catalog) -> CompiledIntegration | None:
        return catalog.integrations.get(self.integration)

    def loops(self) -> dict[str, tuple[LoopPair, ...]]:
        """By entity kind: the loops that are not the same in both versions."""
        before, after = _loops(self._side(self.before)), _loops(self._side(self.after))
        every = not self._loops_alike()
        found: dict[str, list[LoopPair]] = {}
        for name in sorted({*before, *after}):
            one, other = before.get(name), after.get(name)
            if every or not _same(one, other):
                for kind in sorted({each.definition.entity for each in (one, other) if each}):
                    found.setdefault(kind, []).append(LoopPair(one, other))
        return {kind: tuple(pairs) for kind, pairs in found.items()}

    def _loops_alike(self) -> bool:
        """What a loop's meaning takes from the tables: which kinds it listens to, the currency of empty sums."""
        one, other = self._side(self.before), self._side(self.after)
        if one is None or other is None:
            return False
        kinds = [{table.entity for table in each.definition.tables} for each in (one, other)]
        money = [currencies_of(each.definition.tables) for each in (one, other)]
        return kinds[0] == kinds[1] and money[0] == money[1] and one.definition.zone == other.definition.zone

    def single_source(self, kind: str) -> bool:
        """Whether all that is known of that kind comes through one table of one stream, in both versions."""
        for catalog in (self.before, self.after):
            tables = [t for one in catalog.integrations.values() for t in one.tables if t.definition.entity == kind]
            if len(tables) != 1:
                return False
        return True


def _folding(table: CompiledTable) -> tuple[object, ...]:
    definition = table.definition
    required = sorted(row.field for row in definition.rows if row.required)
    return definition.version, definition.key_mode, required


def _fed(catalog: Catalog, connection: str, stream: str) -> tuple[CompiledTable, ...]:
    return catalog.tables(connection, stream) or catalog.tables(connection, f"{connection}.{stream}")


def _same(one: CompiledTable | CompiledLoop | None, other: CompiledTable | CompiledLoop | None) -> bool:
    if one is None or other is None:
        return False
    return one is other or logic_text(one.definition) == logic_text(other.definition)


def _shared(one: CompiledIntegration) -> frozenset[str]:
    return frozenset(table.entity for table in one.definition.tables if table.key_mode == "shared")


def _loops(one: CompiledIntegration | None) -> dict[str, CompiledLoop]:
    return {} if one is None else {loop.definition.name: loop for loop in one.loops}
