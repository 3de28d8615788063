"""``prefer`` stands in a table that shares its entity with others, and says the same in all of them.

An entity of one source has nothing to prefer; two orders for one field would make the value a matter of luck.

Example::

    - {field: credit_limit, from: limit, prefer: [erp, crm]}      # and in the other table: prefer: [crm, erp]

Fix: write ``key: {shared: …}`` in the tables that feed the entity, and one order for the field.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import Row, flat
from hub.model.diagnostic import Diagnostic

ID = "prefer-conflict"


def check(checked: Checked) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str], Row] = {}
    linked = {table.entity for table in checked.tables if table.key_mode == "link"}
    for table in checked.tables:
        for row in table.rows:
            yield from (_nowhere(inner) for inner in flat(row.rows) if inner.prefer)
            if not row.prefer:
                continue
            if table.key_mode == "own" and table.entity not in linked:
                yield _alone(row)
            other = first.setdefault((table.entity, row.field), row)
            if other.prefer != row.prefer:
                yield _differs(row, other)
    for _, step in checked.steps():
        yield from (_nowhere(row) for row in flat(step.payload) if row.prefer)


def _nowhere(row: Row) -> Diagnostic:
    why = "it chooses between the sources of a field of an entity"
    return finding(row.places["prefer"], ID, f"prefer has no meaning in row {row.field}", why, "remove it")


def _alone(row: Row) -> Diagnostic:
    why = "its keys begin with the connection, so no other source feeds these entities"
    return finding(
        row.places["prefer"], ID, f"{row.field} has one source only", why, "remove prefer, or key: {shared: PATH}"
    )


def _differs(row: Row, other: Row) -> Diagnostic:
    why = f"{other.places['prefer']} says {', '.join(other.prefer)}"
    fix = f"write prefer: [{', '.join(other.prefer)}] in both"
    return finding(row.places["prefer"], ID, f"{row.field} prefers {', '.join(row.prefer)} here", why, fix)
