"""Amounts that stand side by side are of one currency.

A limit in euros never catches an amount in yuan, and a field that holds yuan cannot take dollars: no rate is applied
in silence.

Example::

    approve: {role: finance, of: 'expense.amount', over: 7000 EUR}     # the rows give money CNY

Fix: write both in the currency the message names.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.payload import beside
from hub.mapping.expression.kinds import DYN, Type, type_of
from hub.mapping.table import Row, StepDef
from hub.model.diagnostic import Diagnostic

ID = "currency-mismatch"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for _, step in checked.steps():
        yield from _limit(checked, step)
        action = checked.action(step)
        for schema, row in beside(action.payload, step.payload) if action else ():
            wanted = type_of(schema.get("properties", {}).get(row.field, {}))
            yield from _row(row, wanted, checked.types.get(id(row), DYN))
    for table in checked.tables:
        fields = getattr(checked.schema(table), "fields", {})
        fixed = {name: part for name, part in fields.items() if "x-currency" in part}
        for row in table.rows if fixed else ():
            yield from _row(row, type_of(fixed.get(row.field, {})), checked.types.get(id(row), DYN))


def _limit(checked: Checked, step: StepDef) -> Iterator[Diagnostic]:
    policy = step.approve
    if policy is None or policy.of is None or policy.over is None:
        return
    found, over = checked.results.get(id(policy.of), DYN), policy.over.currency
    if found.name == "money" and found.currency not in ("", over):
        message = f"the limit is in {over}, the amount in {found.currency}"
        why = "amounts of two currencies cannot be compared: nobody would ever be asked"
        yield finding(policy.of.place, ID, message, why, f"write over: {policy.over.amount} {found.currency}")


def _row(row: Row, wanted: Type, source: Type) -> Iterator[Diagnostic]:
    given = row.convert.argument if row.convert and row.convert.name == "money" else source.currency
    if wanted.name == "money" and wanted.currency and given not in ("", wanted.currency):
        place = row.convert.place if row.convert else row.place
        message = f"{row.field} holds {wanted.currency}, this row gives {given}"
        yield finding(place, ID, message, "its schema fixes the currency", f"give it {wanted.currency}")
