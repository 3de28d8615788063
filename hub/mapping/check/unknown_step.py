"""``after`` names steps of the same loop.

A step that waits for one that does not exist would never start.

Example::

    after: [purchse]

Fix: use the step the message suggests.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.model.diagnostic import Diagnostic

ID = "unknown-step"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for loop, step in checked.steps():
        known = tuple(other.name for other in loop.steps if other is not step)
        for name in step.after:
            if name not in known:
                why = f"steps of {loop.name}: {', '.join(known) or 'no other'}"
                place = step.places.get(f"after/{name}", step.place)
                message = "a step cannot be after itself" if name == step.name else f'unknown step "{name}"'
                yield finding(place, ID, message, why, _fix(name, known))


def _fix(name: str, known: tuple[str, ...]) -> str:
    several = [part.strip() for part in name.replace("，", ",").replace("、", ",").split(",")]
    if len(several) > 1 and set(several) <= set(known):
        return f"write a list: [{', '.join(several)}]"
    return near(name, known) or "remove it"
