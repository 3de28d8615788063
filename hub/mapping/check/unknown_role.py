"""A role that approves or is asked is held by somebody in ``people.yaml``.

An approval nobody can give stops the loop for ever. A warning: people come and go while tables stay.

Example::

    approve: {role: finanse}

Fix: use the role the message suggests, or give it to somebody in ``people.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.mapping.table import ApproveDef
from hub.model.diagnostic import Diagnostic

ID = "unknown-role"


def check(checked: Checked) -> Iterator[Diagnostic]:
    held = {role for person in checked.context.people.all for role in person.roles}
    for _, step in checked.steps():
        for asked in (step.approve, step.escalate):
            role = asked.role if isinstance(asked, ApproveDef) else asked.to if asked else ""
            if asked and role and role not in held and "@" not in role:
                why = f"roles in people.yaml: {', '.join(sorted(held)) or 'none'}"
                fix = near(role, tuple(held)) or "give the role to somebody in people.yaml"
                yield finding(asked.place, ID, f'nobody has the role "{role}"', why, fix, "warning")
