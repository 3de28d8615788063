"""A two-way row can be written back: one path, and a conversion that can be undone without a guess.

What is read through an expression, a lookup, several paths, or a value map in which two entries give the same, has no
way back: the hub would have to guess which of them is meant. The same holds for the target's own row of the field.

Example::

    - {field: status, from: state, values: {Done: closed, 完成: closed}, sync: {to: erp.project, path: status}}

Fix: leave one entry for each value, read one path, or remove ``sync``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.back import one_way, one_way_type
from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.sync_ends import TwoWayRow, settable, two_way_rows, x_type
from hub.mapping.table import Row, TableDef
from hub.model.diagnostic import Diagnostic

ID = "sync-one-way"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for one in two_way_rows(checked):
        if one.other is None:
            yield from _unread(checked, one)
        else:
            yield from _row(checked, one, one.table, one.row)
            yield from _row(checked, one, *one.other)


def _row(checked: Checked, one: TwoWayRow, table: TableDef, row: Row) -> Iterator[Diagnostic]:
    path = row.sources[0].text if len(row.sources) == 1 else ""
    why = one_way(row, x_type(checked, table, row), _shape(checked, table.connection, table.stream, path))
    if not why and table is not one.table and path != one.sync.path.text and _is_known(checked, one):
        why = f"its own row reads {path}, sync writes {one.sync.path.text}"
    if why:
        message = f"{row.field} cannot be written back to {table.stream}"
        fix = "read one path with a conversion that can be undone, or remove sync"
        yield finding(one.sync.place, ID, message, why, fix)


def _is_known(checked: Checked, one: TwoWayRow) -> bool:
    """Whether the path can be set at all: if not, that is said already."""
    known = settable(checked, one.sync.connection, one.sync.stream)
    return known is not None and known.covers(one.sync.path.text)


def _unread(checked: Checked, one: TwoWayRow) -> Iterator[Diagnostic]:
    """No table hears the target: the value goes there as it is, and nothing comes back."""
    sync = one.sync
    shape = _shape(checked, sync.connection, sync.stream, sync.path.text)
    why = one_way_type(x_type(checked, one.table, one.row), shape)
    if why:
        message = f"{one.row.field} cannot be written to {sync.stream}"
        yield finding(sync.place, ID, message, why, f"add a table for {sync.stream} with a row for {one.row.field}")


def _shape(checked: Checked, connection: str, stream: str, path: str) -> str:
    known = settable(checked, connection, stream)
    return known.types.get(path, "") if known is not None else ""
