"""What rules about ``sync`` share: the two ends of each two-way row, what their systems can set. No rule itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub.mapping.check.checked import Checked
from hub.mapping.table import Row, SyncDef, TableDef


@dataclass(frozen=True, slots=True)
class TwoWayRow:
    """A row with ``sync``; ``other`` is the row of the target's own table for the same field, if there is one."""

    table: TableDef
    row: Row
    sync: SyncDef
    other: tuple[TableDef, Row] | None


@dataclass(frozen=True, slots=True)
class Settable:
    """What can be set in a stream's objects, and the type of each documented path."""

    action: str
    paths: tuple[str, ...]
    types: dict[str, str]

    def covers(self, path: str) -> bool:
        return any(path == one or (one.endswith("*") and path.startswith(one[:-1])) for one in self.paths)


def two_way_rows(checked: Checked) -> Iterator[TwoWayRow]:
    for table in checked.tables:
        for row in table.rows:
            if row.sync is not None:
                yield TwoWayRow(table, row, row.sync, _other(checked, table, row, row.sync))


def _other(checked: Checked, table: TableDef, row: Row, sync: SyncDef) -> tuple[TableDef, Row] | None:
    for each in checked.tables:
        if each.entity == table.entity and each.stream == sync.stream and each is not table:
            for one in each.rows:
                if one.field == row.field:
                    return each, one
    return None


def settable(checked: Checked, connection: str, stream: str) -> Settable | None:
    """None where the stream or its system is not known: another rule says so."""
    spec = checked.context.specs.get(connection)
    name = stream.removeprefix(f"{connection}.")
    found = None if spec is None else next((one for one in spec.streams if one.name == name), None)
    if found is None:
        return None
    types = {one.path: one.type for one in getattr(found, "fields", ())}
    return Settable(getattr(found, "update_action", ""), tuple(getattr(found, "updatable", ())), types)


def x_type(checked: Checked, table: TableDef, row: Row) -> str:
    schema = checked.schema(table)
    return schema.x_type(row.field) if schema is not None and row.field in schema.fields else ""
