"""`as: quantity UNIT` says the unit the field is kept in (`x-unit` of its schema), whoever fills it.

Hours in a field of minutes are numbers like any other: sums and comparisons would be wrong by sixty, and nothing else
would tell.

Example::

    - {field: effort, from: fields.timespent, as: quantity min}     # the schema says x-unit: h

Fix: write the field's own unit; a record's text may carry another unit of the same kind, which is converted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.mapping.check.checked import Checked, finding
from hub.mapping.compile_rows import below
from hub.mapping.convert.units import UNITS
from hub.mapping.table import Row
from hub.model.diagnostic import Diagnostic

ID = "unit-mismatch"


def check(checked: Checked) -> Iterator[Diagnostic]:
    filled: dict[tuple[str, str], tuple[str, str]] = {}
    for table in checked.tables:
        schema = checked.schema(table)
        yield from _rows(table.rows, {} if schema is None else schema.fields)
        for row in table.rows:
            yield from _other_table(table.entity, row, filled)


def _rows(rows: Sequence[Row], fields: Mapping[str, Mapping[str, Any]]) -> Iterator[Diagnostic]:
    for row in rows:
        schema = fields.get(row.field)
        if schema is not None and "x-unit" in schema:
            yield from _row(row, str(schema["x-unit"]))
        if row.rows:
            yield from _rows(row.rows, below(row, schema))


def _row(row: Row, unit: str) -> Iterator[Diagnostic]:
    said = _unit(row)
    if said is not None and said != unit:
        same = UNITS.get(said, ("",))[0] == UNITS.get(unit, ("?",))[0]
        why = f"the schema keeps it in {unit}" + ("" if same else f", and {said} measures something else")
        place = row.convert.place if row.convert is not None else row.place
        yield finding(
            place, ID, f"{row.field} is in {unit}, this row gives {said}", why, f"write as: quantity {unit}"
        )
    elif row.convert is not None and row.convert.name in ("decimal", "integer", "cn-number"):
        why = f"the schema keeps it in {unit}; a text with another unit would be refused, or read without it"
        message = f"{row.field} is in {unit}, this row reads a bare number"
        yield finding(row.convert.place, ID, message, why, f"write as: quantity {unit}", "warning")


def _other_table(entity: str, row: Row, filled: dict[tuple[str, str], tuple[str, str]]) -> Iterator[Diagnostic]:
    """Two tables that fill one field say the same unit, whether the schema knows it or not."""
    unit = _unit(row)
    if unit is None or row.convert is None:
        return
    known, where = filled.setdefault((entity, row.field), (unit, str(row.convert.place)))
    if known != unit:
        why = f"{where} says {known}: one field would hold both"
        yield finding(row.convert.place, ID, f"{row.field} is in {unit} here", why, f"write as: quantity {known}")


def _unit(row: Row) -> str | None:
    return row.convert.argument if row.convert is not None and row.convert.name == "quantity" else None
