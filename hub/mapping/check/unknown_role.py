"""A role that approves, reviews or is asked is held by somebody in ``people.yaml``.

An approval nobody can give stops the loop, or the next version of the file, for ever. A warning: people come and go
while tables stay.

Example::

    approve: {role: finanse}

Fix: use the role the message suggests, or give it to somebody in ``people.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.model.diagnostic import Diagnostic, Place

ID = "unknown-role"


def check(checked: Checked) -> Iterator[Diagnostic]:
    held = {role for person in checked.context.people.all for role in person.roles}
    for role, place in _named(checked):
        if role and role not in held and "@" not in role:
            why = f"roles in people.yaml: {', '.join(sorted(held)) or 'none'}"
            fix = near(role, tuple(held)) or "give the role to somebody in people.yaml"
            yield finding(place, ID, f'nobody has the role "{role}"', why, fix, "warning")


def _named(checked: Checked) -> Iterator[tuple[str, Place]]:
    """Roles that approve a step, are told when it is late, or approve a new version of the file."""
    for _, step in checked.steps():
        if step.approve is not None:
            yield from ((one.role, one.place) for one in (step.approve, *step.approve.levels))
        yield from ((one.to, one.to_place or one.place) for one in step.escalate)
    for loop in checked.loops:
        yield from ((one.to, one.to_place or one.place) for one in loop.definition.escalate)
    yield from ((role, place) for each in checked.files for kind, role, place in each.named if kind == "review")
