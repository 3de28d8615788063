"""Rows of the three sealed logs as leaves: what of each row is covered, in the clear and by commitment.

An event's data is committed with a salt, everything else of it is in the clear. A delivery's body is covered by its
``ref``; an audit row covers the one before it by its own chain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from hub.model.chain import NOTHING, chained, commitment, leaf, salt
from hub.model.delivery import delivery_ref
from hub.model.record import Json
from hub.store.sql import Database, Sql


def both(sqlite: str) -> Sql:
    """PostgreSQL keeps bytes as bytes and has another word for hexadecimal."""
    bare = re.sub(r"CAST\(([a-z.]+) AS BLOB\)", r"\1", sqlite)
    return Sql(sqlite, re.sub(r"lower\(hex\(([a-z.]+)\)\)", r"encode(\1, 'hex')", bare))


LOGS = ("event", "delivery", "audit")
_EVENT = ("position", "stream", "version", "id", "type", "time", "recorded", "schema")
_CAUSES = ("correlation", "causation", "logic", "delivery", "record")
EVENTS = both(
    "SELECT e.position, s.name, e.version, lower(hex(e.id)), e.type, e.time, e.recorded, e.schema, e.correlation,"
    " e.causation, e.logic, e.delivery, e.record, CAST(e.data AS BLOB)"
    " FROM event e LEFT JOIN stream s ON s.id = e.stream WHERE e.position > ? ORDER BY e.position LIMIT ?"
)
_DELIVERY = ("position", "connection", "ref", "source_id", "received_at", "origin", "conflict", "cause")
DELIVERIES = both(
    "SELECT position, connection, lower(hex(ref)), source_id, received_at, origin, conflict, cause,"
    " CAST(headers AS BLOB) FROM delivery WHERE position > ? ORDER BY position LIMIT ?"
)
BODIES = both(
    "SELECT position, connection, lower(hex(ref)), source_id, nth, CAST(body AS BLOB)"
    " FROM delivery WHERE position BETWEEN ? AND ?"
)
_AUDIT = ("id", "at", "who", "action", "object", "why", "result")
AUDITS = both(
    "SELECT id, at, who, action, object, why, result, CAST(chain AS BLOB) FROM audit WHERE id > ? ORDER BY id LIMIT ?"
)
BEFORE = both("SELECT CAST(chain AS BLOB) FROM audit WHERE id < ? ORDER BY id DESC LIMIT 1")


@dataclass(frozen=True, slots=True)
class Leaf:
    position: int
    hash: bytes


Row = Sequence[Any]


def event_header(row: Row) -> dict[str, Json]:
    """What of an event is in the clear."""
    return {"log": "event", **dict(zip((*_EVENT, *_CAUSES), row, strict=False))}


def _event(row: Row, key: bytes) -> Leaf:
    return Leaf(row[0], leaf(event_header(row), commitment(salt(key, "event", row[0]), row[13])))


def delivery_header(row: Row) -> dict[str, Json]:
    said = {"log": "delivery", **dict(zip(_DELIVERY, row, strict=False)), "conflict": bool(row[6])}
    return {**said, "headers": sha256(row[8]).hexdigest()}


def _delivery(row: Row, key: bytes) -> Leaf:
    return Leaf(row[0], leaf(delivery_header(row)))


def audit_row(row: Row) -> dict[str, Json]:
    return dict(zip(_AUDIT, row, strict=False))


def _audit(row: Row, key: bytes) -> Leaf:
    return Leaf(row[0], leaf({"log": "audit", "id": row[0], "chain": row[7].hex()}))


_READ: Mapping[str, tuple[Sql, Callable[[Row, bytes], Leaf]]] = {
    "event": (EVENTS, _event),
    "delivery": (DELIVERIES, _delivery),
    "audit": (AUDITS, _audit),
}


def leaves(db: Database, log: str, after: int, limit: int, key: bytes) -> list[Leaf]:
    """The leaves of the rows above a position, in order."""
    statement, of = _READ[log]
    return [_safe(of, row, key) for row in db.execute(statement, (after, limit))]


def _safe(of: Callable[[Row, bytes], Leaf], row: Row, key: bytes) -> Leaf:
    """A row tampered with may hold what has no JSON form: it is a leaf nobody sealed."""
    try:
        return of(row, key)
    except TypeError:
        return Leaf(row[0], sha256(repr(row).encode("utf-8", "backslashreplace")).digest())


def forged_bodies(db: Database, first: int, last: int) -> Iterator[int]:
    """Positions of deliveries whose bytes are not those their ref was made of."""
    for position, connection, ref, source_id, nth, body in db.execute(BODIES, (first, last)):
        if delivery_ref(connection, source_id, body, nth) != ref:
            yield position


def broken_audits(db: Database, first: int, last: int) -> Iterator[int]:
    """Ids of audit rows that do not follow from the one before them."""
    row = db.execute(BEFORE, (first,)).fetchone()
    previous = NOTHING if row is None else bytes(row[0])
    for row in db.execute(AUDITS, (first - 1, last - first + 1)):
        if chained(previous, audit_row(row)) != row[7]:
            yield row[0]
        previous = bytes(row[7])
