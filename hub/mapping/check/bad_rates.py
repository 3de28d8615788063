"""``rates`` converts money of a row of a table into the currency of ``as: money CUR``, which the rates know.

A rate is a declared fact of a day. Without a fixed currency there is nothing to convert into; without the currency in
the table of rates every record would be set aside.

Example::

    - {field: budget, from: fields.sum, as: money, currency: fields.code, rates: rates/treasury, dated: fields.day}

Fix: write ``as: money CNY``, and add the currency to the file of rates.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.rates import known
from hub.mapping.table import Row, flat
from hub.model.diagnostic import Diagnostic

ID = "bad-rates"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        for row in flat(table.rows):
            yield from _row(row)
    for _, step in checked.steps():
        yield from (_nowhere(row) for row in flat(step.payload) if "rates" in row.places)


def _row(row: Row) -> Iterator[Diagnostic]:
    if "rates" not in row.places:
        if row.dated is not None:
            why = "dated says which day's rate counts"
            message = "dated has no meaning without rates"
            yield finding(row.places["dated"], ID, message, why, "add rates, or remove it")
        return
    place = row.places["rates"]
    target = row.convert.argument if row.convert is not None and row.convert.name == "money" else ""
    if not target or row.values is not None:
        why = "rates turn money of any currency into money of one"
        yield finding(place, ID, f"row {row.field} names no currency to convert into", why, "write as: money CNY")
    elif row.rates is not None and target not in known(row.rates):
        why = f"{row.rates.name} has: {', '.join(sorted(known(row.rates)))}"
        yield finding(place, ID, f"{row.rates.name} has no {target}", why, f"add {target} to it")


def _nowhere(row: Row) -> Diagnostic:
    why = "how money was converted is kept with an entity's event"
    message = f"row {row.field} cannot convert here"
    return finding(row.places["rates"], ID, message, why, "convert in a row of a table")
