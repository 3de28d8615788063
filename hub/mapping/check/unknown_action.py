"""A step does an action its connector has.

What is not an action can never be done, and the loop would ask a person every time.

Example::

    do: erp.purchase_requisition.crate

Fix: use one of the actions the message lists.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.model.diagnostic import Diagnostic

ID = "unknown-action"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for _, step in checked.steps():
        spec = checked.context.specs.get(step.connection)
        if spec is None or checked.action(step) is not None:
            continue
        known = tuple(action.name for action in spec.actions)
        why = f"{spec.name} can do: {', '.join(sorted(known)) or 'nothing'}"
        fix = near(step.action, known) or "use an action of the list"
        yield finding(step.places.get("do", step.place), ID, f'unknown action "{step.action}"', why, fix)
