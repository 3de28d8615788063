"""``hub replay --verify``: every entity, loop and effect once more from its events, held against the rows."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from typing import Any

from hub.cli.options import Format

SHOWN = 50
"""Differences that are told; how many there are is counted."""


def verify(root: Path, form: Format) -> int:
    """The command; 1 when something differs."""
    from hub.cli.render import document

    said = verified(root)
    if form is Format.json:
        document(said)
        return 0 if said["ok"] else 1
    for one in said["differences"]:
        print(one)
    names = ("entities", "loops", "effects", "events")
    print(", ".join(f"{said[name]} {name}" for name in names[:3]) + f" from {said['events']} events", end=": ")
    print("all of them are what their events say" if said["ok"] else f"{said['differing']} differences")
    return 0 if said["ok"] else 1


def verified(root: Path) -> dict[str, Any]:
    """The answer as JSON, from one picture of the store."""
    from hub.bootstrap import open_workspace
    from hub.history.refold import Refold
    from hub.store.queries import closings, heads

    opened = open_workspace(root)
    again = Refold(opened.schemas)
    with opened.store.read() as db:
        for event in closings.stored(db):
            again.take(event)
        found = chain(
            again.entity_differences(heads.every_entity(db), heads.shapes(db)),
            again.loop_differences(heads.every_instance(db)),
            again.effect_differences(heads.every_effect(db)),
            again.taken_differences(heads.every_taken(db)),
        )
        told = list(islice(found, SHOWN))
        differing = len(told) + sum(1 for _ in found)
    counts = {"entities": len(again.entities), "loops": len(again.loops), "effects": len(again.effects)}
    return {"ok": not differing, **counts, "events": again.events, "differing": differing, "differences": told}
