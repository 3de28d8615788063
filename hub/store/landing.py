"""Deliveries that come to the store together with what was concluded from them (their bytes lie in Kafka till then).

``identify`` gives them places before anything is decided; until they are written those are provisional: far above
every real position, in order. What was concluded from them names these places, and follows them to the real ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hub.model.changes import Changes, Outcome
from hub.model.clock import SECOND, Micros
from hub.store.appending import Placed, Sealed

PROVISIONAL = 1 << 62
HOUR: Micros = 3_600 * SECOND
Places = Mapping[int, int]
"""Provisional position -> real one."""


def rows_of(
    arrivals: Sequence[Sealed], placed: Sequence[Placed], first: int
) -> tuple[list[tuple[Any, ...]], dict[int, int]]:
    """The rows of those that are no duplicates, numbered from ``first`` on in the order of their places."""
    new = sorted((p.position, n) for n, p in enumerate(placed) if not p.duplicate)
    rows, places = [], {}
    for real, (provisional, n) in enumerate(new, first):
        a, p = arrivals[n], placed[n]
        places[provisional] = real
        rows.append(
            (
                *(real, a.connection, p.ref, a.fingerprint, p.nth, a.source_id, a.received_at, a.origin),
                *(p.conflict, a.cause, a.headers, a.body),
            )
        )
    return rows, places


def duplicates_of(arrivals: Sequence[Sealed], placed: Sequence[Placed]) -> list[tuple[str, str, Micros, int]]:
    """Rows of ``ADD_MEASURE``: how many came again, by connection and hour."""
    counted: Counter[tuple[str, Micros]] = Counter()
    for a, p in zip(arrivals, placed, strict=True):
        if p.duplicate:
            counted[a.connection, a.received_at - a.received_at % HOUR] += 1
    return [("", f"duplicate/{name}", hour, n) for (name, hour), n in sorted(counted.items())]


def settled(changes: Changes, places: Places) -> Changes:
    """The same changes, naming real positions."""

    def real(position: int) -> int:
        return places.get(position, position)

    return replace(
        changes,
        outcomes=[Outcome(real(o.position), o.record, o.table, o.verdict, o.reason) for o in changes.outcomes],
        quarantines={
            identity: replace(one, position=real(one.position)) for identity, one in changes.quarantines.items()
        },
        withdrawn={(real(position), record, table) for position, record, table in changes.withdrawn},
    )
