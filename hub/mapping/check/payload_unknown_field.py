"""A step gives its action only fields the action takes.

A field the target does not know is dropped or refused; a misspelt one is missing as well.

Example::

    with: [{field: ammount, from: expense.amount}]

Fix: use the field the message suggests.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.payload import beside
from hub.mapping.form import near
from hub.model.diagnostic import Diagnostic

ID = "payload-unknown-field"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for _, step in checked.steps():
        action = checked.action(step)
        for schema, row in beside(action.payload, step.payload) if action else ():
            known = tuple(schema.get("properties", {}))
            if known and row.field not in known and schema.get("additionalProperties") is False:
                why = f"it takes: {', '.join(known)}"
                fix = near(row.field, known) or "remove the row"
                yield finding(row.place, ID, f'{step.action} has no field "{row.field}"', why, fix)
