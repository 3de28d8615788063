"""In ``from: [a, b]`` each path can be the first that is filled.

A path that was tried before, or that lies inside one tried before, never has its turn: where the first is empty the
second is too.

Example::

    - {field: cost_center, from: [fields.team, fields.team.code]}

Fix: remove the path, or put the more exact one first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import Path, flat
from hub.model.diagnostic import Diagnostic

ID = "shadowed-path"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        for row in flat(table.rows):
            yield from _paths(row.sources)
    for _, step in checked.steps():
        for row in flat(step.payload):
            yield from _paths(row.sources)


def _paths(paths: Sequence[Path]) -> Iterator[Diagnostic]:
    for number, path in enumerate(paths):
        before = next((one for one in paths[:number] if path.steps[: len(one.steps)] == one.steps), None)
        if before is not None:
            why = f"{before.text} is tried first, and where it is empty {path.text} is empty too"
            fix = "remove it" if before.steps == path.steps else f"put it before {before.text}"
            yield finding(path.place, ID, f"{path.text} is never read", why, fix, "warning")
