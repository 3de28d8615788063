"""A copy of the database while others write to it, what such a copy holds, and what a restored one must know.

The copy is one snapshot (SQLite's own backup), a single file without a write-ahead log. A restored store carries the
event ``workspace.restored``: whoever sends from it asks the target first, because what it plans may have been made
after the copy was taken (F29). It knows nothing of the folder a backup lies in (``hub.cli.backup``).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from hub.model.changes import Audit, Changes
from hub.model.clock import Micros
from hub.model.event import Event, event_id
from hub.model.halt import Halt
from hub.store import hot_sqlite
from hub.store.blocks import newest
from hub.store.chaincheck import check
from hub.store.halts import halt
from hub.store.port import Transaction
from hub.store.sql import Database

COUNTED = ("delivery", "outcome", "event", "entity", "loop", "effect", "audit", "block", "mapping")
STREAM = "workspace"
RESTORED = "workspace.restored"
LAST = (
    "SELECT coalesce(max(e.version), 0), max(e.recorded) FROM event e JOIN stream s ON s.id = e.stream"
    f" WHERE s.name = '{STREAM}'"
)
BALANCE = (
    "SELECT coalesce(sum(expected), 0) - (SELECT count(*) FROM outcome), coalesce(max(position), 0)"
    " FROM checkpoint WHERE consumer = 'engine'"
)
SILENT = (
    "SELECT count(*) FROM delivery d WHERE d.position <= ?"
    " AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.position = d.position)"
)


@dataclass(frozen=True, slots=True)
class Holding:
    """What a database holds: rows by table, and the newest sealed block (number, hash)."""

    rows: dict[str, int]
    head: tuple[int, str] | None


def copy(source: Path, target: Path) -> None:
    """One consistent snapshot of ``source`` as a new private file, flushed. Raises ``sqlite3.Error``."""
    target.touch(mode=0o600)
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode = DELETE").close()
    flush(target)


def flush(path: Path) -> None:
    """A file, or a folder's entries, onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def folded(path: Path) -> bool:
    """Bring the write-ahead log into the database and let nothing lie beside it; False where that cannot be."""
    try:
        with closing(hot_sqlite.connect_writer(path)) as db:
            busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            db.execute("PRAGMA journal_mode = DELETE").close()
    except sqlite3.DatabaseError:
        return False
    return not busy and not path.with_name(f"{path.name}-wal").exists()


def holding(path: Path) -> Holding:
    """What the database at ``path`` holds; it is only read."""
    with closing(_opened(path)) as db:
        rows = {name: int(db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in COUNTED}
        head = newest(db)
    return Holding(rows, None if head is None else (head.number, head.hash.hex()))


def problems(path: Path) -> Iterator[str]:
    """Everything wrong inside a copy: pages, the sealed chain, the balance of I2. Nothing when it is sound."""
    with closing(_opened(path)) as db:
        try:
            found = [row[0] for row in db.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
            yield from (f"database: {one}" for one in found)
            if not found:
                yield from (f"{one.place}: {one.what}" for one in check(db))
                yield from _unbalanced(db)
        except sqlite3.DatabaseError as error:
            yield f"database: {error}"


def _unbalanced(db: sqlite3.Connection) -> Iterator[str]:
    differs, at = db.execute(BALANCE).fetchone()
    lost = abs(differs) + db.execute(SILENT, (at,)).fetchone()[0]
    if lost:
        yield f"I2: {lost} records are unaccounted for"


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def restored_at(db: Database) -> Micros | None:
    """When this store was last made from a backup; None for one that never was."""
    found = db.execute(LAST).fetchone()[1]
    return None if found is None else int(found)


def restored(
    transaction: Transaction, integrations: Sequence[str], taken_at: str, who: str, why: str, now: Micros
) -> None:
    """Write down that the store is a copy of an earlier time, and let nothing be sent until somebody has looked."""
    transaction.hold(STREAM)
    version = int(transaction.db.execute(LAST).fetchone()[0]) + 1
    said = {"set": {"taken_at": taken_at, "who": who, "why": why}}
    data = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    made = event_id(STREAM, version, "restored", 0)
    event = Event(made, STREAM, version, RESTORED, now, now, data, "workspace/v1", STREAM, STREAM, "")
    audit = Audit(now, who, "workspace restore", STREAM, why, f"backup of {taken_at}")
    transaction.write(Changes(events=[event], audits=[audit]), now)
    words = f"backup of {taken_at}: {why}"
    for stop in map(partial(_halt, why=words, since=now, who=who), integrations):
        halt(transaction, stop)


def _halt(integration: str, why: str, since: Micros, who: str) -> Halt:
    return Halt(integration, "restored", why, since, who)
