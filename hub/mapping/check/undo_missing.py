"""A step that moves money or books an asset can be taken back, or is approved by a person first.

On the day a close turns out wrong, ``hub loop cancel`` runs the ``undo`` of its steps in reverse; a step without one
must be undone by hand in the target.

Example::

    - step: reimburse
      do: erp.reimbursement.create

Fix: add ``undo:`` with the action the message names, or ``approve: {role: …}``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.model.diagnostic import Diagnostic

ID = "undo-missing"
HEAVY = frozenset({"money", "asset"})


def check(checked: Checked) -> Iterator[Diagnostic]:
    for _, step in checked.steps():
        action = checked.action(step)
        if action is None or action.weight not in HEAVY or step.undo.strip(".") or step.approve is not None:
            continue
        why = f"{action.name} is of weight {action.weight}: cancelling the loop would leave its document standing"
        own = f"undo: {step.connection}.{action.undo}" if action.undo else "approve: {role: finance}"
        fix = f"add {own}" + (", or approve: {role: …}" if action.undo else "; the target offers no undo")
        message = f"step {step.name} has neither undo nor approve"
        yield finding(step.places.get("do", step.place), ID, message, why, fix, "warning")
