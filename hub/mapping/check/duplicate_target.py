"""A field is filled by one row of its table.

The later row would win in silence.

Example::

    - {field: name, from: key}
    - {field: name, from: fields.summary}

Fix: keep one row; a list ``from: [a, b]`` takes the first that is filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import Row
from hub.model.diagnostic import Diagnostic

ID = "duplicate-target"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        yield from _repeated(table.rows)
    for _, step in checked.steps():
        yield from _repeated(step.payload)


def _repeated(rows: Sequence[Row]) -> Iterator[Diagnostic]:
    seen: dict[str, Row] = {}
    for row in rows:
        first = seen.setdefault(row.field, row)
        if first is not row:
            why = f"line {first.place.line} fills it already"
            yield finding(
                row.place, ID, f'field "{row.field}" a second time', why, "keep one; from: [a, b] tries several"
            )
        yield from _repeated(row.rows)
