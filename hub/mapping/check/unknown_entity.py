"""An entity has a schema: ``schemas/<entity>/v1.json``.

The schema says which fields there are and what type each has; without it nothing can be checked or kept.

Example::

    - entity: projet

Fix: use the kind the message suggests, or add the schema file.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.mapping.table import flat
from hub.model.diagnostic import Diagnostic, Place

ID = "unknown-entity"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for kind, place in _named(checked):
        if kind and checked.context.schemas.get(kind) is None:
            known = checked.context.schemas.kinds
            why = f"there is no schemas/{kind}/v1.json; kinds: {', '.join(known) or 'none'}"
            yield finding(
                place, ID, f'unknown entity "{kind}"', why, near(kind, known) or f"add schemas/{kind}/v1.json"
            )


def _named(checked: Checked) -> Iterator[tuple[str, Place]]:
    for table in checked.tables:
        yield table.entity, table.place
        for row in flat(table.rows):
            if row.convert and row.convert.name == "ref":
                yield row.convert.argument, row.convert.place
    for each in checked.loops:
        loop = each.definition
        yield loop.entity, loop.places.get("for", loop.place)
        for related in loop.related:
            yield related.entity, related.places.get("entity", related.place)
        for until in (step.until for step in loop.steps if step.until is not None):
            yield until.entity, until.places.get("entity", until.place)
