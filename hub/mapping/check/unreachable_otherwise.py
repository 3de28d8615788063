"""``otherwise`` stands only where a value can reach it.

Without ``values`` (or ``lookup``) it is never asked; a truth value whose ``true`` and ``false`` are both mapped
leaves nothing for it. Whoever reads the row would believe that odd values are caught.

Example::

    - {field: name, from: fields.summary, otherwise: keep}

Fix: add the value map it belongs to, or remove ``otherwise``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.expression.kinds import BOOL
from hub.mapping.table import Row, flat
from hub.model.diagnostic import Diagnostic

ID = "unreachable-otherwise"
_BOTH = frozenset({"true", "false"})


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        for row in flat(table.rows):
            yield from _row(checked, row)
    for _, step in checked.steps():
        for row in flat(step.payload):
            yield from _row(checked, row)


def _row(checked: Checked, row: Row) -> Iterator[Diagnostic]:
    why = "" if row.otherwise.kind == "quarantine" else _reason(checked, row)
    if why:
        message = f"otherwise of {row.field} is never reached"
        yield finding(row.place, ID, message, why, "add values: {…}, or remove otherwise", "warning")


def _reason(checked: Checked, row: Row) -> str:
    if row.values is None and row.lookup is None:
        return "the row has no values: there is nothing a value could miss"
    if checked.types.get(id(row)) == BOOL and set(row.values or ()) >= _BOTH:
        return "the expression gives true or false, and both are mapped"
    return ""
