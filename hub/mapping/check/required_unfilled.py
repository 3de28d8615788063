"""Every field the schema requires is filled by a table of the entity.

A project without a name or status is nothing people could work with, and expressions rely on these fields.

Example::

    - entity: project
      fields: [{field: name, from: fields.summary}]   # status is required

Fix: add a row for the field.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.model.diagnostic import Diagnostic

ID = "required-unfilled"


def check(checked: Checked) -> Iterator[Diagnostic]:
    filled: dict[str, set[str]] = {}
    for table in checked.tables:
        filled.setdefault(table.entity, set()).update(row.field for row in table.rows)
    for table in checked.tables:
        schema = checked.schema(table)
        names = filled[table.entity] if table.key_mode != "own" else {row.field for row in table.rows}
        for field in schema.document.get("required", ()) if schema else ():
            if field not in names:
                why = f"schemas/{table.entity} requires it"
                message = f'no row fills "{field}"'
                yield finding(table.place, ID, message, why, f"add {{field: {field}, from: …}}")
