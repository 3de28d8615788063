"""``expect`` names fields of the document as it is read back.

A field the document does not have can never be as expected: every document would be a mismatch.

Example::

    expect: {totl: 'expense.amount'}

Fix: use the field the message suggests.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.model.diagnostic import Diagnostic

ID = "expect-unknown-field"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for _, step in checked.steps():
        action = checked.action(step)
        known = tuple(action.document.get("properties", {})) if action else ()
        for field in step.expect:
            if known and field not in known:
                why = f"a {step.action} document has: {', '.join(known)}"
                place = step.places.get(f"expect/{field}", step.place)
                fix = near(field, known) or "use a field of the list"
                yield finding(place, ID, f'the document has no field "{field}"', why, fix)
