"""Where a two-way field lives: every system a table feeds it from or a ``sync`` names, and how to write it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hub.mapping.apply import RowPlan, TablePlan
from hub.mapping.back import Back, as_it_is, back, one_way, one_way_type
from hub.mapping.compiled import CompiledTable
from hub.mapping.table import Row, SyncDef
from hub.model.schema import Schemas
from hub.model.twoway import Policy


@dataclass(frozen=True, slots=True)
class Updates:
    """What can be set in the objects of one stream: the action, its paths (``*`` at an end stands for any name), and
    the type of each documented path."""

    action: str = ""
    paths: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)

    def covers(self, path: str) -> bool:
        return any(path == one or (one.endswith("*") and path.startswith(one[:-1])) for one in self.paths)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One system of a two-way field. ``write`` is None where it only says the field; ``fed``: a table hears it."""

    connection: str
    stream: str
    path: str
    action: str
    fed: bool
    write: Back | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """One ``sync``: between the table's own source and the system it names."""

    source: str
    target: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class TwoWayField:
    """A field with ``sync`` in some row: all its systems by connection, the pairs that were written."""

    name: str
    integration: str
    owner: str
    private: bool
    ends: Mapping[str, Endpoint]
    pairs: tuple[Pair, ...]

    def pair(self, one: str, other: str) -> Pair:
        """The pair that speaks of both systems, else the first."""
        both = {one, other}
        return next((pair for pair in self.pairs if {pair.source, pair.target} == both), self.pairs[0])


def two_way_fields(
    tables: Sequence[CompiledTable], updates: Mapping[tuple[str, str], Updates], schemas: Schemas
) -> Mapping[str, Mapping[str, TwoWayField]]:
    """Entity kind -> field -> where it lives. A field that prefers a source stays with it."""
    found: dict[str, dict[str, TwoWayField]] = {}
    for table in tables:
        for row in table.definition.rows:
            if row.sync is not None and not row.prefer:
                kinds = found.setdefault(table.definition.entity, {})
                kinds[row.field] = _field(kinds.get(row.field), table, row, row.sync)
    for kind, fields in found.items():
        own = [table for table in tables if table.definition.entity == kind]
        for name, one in fields.items():
            fields[name] = replace(one, ends=_ends(one, own, updates, schemas))
    return found


def _field(known: TwoWayField | None, table: CompiledTable, row: Row, sync: SyncDef) -> TwoWayField:
    pair = Pair(table.definition.connection, sync.connection, sync.conflict)
    private = bool(row.governance.privacy)
    if known is None:
        owner = row.governance.owner
        return TwoWayField(row.field, table.integration, owner, private, {}, (pair,))
    return replace(known, private=known.private or private, pairs=(*known.pairs, pair))


def _ends(
    one: TwoWayField, tables: Iterable[CompiledTable], updates: Mapping[tuple[str, str], Updates], schemas: Schemas
) -> dict[str, Endpoint]:
    ends: dict[str, Endpoint] = {}
    for table in tables:
        plans = table.plan.rows if isinstance(table.plan, TablePlan) else ()
        plan = next((each for each in plans if each.row.field == one.name), None)
        if plan is not None and table.definition.connection not in ends:
            ends[table.definition.connection] = _fed(table, plan, updates, schemas)
    for table in tables:
        for row in table.definition.rows:
            if row.field == one.name and row.sync is not None and row.sync.connection not in ends:
                ends[row.sync.connection] = _named(table, row.sync, one.name, updates, schemas)
    return ends


def _x_type(table: CompiledTable, name: str, schemas: Schemas) -> str:
    schema = schemas.get(table.definition.entity, table.definition.version or None)
    return schema.x_type(name) if schema is not None and name in schema.fields else ""


def _fed(
    table: CompiledTable, plan: RowPlan, updates: Mapping[tuple[str, str], Updates], schemas: Schemas
) -> Endpoint:
    connection = table.definition.connection
    stream = table.definition.stream.removeprefix(f"{connection}.")
    path = plan.row.sources[0].text if len(plan.row.sources) == 1 else ""
    known = updates.get((connection, stream), Updates())
    shape = known.types.get(path, "")
    end = Endpoint(connection, stream, path, known.action, fed=True)
    if not known.covers(path) or one_way(plan.row, _x_type(table, plan.row.field, schemas), shape):
        return end
    return replace(end, write=back(plan, shape))


def _named(
    table: CompiledTable,
    sync: SyncDef,
    name: str,
    updates: Mapping[tuple[str, str], Updates],
    schemas: Schemas,
) -> Endpoint:
    stream = sync.stream.removeprefix(f"{sync.connection}.")
    known = updates.get((sync.connection, stream), Updates())
    shape = known.types.get(sync.path.text, "")
    end = Endpoint(sync.connection, stream, sync.path.text, known.action, fed=False)
    if not known.covers(sync.path.text) or one_way_type(_x_type(table, name, schemas), shape):
        return end
    return replace(end, write=as_it_is(shape))
