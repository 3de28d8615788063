"""The cases of a mapping use every row and every entry of its value maps.

A row no case goes through may be wrong and nobody knows; the next edit may break it and nobody notices. Asked only
where a ``*.cases.yaml`` stands beside the mapping.

Example::

    values: {new: open, done: bought}      # no case hands over a record whose status is done

Fix: add a case that goes through it; ``hub mapping test`` prints the coverage.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import Row, TableDef
from hub.model.diagnostic import Diagnostic, Place

ID = "uncovered-case"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for definition in checked.definitions:
        unused = checked.context.uncovered.get(definition.name, frozenset())
        for table in definition.tables if unused else ():
            for row in table.rows:
                yield from _row(table, row, unused)


def _row(table: TableDef, row: Row, unused: frozenset[str]) -> Iterator[Diagnostic]:
    name = f"{table.entity}.{row.field}"
    if name in unused:
        yield _finding(row.place, f"no case uses row {row.field}")
        return
    for entry, place in row.values_places.items():
        if f"{name}: {entry}" in unused:
            yield _finding(place, f'no case uses entry "{entry}" of {row.field}')


def _finding(place: Place, message: str) -> Diagnostic:
    why = "what no case goes through can be broken without anybody noticing"
    return finding(place, ID, message, why, "add a case to the *.cases.yaml beside it", "warning")
