"""What a connector calls sensitive is mapped with ``privacy``.

People, salaries and account data go where the privacy level lets them; a row without one says that anybody may see
the value.

Example::

    - {field: manager, from: fields.assignee, as: person}

Fix: add ``privacy: personal`` (or the level your rules name) to the row, the table or the integration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hub.mapping.check.checked import Checked, finding
from hub.mapping.expression.tree import Name, Node, Select, walk
from hub.mapping.literals import BadLiteral, path_steps
from hub.mapping.table import Row, TableDef, flat
from hub.model.diagnostic import Diagnostic, Place

ID = "sensitive-unmarked"
Steps = tuple[str | int | None, ...]


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        sensitive = _sensitive(checked, table)
        for row in flat(table.rows) if sensitive else ():
            if not row.governance.privacy:
                yield from _row(checked, row, sensitive)


def _sensitive(checked: Checked, table: TableDef) -> Mapping[Steps, str]:
    stream = checked.stream(table)
    found: dict[Steps, str] = {}
    for field in getattr(stream, "fields", ()):
        if field.sensitive:
            try:
                found[path_steps(field.path)] = field.path
            except BadLiteral:  # a connector may document a pattern (`accounts.<id>`): nothing to compare with
                continue
    return found


def _row(checked: Checked, row: Row, sensitive: Mapping[Steps, str]) -> Iterator[Diagnostic]:
    for steps, place in _reads(checked, row):
        hit = next((text for found, text in sensitive.items() if steps[: len(found)] == found), "")
        if hit:
            message = f"{row.field} reads {hit} and has no privacy"
            why = "the connector documents it as sensitive; without a level it is shown to everybody"
            yield finding(place, ID, message, why, "add privacy: personal", "warning")
            return


def _reads(checked: Checked, row: Row) -> Iterator[tuple[Sequence[str | int | None], Place]]:
    for path in row.sources:
        yield path.steps, path.place
    root = checked.roots.get(id(row.value)) if row.value is not None else None
    for node in walk(root) if root is not None else ():
        if isinstance(node, (Name, Select)):
            yield _steps(node), root.expression.place if root is not None else row.place


def _steps(node: Node) -> tuple[str, ...]:
    if isinstance(node, Select):
        above = _steps(node.of)
        return (*above, node.name) if above else ()
    return (node.name,) if isinstance(node, Name) else ()
