"""``undo`` takes back what the step does: the action its connector names for it.

Another action would be sent with the id of a document it knows nothing of, on a day when everybody is in a hurry.

Example::

    do: erp.purchase_requisition.create
    undo: erp.reimbursement.cancel

Fix: use the action the message names.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.model.diagnostic import Diagnostic

ID = "wrong-undo"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for _, step in checked.steps():
        connection, _, name = step.undo.partition(".")
        action, undo = checked.action(step), checked.action_of(connection, name)
        if action is None or undo is None or (connection, name) == (step.connection, action.undo):
            continue
        place = step.places.get("undo", step.place)
        what = f"{step.connection}.{action.undo}" if action.undo else "nothing"
        why = f"{step.connection}.{action.name} is taken back by {what}"
        fix = f"write undo: {what}" if action.undo else "leave undo out; add approve: {role: …}"
        yield finding(place, ID, f"{step.undo} does not take back {action.name}", why, fix)
