"""``on_fail: undo`` stands before the point of no return: steps are ordered undoable → final → must-finish.

A money or asset step without ``undo`` is final. When a later step fails, or one beside it whose turn came later,
what is final stays, and undoing the rest would leave half a closing: there is only the way forward, and a person.

Example::

    steps:
    - {step: asset, do: erp.asset.create}                        # no undo: final
    - {step: reimburse, do: erp.reimbursement.create, on_fail: undo}

Fix: give the final step ``after: [every step with on_fail: undo]``, or an ``undo`` of its own; or leave
``on_fail: undo`` out of the steps behind it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import LoopDef, StepDef
from hub.model.diagnostic import Diagnostic

ID = "undo-order"
HEAVY = frozenset({"money", "asset"})


def check(checked: Checked) -> Iterator[Diagnostic]:
    for each in checked.loops:
        loop = each.definition
        final = [step for step in loop.steps if _is_final(checked, step)]
        before = {step.name: _before(loop, step) for step in loop.steps}
        for step in loop.steps:
            for last in final if step.on_fail == "undo" else ():
                if last is not step and step.name not in before[last.name]:
                    yield _finding(step, last, last.name in before[step.name])


def _is_final(checked: Checked, step: StepDef) -> bool:
    action = checked.action(step)
    return action is not None and action.weight in HEAVY and not step.undo


def _before(loop: LoopDef, step: StepDef) -> set[str]:
    """The steps that are over before this one starts."""
    steps = {one.name: one for one in loop.steps}
    found: set[str] = set()
    open_ends = list(step.after)
    while open_ends:
        name = open_ends.pop()
        if name in steps and name not in found:
            found.add(name)
            open_ends += steps[name].after
    return found


def _finding(step: StepDef, last: StepDef, behind: bool) -> Diagnostic:
    when = "is done before it starts" if behind else "may be done by then"
    why = f"{last.name} cannot be taken back, and {when}"
    fix = (
        f"leave on_fail out of {step.name}: past {last.name} a person decides"
        if behind
        else f"add {step.name} to after of {last.name}, or give {last.name} an undo"
    )
    place = step.places.get("on_fail", step.place)
    return finding(place, ID, f"{step.name} cannot undo the loop when it fails", why, fix)
