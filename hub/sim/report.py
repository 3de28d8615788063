"""What a failing seed shows: the invariant, the smallest schedule that still breaks it, the object's own timeline."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import orjson

from hub.model.clock import iso
from hub.sim.faults import Fault
from hub.sim.network import Violation
from hub.sim.storage import rows

if TYPE_CHECKING:
    from hub.sim.world import Outcome, World

LINES_MAX = 80
SHRINK_RUNS = 200
"""Runs a shrinking may take; what is left then still fails, it is only not the smallest."""
_DETAIL = ("to", "state", "reason", "who", "why", "key", "remote_id", "due")


def shrunk(faults: Sequence[Fault], fails: Callable[[Sequence[Fault]], bool]) -> tuple[Fault, ...]:
    """The schedule with everything left out that the failure does not need: halves first, then one by one."""
    kept = list(faults)
    runs, size = 0, max(1, len(kept) // 2)
    while kept:
        place = 0
        while place < len(kept):
            less = kept[:place] + kept[place + size :]
            runs += 1
            if runs > SHRINK_RUNS:
                return tuple(kept)
            if fails(less):
                kept = less
            else:
                place += size
        if size == 1:
            break
        size //= 2
    return tuple(kept)


def timeline_of(world: World, violation: Violation) -> tuple[str, ...]:
    """Every event of the object, its calls and its crashes, in the order of the hub's log."""
    names = _names(world.db, violation.about)
    found = [(recorded, _line(name, kind, data)) for recorded, name, kind, data in _events(world.db, names)]
    texts = {name[:16] for name in names if name}
    for line in world.network.trace:
        at, _, words = line.partition(" ")
        if words.startswith("crash") or any(text in words for text in texts):
            found.append((int(at), words))
    told = [f"{iso(at)}  {words}" for at, words in sorted(found)]
    return tuple(told[-LINES_MAX:])


def _names(db: sqlite3.Connection, about: str) -> set[str]:
    """The object's streams: itself, and for an effect its loop and the other way round."""
    name = about.rpartition(":")[2] if about.startswith(("jira:", "trello:")) else about
    found = {about, name}
    pairs = rows(
        db, "SELECT key, loop, subject FROM effect WHERE key = ?1 OR substr(key, 1, 16) = substr(?1, 1, 16)", (about,)
    )
    for key, loop, subject in pairs:
        found |= {key, loop, subject}
    return found - {""}


def _events(db: sqlite3.Connection, names: set[str]) -> list[tuple[int, str, str, bytes]]:
    text = (
        "SELECT e.recorded, s.name, e.type, e.data FROM event e JOIN stream s ON s.id = e.stream ORDER BY e.position"
    )
    return [row for row in rows(db, text) if any(name in row[1] for name in names)]


def _line(stream: str, kind: str, data: bytes) -> str:
    said = orjson.loads(data)
    detail = {name: said[name] for name in _DETAIL if isinstance(said, dict) and said.get(name) not in (None, "", [])}
    kept, _, name = stream.partition("/")
    return f"{kept}/{name[:28]}  {kind}  {' '.join(f'{key}={value}' for key, value in detail.items())}"


def words_of(outcome: Outcome, small: Sequence[Fault], command: str) -> str:
    """What ``hub sim`` prints of a failing seed."""
    assert outcome.violation is not None
    lines = [
        f"seed {outcome.seed} breaks {outcome.violation.name}: {outcome.violation.words}",
        f"about: {outcome.violation.about or 'the whole run'}",
        f"faults: {len(outcome.faults)} drawn, {len(small)} needed" + (":" if small else " (it fails without any)"),
        *(f"  {fault}" for fault in small),
        "timeline:",
        *(f"  {line}" for line in outcome.timeline),
        f"again: {command}",
    ]
    return "\n".join(lines)
