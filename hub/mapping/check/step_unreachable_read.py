"""``steps.X`` is read only where X is in ``after``.

Otherwise X may not have run yet, and its document would be missing by luck of timing.

Example::

    value: 'steps.purchase.number'     # without after: [purchase]

Fix: add the step to ``after``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.expression.tree import Name, Select, place_of, walk
from hub.mapping.table import StepDef, flat
from hub.model.diagnostic import Diagnostic, Place

ID = "step-unreachable-read"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for loop, step in checked.steps():
        others = {other.name for other in loop.steps} - set(step.after) - {step.name}
        for name, place in _read(checked, step):
            if name in others:
                why = f"{step.name} may run before {name} has"
                fix = f"add {name} to after: [{', '.join((*step.after, name))}]"
                yield finding(place, ID, f"steps.{name} is not there yet", why, fix)


def _read(checked: Checked, step: StepDef) -> Iterator[tuple[str, Place]]:
    """The steps this one reads, in expressions and in paths."""
    for expression in checked.expressions(step):
        root = checked.roots.get(id(expression))
        for node in walk(root) if root else ():
            match node:
                case Select(of=Name(name="steps"), name=name, span=span):
                    yield name, place_of(expression, span)
    paths = [right for _, right in (step.until.matches if step.until else ())]
    for path in paths:
        if len(path.steps) > 1 and path.steps[0] == "steps":
            yield str(path.steps[1]), path.place
    for row in flat(step.payload):
        for path in row.sources:
            if len(path.steps) > 1 and path.steps[0] == "steps":
                yield str(path.steps[1]), path.place
