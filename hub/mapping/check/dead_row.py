"""Every part of a row can have its turn.

A constant never misses its default and never takes another entry of a value map; such parts are left-overs, and the
next reader will change them and wonder why nothing happens.

Example::

    - {field: category, const: research, default: other}

Fix: remove the part the message names, or read the value with ``from``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import Row, flat
from hub.model.diagnostic import Diagnostic
from hub.model.record import Json
from hub.model.values import canonical

ID = "dead-row"


def check(checked: Checked) -> Iterator[Diagnostic]:
    misread = {each.place.line for each in checked.found.get("wrong-shape", ())}
    for table in checked.tables:
        for row in flat(table.rows):
            yield from _row(row)
            yield from _empty(row, misread)
    for _, step in checked.steps():
        for row in flat(step.payload):
            yield from _row(row)


def _empty(row: Row, misread: set[int]) -> Iterator[Diagnostic]:
    if row.values is not None and not row.values and row.place.line not in misread:
        why = "no value is in it, so every one is what otherwise says"
        yield finding(row.place, ID, f"values of {row.field} has no entry", why, "add an entry, or remove values")


def _row(row: Row) -> Iterator[Diagnostic]:
    if not row.has_const or row.const is None:
        return
    why = f"{row.field} is always {row.const}"
    if row.has_default:
        message = f"default of {row.field} is never used"
        yield finding(row.place, ID, message, why, "remove default, or read the value: from: PATH", "warning")
    taken = _text(row.const)
    for entry, place in row.values_places.items():
        if entry != taken:
            message = f'entry "{entry}" of {row.field} is never used'
            yield finding(place, ID, message, why, "remove the entry, or read the value: from: PATH", "warning")


def _text(value: Json) -> str:
    """The value as a value map compares it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(canonical(value))
