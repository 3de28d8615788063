"""``undo`` names an action its connector has.

It is wanted on the day something must be taken back; a typing error would be found too late.

Example::

    undo: erp.purchase_requisition.cancle

Fix: use the action the message suggests.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.model.diagnostic import Diagnostic

ID = "unknown-undo"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for _, step in checked.steps():
        connection, _, name = step.undo.partition(".")
        spec = checked.context.specs.get(connection)
        if not step.undo or spec is None or checked.action_of(connection, name) is not None:
            continue
        known = tuple(action.name for action in spec.actions)
        why = f"{spec.name} can do: {', '.join(sorted(known)) or 'nothing'}"
        own = checked.action(step)
        right = f"write undo: {connection}.{own.undo}" if own is not None and own.undo in known else ""
        fix = right or near(name, known) or "use an action of the list"
        yield finding(step.places.get("undo", step.place), ID, f'unknown action "{name}"', why, fix)
