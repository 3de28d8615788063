"""One table per entity and stream in a workspace.

Two tables would write the same fields of the same entity from the same record, and the later would win by luck.

Example::

    - {entity: project, source: pm.issue, only: 'a', …}
    - {entity: project, source: pm.issue, only: 'b', …}

Fix: join them into one table with one ``only``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import TableDef
from hub.model.diagnostic import Diagnostic

ID = "duplicate-table"


def check(checked: Checked) -> Iterator[Diagnostic]:
    seen: dict[tuple[str, str], TableDef] = {}
    for table in checked.tables:
        first = seen.setdefault((table.entity, table.stream), table)
        if first is not table and table.entity:
            why = f"{first.place} maps {first.stream} to {first.entity} already"
            message = f"a second table from {table.stream} to {table.entity}"
            yield finding(table.place, ID, message, why, "join them into one table with one only")
