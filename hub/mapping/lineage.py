"""Which row and path made a value: by running the rows again, so it costs nothing while records flow.

The delivery, the record and the logic hash give the same table and the same value; here the row says how.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.mapping.apply import ABSENT, RowPlan, TablePlan, rejected, settled, value_of
from hub.mapping.compiled import CompiledTable, ExpressionError
from hub.mapping.convert import Unconvertible
from hub.model.diagnostic import Place
from hub.model.record import Json, Record, Rejected


@dataclass(frozen=True, slots=True)
class Explained:
    """How a field got its value. ``how``: from, value, const, default, lookup, fields; ``path`` is the source
    path that was filled (empty where there is none). ``present`` is False where the record says nothing about it."""

    field: str
    row: str
    place: Place
    how: str
    path: str
    value: Json
    present: bool
    rejected: Rejected | None = None


def explain(table: CompiledTable, record: Record, field: str) -> Explained | None:
    """How that table makes that field of this record; None where no row fills it."""
    plan = table.plan
    if not isinstance(plan, TablePlan):
        return None
    row = next((one for one in plan.rows if one.row.field == field), None)
    return None if row is None else _explained(row, record)


def explain_all(table: CompiledTable, record: Record) -> tuple[Explained, ...]:
    """All fields of the table, in the order of its rows."""
    fields = [row.field for row in table.definition.rows]
    return tuple(one for field in fields if (one := explain(table, record, field)) is not None)


def _explained(plan: RowPlan, record: Record) -> Explained:
    row = plan.row
    try:
        value, origin = value_of(plan, record.data, snapshot=record.op != "partial")
    except (Unconvertible, ExpressionError) as error:
        return Explained(row.field, plan.name, row.place, "", "", None, False, rejected(plan, error))
    # What is looked up is found when the record is concluded; the event says where.
    value = value if value is ABSENT else settled(value, (row.field,), [], {})
    present = value is not ABSENT
    return Explained(row.field, plan.name, row.place, origin.how, origin.path, value if present else None, present)
