"""Conditions that gave no value: written down where people look, never a silent no. Pure.

``when``, ``starts.of`` or ``where`` met data they can say nothing about (text where a number is meant, two
currencies). That counts as not true, so nothing starts by accident; the note stands among the records in quarantine,
with the loop's owner, until the same condition gives a value again.
"""

from __future__ import annotations

from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.changes import Quarantine
from hub.model.entity import Entity
from hub.model.frozen import replace

REASON = "condition"


def note(world: World, loop: CompiledLoop, subject: Entity, row: str, problem: str) -> None:
    """Write down what a condition of the loop said about a subject; ``problem`` empty: it gives a value."""
    rows = world.quarantined(subject.kind, subject.key)
    if not problem and not rows:
        return
    name = f"{REASON}/{loop.integration}/{loop.definition.name}/{row}/{subject.stream}"
    known = next((one for one in rows if one.id == name), None)
    if not problem:
        if known is not None:
            world.put_quarantine(replace(known, closed_at=world.now, closed_by="it gives a value again"))
        return
    if known is None or known.message != problem:
        world.measures[loop.integration, "conditions_without_value"] += 1
        world.put_quarantine(_row(world, loop, subject, row, problem, name, known))


def _row(
    world: World, loop: CompiledLoop, subject: Entity, row: str, problem: str, name: str, known: Quarantine | None
) -> Quarantine:
    return Quarantine(
        id=name,
        connection=min(subject.marks, default="").partition("/")[0],
        delivery=world.delivery,
        position=0,
        record=world.record,
        table=f"{loop.integration}/{loop.definition.name}",
        kind=subject.kind,
        key=subject.key,
        at=world.time,
        reason="condition",
        row=row,
        owner=loop.definition.owner,
        message=problem,
        since=world.now if known is None else known.since,
    )
