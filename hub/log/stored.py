"""Deliveries as the store keeps them: the reading side of every log, wherever they were appended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from hub.log.port import Arrival
from hub.model.delivery import Delivery, delivery_ref, fingerprint
from hub.store.appending import Sealed
from hub.store.port import Store

BATCH_BYTES = 16 << 20
"""A read stops after this many bytes of bodies: a batch of large deliveries must fit into memory."""

COLUMNS = "position, connection, ref, body, headers, received_at, origin, source_id, conflict, cause"
READ = f"SELECT {COLUMNS} FROM delivery WHERE position > ? ORDER BY position LIMIT ?"
GET = f"SELECT {COLUMNS} FROM delivery WHERE position = ?"
BY_REF = f"SELECT {COLUMNS} FROM delivery WHERE ref = ?"
END = "SELECT coalesce(max(position), 0) FROM delivery"


class StoredDeliveries:
    """Reads committed deliveries by position or ref."""

    def __init__(self, store: Store) -> None:
        self._store = store

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


def sealed(store: Store, a: Arrival) -> Sealed:
    """The arrival as its row will be, hashed and sealed: done before any lock is taken."""
    return Sealed(
        a.connection,
        bytes.fromhex(delivery_ref(a.connection, a.source_id, a.body, 0)),
        fingerprint(a.connection, a.source_id, a.body),
        a.source_id,
        a.received_at,
        a.origin,
        a.cause,
        orjson.dumps(dict(a.headers)),
        store.seal(a.body, a.connection),
        lambda nth: bytes.fromhex(delivery_ref(a.connection, a.source_id, a.body, nth)),
    )
