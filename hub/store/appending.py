"""Put deliveries into the log table inside the writer's transaction: identity is decided here, under the lock.

Under one source id the same body is a duplicate (not stored) and another body a conflict (kept, marked). Without an
id every delivery is kept and the n-th equal one gets its own ref (design §5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hub.model.clock import SECOND, Micros
from hub.store.hot_sqlite import FIND_AT_ONCE, INSERT_DELIVERY, find_deliveries
from hub.store.sql import Database
from hub.store.statements import ADD_MEASURE

NEXT = "SELECT coalesce(max(position), 0) + 1 FROM delivery"
POSITION_OF_REF = "SELECT position FROM delivery WHERE ref = ?"
"""Asked only when an id comes again with another body than its last one."""


@dataclass(slots=True)
class Sealed:
    """One delivery ready to be placed; ``again(n)`` gives the ref of the n-th equal body without an id.

    Not frozen: that would cost 1.5 µs for each delivery.
    """

    connection: str
    ref: bytes
    fingerprint: bytes
    source_id: str | None
    received_at: Micros
    origin: str
    cause: str
    headers: bytes
    body: bytes
    again: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Append:
    """What one caller wants appended together."""

    arrivals: Sequence[Sealed]


class Placed(NamedTuple):
    """Where a delivery stands; of a duplicate: where the first one stands."""

    position: int
    ref: bytes
    duplicate: bool
    conflict: bool
    nth: int = 0
    """Which of its fingerprint's deliveries it is."""


Last = tuple[int, int, bytes]
"""nth, position, ref of the newest delivery of a fingerprint."""
Find = Callable[[Database, Sequence[bytes]], dict[bytes, Last]]


class Placing:
    """Gives each delivery of a run its position and identity; rows are collected and inserted at once."""

    def __init__(
        self, db: Database, fingerprints: Sequence[bytes], first: int | None = None, find: Find | None = None
    ) -> None:
        """``first``: the position to begin with; without, the next one of the log."""
        self._db = db
        self._last = (find or _newest)(db, fingerprints)
        self._next = int(db.execute(NEXT).fetchone()[0]) if first is None else first
        self._refs: dict[bytes, int] = {}
        self.rows: list[tuple[object, ...]] = []
        self.duplicates: Counter[tuple[str, Micros]] = Counter()

    def place(self, a: Sealed) -> Placed:
        last = self._last.get(a.fingerprint)
        if last is None:
            return self._keep(a, a.ref, 0)
        if a.source_id is None:
            return self._keep(a, a.again(last[0] + 1), last[0] + 1)
        first = last[1] if last[2] == a.ref else self._position_of(a.ref)
        if first is None:
            return self._keep(a, a.ref, last[0] + 1, conflict=True)
        self.duplicates[a.connection, a.received_at - a.received_at % (3_600 * SECOND)] += 1
        return Placed(first, a.ref, True, False)

    def _position_of(self, ref: bytes) -> int | None:
        row = self._db.execute(POSITION_OF_REF, (ref,)).fetchone()
        return self._refs.get(ref) if row is None else int(row[0])

    def _keep(self, a: Sealed, ref: bytes, nth: int, *, conflict: bool = False) -> Placed:
        position = self._next
        self._next += 1
        self._last[a.fingerprint] = (nth, position, ref)
        self._refs[ref] = position
        self.rows.append(
            (
                *(position, a.connection, ref, a.fingerprint, nth, a.source_id, a.received_at, a.origin),
                *(conflict, a.cause, a.headers, a.body),
            )
        )
        return Placed(position, ref, False, conflict, nth)


def _newest(db: Database, fingerprints: Sequence[bytes]) -> dict[bytes, Last]:
    """What is there already under these fingerprints. Statements come in few sizes, so that they stay prepared."""
    found: dict[bytes, Last] = {}
    for first in range(0, len(fingerprints), FIND_AT_ONCE):
        some = fingerprints[first : first + FIND_AT_ONCE]
        size = 1 << (len(some) - 1).bit_length()
        padded = (*some, *[None] * (size - len(some)))
        found.update((row[0], row[1:]) for row in db.execute(find_deliveries(size), padded))
    return found


def identified(db: Database, arrivals: Sequence[Sealed], first: int, find: Find | None = None) -> list[Placed]:
    """Where these would stand, the first new one at ``first``; nothing is written."""
    placing = Placing(db, [arrival.fingerprint for arrival in arrivals], first, find)
    return [placing.place(arrival) for arrival in arrivals]


def append_runs(db: Database, runs: Sequence[Append], find: Find | None = None) -> list[list[Placed]]:
    """Place and insert the deliveries of neighbouring callers; answers in their order."""
    placing = Placing(db, [arrival.fingerprint for run in runs for arrival in run.arrivals], find=find)
    answers = [[placing.place(arrival) for arrival in run.arrivals] for run in runs]
    db.executemany(INSERT_DELIVERY, placing.rows)
    counted = [("", f"duplicate/{name}", hour, n) for (name, hour), n in sorted(placing.duplicates.items())]
    if counted:
        db.executemany(ADD_MEASURE, counted)
    return answers
