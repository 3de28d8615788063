"""What a step gives a field of its action has the type the action takes.

Money is an amount with a currency, a date has no time: the target would refuse anything else.

Example::

    with: [{field: amount, from: expense.text}]

Fix: name a field of that type, or convert it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.fit import fits, row_type
from hub.mapping.check.payload import beside
from hub.mapping.expression.kinds import DYN, SHARE, Type, type_of
from hub.mapping.table import Row
from hub.model.diagnostic import Diagnostic

ID = "payload-type"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for _, step in checked.steps():
        action = checked.action(step)
        for schema, row in beside(action.payload, step.payload) if action else ():
            wanted = schema.get("properties", {}).get(row.field)
            if wanted is not None:
                yield from _row(checked, row, wanted)


def _row(checked: Checked, row: Row, wanted: Mapping[str, Any]) -> Iterator[Diagnostic]:
    kind = type_of(wanted)
    if row.rows:
        found = Type("list") if row.each is not None else Type("object")
    else:
        found = row_type(row, checked.types.get(id(row), DYN))
    if not fits(kind, found):
        fix = "wrap it: round(…, 2)" if found.name == SHARE.name else f"give it a value of type {kind}"
        why = wanted.get("description", "the action's payload schema says so")
        yield finding(row.place, ID, f"{row.field} takes {kind}, this row gives {found}", why, fix)
