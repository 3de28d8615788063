"""A step's ``each`` runs over entities, or the step says ``key:``.

Each effect is keyed by what it is about, never by its place in a list: the place changes when a list grows.

Example::

    each: {line: project.tags}

Fix: run over a related list, or add ``key: line.id``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.model.diagnostic import Diagnostic

ID = "each-needs-key"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for loop, step in checked.steps():
        related = {each.name for each in loop.related}
        if step.each is None or step.key is not None or not step.each[1].steps:
            continue
        path = step.each[1]
        if len(path.steps) > 1 or path.steps[0] not in related:
            why = f"{path.text} is no related list, so its elements have no key of their own"
            yield finding(path.place, ID, "each over what has no key", why, f"add key: {step.each[0]}.id")
