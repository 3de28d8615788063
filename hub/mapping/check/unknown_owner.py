"""An owner is a role somebody holds, or a person of ``people.yaml``.

Records that are set aside and steps that fail wait for their owner, and only an owner may decide about them: one whom
nobody is lets them wait for ever. A warning: people come and go while tables stay.

Example::

    owner: purchase        # the role is purchasing

Fix: use the name the message suggests, or give the role to somebody in ``people.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.model.diagnostic import Diagnostic
from hub.model.people import People

ID = "unknown-owner"


def check(checked: Checked) -> Iterator[Diagnostic]:
    people = checked.context.people
    roles = sorted({role for person in people.all for role in person.roles})
    if not roles:  # nobody is anything yet: a workspace that is being set up
        return
    for kind, owner, place in (each for file in checked.files for each in file.named):
        if kind == "owner" and not people.with_role(owner) and people.find(owner) is None:
            why = f"what waits for this owner waits for nobody; roles in people.yaml: {', '.join(roles)}"
            fix = near(owner, _known(people, roles)) or "give the role to somebody in people.yaml, or name a person"
            yield finding(place, ID, f'nobody in people.yaml is "{owner}"', why, fix, "warning")


def _known(people: People, roles: list[str]) -> list[str]:
    accounts = (name for person in people.all for names in person.accounts.values() for name in names if "@" in name)
    return [*roles, *(name for person in people.all for name in (person.code, person.mail) if name), *accounts]
