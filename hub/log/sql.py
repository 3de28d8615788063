"""The log in the store's own database: deliveries are appended by the writer thread and read in order.

Hashing and sealing happen in the caller's thread, while the writer flushes somebody else's commit; identity
(duplicate, conflict, n-th equal body) is decided under the write lock (``hub.store.appending``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from hub.log.port import Appended, Arrival
from hub.model.clock import SECOND, Micros
from hub.model.delivery import Delivery, delivery_ref, fingerprint
from hub.store.appending import Placed, Sealed
from hub.store.failures import DiskReserve
from hub.store.sqlite import SqliteStore

RESERVE_BYTES = 1 << 30
RESERVE_SHARE = 0.05
"""Disk kept free for the outcomes of effects already sent: 1 GiB or 5 %, whichever is less."""
BATCH_BYTES = 16 << 20
"""A read stops after this many bytes of bodies: a batch of large deliveries must fit into memory."""

COLUMNS = "position, connection, ref, body, headers, received_at, origin, source_id, conflict, cause"
READ = f"SELECT {COLUMNS} FROM delivery WHERE position > ? ORDER BY position LIMIT ?"
GET = f"SELECT {COLUMNS} FROM delivery WHERE position = ?"
BY_REF = f"SELECT {COLUMNS} FROM delivery WHERE ref = ?"
END = "SELECT coalesce(max(position), 0) FROM delivery"


def disk_space(path: str) -> tuple[int, int]:
    """(free, total) bytes of the disk that holds ``path``."""
    usage = shutil.disk_usage(path)
    return usage.free, usage.total


class SqlLog:
    """Implements ``hub.log.port.Log``."""

    def __init__(self, store: SqliteStore, space: Callable[[str], tuple[int, int]] = disk_space) -> None:
        self._store, self._space = store, space
        self._looked_at: Micros | None = None
        self._full: DiskReserve | None = None

    async def append(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        self._check_reserve()
        placed = await self._store.appending([self._sealed(arrival) for arrival in arrivals])
        return [_appended(each) for each in placed]

    def append_now(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        """The same, blocking, for callers without an event loop."""
        self._check_reserve()
        placed = self._store.append_now([self._sealed(arrival) for arrival in arrivals])
        return [_appended(each) for each in placed]

    def read(self, after: int, limit: int) -> Sequence[Delivery]:
        found: list[Delivery] = []
        room = BATCH_BYTES
        with self._store.reader() as db:
            rows = db.execute(READ, (after, limit))
            for row in rows:
                found.append(self._delivery(row))
                room -= len(row[3])
                if room <= 0:
                    break
            rows.close()
        return found

    def get(self, position: int) -> Delivery | None:
        return self._one(GET, position)

    def by_ref(self, ref: str) -> Delivery | None:
        """The delivery an event or outcome names."""
        return self._one(BY_REF, bytes.fromhex(ref))

    def end(self) -> int:
        """The position of the newest delivery; 0 in an empty log."""
        with self._store.reader() as db:
            return int(db.execute(END).fetchone()[0])

    def _one(self, statement: str, value: int | bytes) -> Delivery | None:
        with self._store.reader() as db:
            row = db.execute(statement, (value,)).fetchone()
        return None if row is None else self._delivery(row)

    def _sealed(self, a: Arrival) -> Sealed:
        return Sealed(
            a.connection,
            bytes.fromhex(delivery_ref(a.connection, a.source_id, a.body, 0)),
            fingerprint(a.connection, a.source_id, a.body),
            a.source_id,
            a.received_at,
            a.origin,
            a.cause,
            orjson.dumps(dict(a.headers)),
            self._store.seal(a.body, a.connection),
            lambda nth: bytes.fromhex(delivery_ref(a.connection, a.source_id, a.body, nth)),
        )

    def _delivery(self, row: tuple[Any, ...]) -> Delivery:
        position, connection, ref, body, headers, received_at, origin, source_id, conflict, cause = row
        return Delivery(
            connection,
            ref.hex(),
            self._store.open(body, connection),
            orjson.loads(headers),
            received_at,
            origin,
            source_id,
            bool(conflict),
            cause,
            position,
        )

    def _check_reserve(self) -> None:
        """Refuse while the disk is nearly full; the disk is asked at most once a second."""
        now = self._store.clock.now()
        if self._looked_at is None or not 0 <= now - self._looked_at < SECOND:
            self._looked_at = now
            self._full = self._reserve_reached()
        if self._full is not None:
            raise self._full.with_traceback(None)  # one object for all callers of this second

    def _reserve_reached(self) -> DiskReserve | None:
        folder = str(self._store.path.parent)
        free, total = self._space(folder)
        reserve = min(RESERVE_BYTES, int(total * RESERVE_SHARE))
        if free >= reserve:
            return None
        return DiskReserve(
            f"the disk has {free >> 20} MiB left, {reserve >> 20} MiB are kept in reserve",
            retry_after=30,
            where=folder,
            why="the rest is needed to record what became of documents already sent",
            fix="free disk space; the hub accepts deliveries again by itself",
        )


def _appended(placed: Placed) -> Appended:
    return Appended(placed.position, placed.ref.hex(), placed.duplicate, placed.conflict)
