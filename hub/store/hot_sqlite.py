"""The hot statements of SQLite, on the driver's own connection, and how that connection is tuned.

Eight statements carry the volume: find and insert deliveries, heads and insert of streams, events, entities
(load and upsert) and outcomes. Everything else goes through ``statements``. Numbers behind the pragmas: with 4 KiB
pages a 2.4 KB row costs 47 µs, with 16 KiB pages and a 64 MiB cache 6 µs.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path

from hub.store import hot_postgres
from hub.store.sql import Sql

BUSY_TIMEOUT_MS = 5_000
"""How long a writer waits for another process's short transaction before the caller is told to try again."""

PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA page_size = 16384",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA cache_size = -65536",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA temp_store = MEMORY",
)
READER_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA cache_size = -16384",
    "PRAGMA query_only = ON",
)

FIND_AT_ONCE = 64
FIND_DELIVERIES = (
    "SELECT v.column1, d.nth, d.position, d.ref FROM (VALUES {}) v JOIN delivery d ON d.position ="
    " (SELECT position FROM delivery WHERE fingerprint = v.column1 ORDER BY nth DESC LIMIT 1)"
)
"""The newest delivery of each fingerprint. One statement for many: at each one the writer gives up the interpreter,
and gets it back only when the event loop lets go."""
INSERT_DELIVERY = Sql(
    "INSERT INTO delivery (position, connection, ref, fingerprint, nth, source_id, received_at, origin, conflict,"
    " cause, headers, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
    many=hot_postgres.INSERT_DELIVERY,
)
UPSERT_OUTCOME = Sql(
    "INSERT INTO outcome (position, record, table_name, verdict, reason) VALUES (?,?,?,?,?)"
    " ON CONFLICT (position, record, table_name) DO UPDATE SET verdict = excluded.verdict, reason = excluded.reason",
    many=hot_postgres.UPSERT_OUTCOME,
)
HEADS = Sql(
    "SELECT s.name, s.id, coalesce((SELECT max(version) FROM event e WHERE e.stream = s.id), 0)"
    " FROM json_each(?) j CROSS JOIN stream s ON s.name = j.value",
    hot_postgres.HEADS,
)
INSERT_STREAM = "INSERT INTO stream (id, name) VALUES (?,?)"
INSERT_EVENT = Sql(
    "INSERT INTO event (position, stream, version, id, type, time, recorded, schema, correlation, causation, logic,"
    " delivery, record, data) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    many=hot_postgres.INSERT_EVENT,
)
LOAD_ENTITIES = Sql(
    "SELECT e.kind, e.key, e.label, e.version, e.deleted, e.state, e.marks"
    " FROM json_each(?) j CROSS JOIN stream s ON s.name = j.value JOIN entity e ON e.stream = s.id",
    hot_postgres.LOAD_ENTITIES,
)
UPSERT_ENTITY = Sql(
    "INSERT INTO entity (stream, kind, key, label, version, deleted, state, marks) VALUES (?,?,?,?,?,?,?,?)"
    " ON CONFLICT (stream) DO UPDATE SET label = excluded.label, version = excluded.version,"
    " deleted = excluded.deleted, state = excluded.state, marks = excluded.marks",
    many=hot_postgres.UPSERT_ENTITY,
)


@cache
def find_deliveries(count: int) -> str:
    """``FIND_DELIVERIES`` for that many fingerprints."""
    return FIND_DELIVERIES.format(",".join(["(?)"] * count))


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; transactions are ours to begin and end."""
    return _connect(path, PRAGMAS)


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read; may wander between threads, one at a time."""
    return _connect(path, READER_PRAGMAS)


def _connect(path: Path, pragmas: tuple[str, ...]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    for pragma in pragmas:
        connection.execute(pragma).close()
    return connection
