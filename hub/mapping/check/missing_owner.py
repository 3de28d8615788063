"""Every row, loop and requirement has an owner: its own, its table's or its integration's.

When a value is refused at night somebody must be told; a row nobody answers for is nobody's problem.

Example::

    - entity: project        # no owner here, none at the top
      fields: [{field: name, from: fields.summary}]

Fix: add ``owner:`` to the row, the table or the integration.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import flat
from hub.model.diagnostic import Diagnostic, Place

ID = "missing-owner"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        for row in flat(table.rows):
            if not row.governance.owner:
                yield _missing(row.place, f"row {row.field}")
    for each in checked.loops:
        loop = each.definition
        if not loop.owner:
            yield _missing(loop.place, f"loop {loop.name}")


def _missing(place: Place, what: str) -> Diagnostic:
    why = "neither it nor what stands around it names one; refused values must reach somebody"
    return finding(place, ID, f"{what} has no owner", why, "add owner: ROLE to the row, the table or the integration")
