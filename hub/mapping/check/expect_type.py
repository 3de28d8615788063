"""What `expect` says of a document's field has the type the field has when it is read back.

A value of another type is never equal to what is read: every document would be a mismatch, and a person would be
asked about each.

Example::

    expect: {total: 'project.name'}       # total is money

Fix: write an expression of the type the message names.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.fit import fits
from hub.mapping.expression.kinds import DYN, SHARE, type_of
from hub.model.diagnostic import Diagnostic

ID = "expect-type"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for _, step in checked.steps():
        action = checked.action(step)
        fields = action.document.get("properties", {}) if action else {}
        for field, expression in step.expect.items():
            wanted = fields.get(field)
            found = checked.results.get(id(expression), DYN)
            if wanted is None or fits(type_of(wanted), found):
                continue
            fix = (
                "wrap it: round(…, 2)"
                if found.name == SHARE.name
                else f"write an expression of type {type_of(wanted)}"
            )
            message = f"{field} is {type_of(wanted)} in the document, this gives {found}"
            yield finding(expression.place, ID, message, f"as {step.action} reads it back", fix)
