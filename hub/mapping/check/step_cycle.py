"""``after`` never leads back to the step itself.

Steps that wait for each other never start.

Example::

    - {step: a, after: [b], …}
    - {step: b, after: [a], …}

Fix: remove one of the ``after``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hub.mapping.check.checked import Checked, finding
from hub.model.diagnostic import Diagnostic

ID = "step-cycle"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for each in checked.loops:
        after = {step.name: step.after for step in each.definition.steps}
        reported: set[str] = set()
        for step in each.definition.steps:
            circle = _circle(step.name, after)
            if circle and not reported & set(circle):
                reported.update(circle)
                place = step.places.get("after", step.place)
                why = " waits for ".join((*circle, circle[0]))
                yield finding(place, ID, f"step {step.name} waits for itself", why, "remove one of these after")


def _circle(start: str, after: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The steps of a circle through ``start``, in order; empty without one."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in after.get(way[-1], ()):
            if name == start:
                return way if len(way) > 1 else ()
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()
