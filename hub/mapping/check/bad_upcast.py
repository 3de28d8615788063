"""Every version of a schema but the first has a step that says how the version before it becomes it.

Entities and events of the version before are there already. Without a step nobody could read them; a step that leaves
a field or a value out would lose it.

Example::

    schemas/project/v2.json          # and no schemas/project/v2.upcast.json

Fix: write ``schemas/<entity>/v2.upcast.json``, or what the message names in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.model.diagnostic import Diagnostic, Place

ID = "bad-upcast"


def check(checked: Checked) -> Iterator[Diagnostic]:
    first: dict[str, Place] = {}
    for table in checked.tables:
        first.setdefault(table.entity, table.place)
    for kind, words in checked.context.schemas.problems:
        if kind in first:
            why = "what is stored of the version before must be read as the new one"
            yield finding(first[kind], ID, f"schemas/{words}", why, f"see schema versions in the manual: {FORM}")


FORM = '{"from": "project/v1", "fields": {"client": {"from": "customer"}}, "drops": []}'
