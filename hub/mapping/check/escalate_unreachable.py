"""Whoever is told that something is late can be reached: there is a connection that sends mail.

A warning: the loop runs all the same, and what is late waits for a person in ``hub settle``; nobody is told.

Example::

    escalate: {to: finance, by: mail}        # hub.yaml has no connection named mail

Fix: add the connection to ``hub.yaml`` (``mail: {url: builtin}`` writes files), or name the one that sends mail.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import LoopDef
from hub.model.diagnostic import Diagnostic, Place

ID = "escalate-unreachable"
ACTION = "message.send"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for loop in checked.loops:
        for by, place in _told(loop.definition):
            if checked.action_of(by, ACTION) is None:
                able = [name for name, spec in checked.context.specs.items() if checked.action_of(name, ACTION)]
                known = f"connections that send mail: {', '.join(able) or 'none'}"
                fix = f"write by: {able[0]}" if able else "add mail: {url: builtin} to the connections of hub.yaml"
                yield finding(place, ID, f'nobody is told by "{by}"', known, fix, "warning")


def _told(loop: LoopDef) -> Iterator[tuple[str, Place]]:
    yield from ((one.by, one.place) for one in loop.escalate)
    for step in loop.steps:
        yield from ((one.by, one.place) for one in step.escalate)
        asked = step.approve
        if asked is not None and (asked.remind or (asked.expires and asked.on_expiry == "escalate")):
            yield asked.by, asked.place
