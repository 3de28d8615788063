"""A loop of a schedule counts once per period, and nothing else starts it.

``once: life`` would stop it after its first month, ``once: closing`` would name its documents after an event that
does not exist. ``due`` and ``schedule`` are two clocks: a loop follows one.

Example::

    - {loop: settle, for: budget, schedule: {every: month}, once: life}

Fix: leave ``once`` out (it is ``period`` then), and ``starts.of``, ``due`` and ``rearm`` too.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.table import LoopDef
from hub.model.diagnostic import Diagnostic

ID = "schedule-once"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for loop in checked.loops:
        yield from _loop(loop.definition)


def _loop(loop: LoopDef) -> Iterator[Diagnostic]:
    place = loop.places.get("once", loop.place)
    if loop.schedule is None and loop.once == "period":
        why = "a period is counted by a schedule"
        yield finding(place, ID, "once: period without a schedule", why, "add schedule: {every: month}")
    if loop.schedule is not None and loop.once != "period":
        why = "once per period is what keeps a schedule from doing a month twice, or never again"
        yield finding(place, ID, f"once: {loop.once} with a schedule", why, "leave once out")
    for key in ("due", "rearm"):
        if loop.schedule is not None and key in loop.places:
            why = "the schedule alone starts this loop"
            yield finding(loop.places[key], ID, f"{key} with a schedule", why, f"leave {key} out")
    if loop.schedule is not None and loop.starts_of is not None:
        why = "a period has its own time; starts.at says which is the first"
        yield finding(loop.starts_of.place, ID, "starts.of with a schedule", why, "leave of out")
