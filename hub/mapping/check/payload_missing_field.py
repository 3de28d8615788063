"""A step gives its action every field the action needs.

The target would refuse the document, and the loop would stop at a person.

Example::

    do: erp.reimbursement.create
    with: [{field: employee, from: expense.employee}]     # amount and text are missing

Fix: add a row for the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.payload import inner_schema
from hub.mapping.table import Row
from hub.model.diagnostic import Diagnostic, Place

ID = "payload-missing-field"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for _, step in checked.steps():
        action = checked.action(step)
        if action is not None:
            place = step.places.get("with", step.places.get("do", step.place))
            yield from _missing(action.payload, step.payload, place, action.name)


def _missing(schema: Mapping[str, Any], rows: Sequence[Row], place: Place, what: str) -> Iterator[Diagnostic]:
    given = {row.field: row for row in rows}
    for field in schema.get("required", ()):
        if field not in given:
            about = schema.get("properties", {}).get(field, {}).get("description", "")
            why = f"{what} needs it" + (f": {about}" if about else "")
            yield finding(place, ID, f'the payload has no "{field}"', why, f"add {{field: {field}, from: …}}")
    for row in given.values():
        inner = inner_schema(schema, row)
        if inner is not None and row.rows:
            yield from _missing(inner, row.rows, row.place, f"{what} {row.field}")
