"""No loop starts itself through what it writes.

A step writes an object into a system; a table maps objects of that stream to an entity; a loop runs for that entity.
Where that leads back to the first loop, one closing could write documents until somebody pulls the plug.

Example::

    tables:
    - {entity: campaign, source: pm.comment, …}
    loops:
    - loop: answer
      for: campaign
      steps: [{step: reply, do: pm.issue.comment, …}]

Fix: leave the hub's own objects out with ``only:``, or write somewhere no table of the circle reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hub.mapping.check.checked import Checked, Loop, finding
from hub.mapping.table import LoopDef, StepDef, TableDef
from hub.model.action import ActionSpec
from hub.model.diagnostic import Diagnostic

ID = "loop-cycle"


@dataclass(frozen=True, slots=True)
class _Way:
    """One step of the circle: a loop's step writes what a table reads for the next loop."""

    loop: LoopDef
    step: StepDef
    table: TableDef
    next: LoopDef

    def __str__(self) -> str:
        wrote = f"{self.step.name} ({self.step.connection}.{self.step.action})"
        return f"loop {self.loop.name} → step {wrote} → table {self.table.entity} ← {self.table.stream}"


def check(checked: Checked) -> Iterator[Diagnostic]:
    ways = list(_ways(checked))
    reported: set[str] = set()
    for each in checked.loops:
        circle = _circle(each.definition, ways)
        names = {way.loop.name for way in circle}
        if circle and not reported & names:
            reported |= names
            yield _finding(each, circle)


def _ways(checked: Checked) -> Iterator[_Way]:
    for each in checked.loops:
        for step in each.definition.steps:
            for table in checked.tables:
                if _feeds(checked, step, table):
                    for after in checked.loops:
                        if after.definition.entity == table.entity:
                            yield _Way(each.definition, step, table, after.definition)


def _feeds(checked: Checked, step: StepDef, table: TableDef) -> bool:
    """Whether what the step writes comes back as a record of the table's stream."""
    action, stream = checked.action(step), checked.stream(table)
    if action is None or stream is None or step.connection != table.connection:
        return False
    return stream.name in _written(action) or getattr(stream, "update_action", "") == action.name


def _written(action: ActionSpec) -> frozenset[str]:
    """Streams an action makes records in: ``issue.comment`` a comment; ``issue.create`` an issue. A note leaves
    the object it stands on as it was."""
    parts = action.name.split(".")
    return frozenset(parts[-1:] if action.weight == "note" else (parts[0], parts[-1]))


def _circle(start: LoopDef, ways: Sequence[_Way]) -> tuple[_Way, ...]:
    """The ways from a loop back to itself; empty where there are none."""
    open_ends: list[tuple[_Way, ...]] = [(way,) for way in ways if way.loop is start]
    seen: set[int] = set()
    while open_ends:
        gone = open_ends.pop(0)
        end = gone[-1].next
        if end is start:
            return gone
        if id(end) not in seen:
            seen.add(id(end))
            open_ends += [(*gone, way) for way in ways if way.loop is end]
    return ()


def _finding(each: Loop, circle: Sequence[_Way]) -> Diagnostic:
    start = each.definition
    why = " → ".join([*map(str, circle), f"loop {start.name}"])
    fix = "leave out the hub's own objects with only:, or write where no table of the circle reads"
    place = circle[0].step.places.get("do", circle[0].step.place)
    return finding(place, ID, f"loop {start.name} can start itself", why, fix, "warning")
