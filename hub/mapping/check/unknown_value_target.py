"""What ``values``, ``otherwise`` and ``const`` give is allowed by the field's schema.

A value outside the field's list would be refused by the schema at run time, record after record.

Example::

    - {field: status, from: fields.status.name, values: {Done: finished}}

Fix: use one of the values the message lists.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.mapping.table import Row
from hub.model.diagnostic import Diagnostic, Place
from hub.model.record import Json

ID = "unknown-value-target"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        schema = checked.schema(table)
        for row in table.rows:
            allowed = schema.fields.get(row.field, {}).get("enum") if schema else None
            if allowed and row.convert is None:
                yield from _outside(row, [value for value in allowed if value is not None])


def _outside(row: Row, allowed: list[Json]) -> Iterator[Diagnostic]:
    for value, place in _given(row):
        if value is not None and value not in allowed:
            listed = ", ".join(map(str, allowed))
            why = f"the schema of {row.field} allows: {listed}"
            fix = near(str(value), tuple(map(str, allowed))) or f"use one of: {listed}"
            yield finding(place, ID, f'{row.field} cannot be "{value}"', why, fix)


def _given(row: Row) -> Iterator[tuple[Json, Place]]:
    for text, value in (row.values or {}).items():
        yield value, row.values_places.get(text, row.place)
    if row.otherwise.kind == "const":
        yield row.otherwise.const, row.place
    if row.has_const and row.values is None:
        yield row.const, row.place
