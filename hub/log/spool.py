"""Deliveries on the local disk while the brokers are away: one SQLite file a process, flushed before anybody is told.

Files live in ``.hub/spool/``. A process holds the lock of its own file for as long as it lives; a file nobody holds
(its process died, or ended while the brokers were away) is taken over by whoever lives, rows and order included.
What was sent is deleted after the brokers have acknowledged it: dying in between sends it twice.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from hub.log.wire import Wire

TAKE_ROWS, TAKE_BYTES = 1_000, 8 << 20
TABLE = (
    "CREATE TABLE IF NOT EXISTS spooled (id INTEGER PRIMARY KEY AUTOINCREMENT, connection TEXT NOT NULL,"
    " key BLOB NOT NULL, headers BLOB NOT NULL, value BLOB NOT NULL)"
)
INDEX = "CREATE INDEX IF NOT EXISTS ix_spooled_connection ON spooled (connection, id)"
PRAGMAS = (
    "page_size = 16384",
    "auto_vacuum = FULL",
    "journal_mode = WAL",
    "synchronous = FULL",
    "busy_timeout = 5000",
)
INSERT = "INSERT INTO spooled (connection, key, headers, value) VALUES (?,?,?,?)"
TAKE = "SELECT id, key, headers, value FROM spooled WHERE connection = ? ORDER BY id LIMIT ?"
COUNTS = "SELECT connection, count(*) FROM spooled GROUP BY connection"


class Kept(NamedTuple):
    """One spooled record."""

    id: int
    wire: Wire


class Spool:
    """One file, held by this process. Every method blocks; one thread at a time."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path, self._lock = path, lock
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}").close()
        self._db.execute(TABLE)
        self._db.execute(INDEX)

    def add(self, rows: Sequence[tuple[str, Wire]]) -> list[int]:
        """Keep them in this order and flush; gives their ids."""
        with self._transaction():
            return [int(self._db.execute(INSERT, _row(*row)).lastrowid or 0) for row in rows]

    def take(self, connection: str) -> tuple[list[Kept], bool]:
        """The oldest of a connection, as many as fit into memory well, and whether there may be more.

        They stay until ``remove``.
        """
        found: list[Kept] = []
        room = TAKE_BYTES
        rows = self._db.execute(TAKE, (connection, TAKE_ROWS))
        for number, key, headers, value in rows:
            found.append(Kept(number, Wire(key, value, _headers(headers))))
            room -= len(value)
            if room <= 0:
                break
        rows.close()
        return found, room <= 0 or len(found) == TAKE_ROWS

    def remove(self, ids: Iterable[int]) -> None:
        with self._transaction():
            self._db.executemany("DELETE FROM spooled WHERE id = ?", [(one,) for one in ids])

    def counts(self) -> Mapping[str, int]:
        """How many records of each connection wait."""
        return dict(self._db.execute(COUNTS).fetchall())

    def adopt(self, other: Path) -> Mapping[str, int]:
        """Take over a file nobody holds, behind what is here; gives how many came of each connection."""
        db = sqlite3.connect(other, isolation_level=None)
        try:
            rows = db.execute("SELECT connection, key, headers, value FROM spooled ORDER BY id")
            with self._transaction():
                self._db.executemany(INSERT, rows)
            came = dict(db.execute(COUNTS).fetchall())
        finally:
            db.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{other}{suffix}").unlink(missing_ok=True)
        return came

    def close(self) -> None:
        """Let go of file and lock; an empty file goes away."""
        empty = not self.counts()
        self._db.close()
        if empty:
            self.path.unlink(missing_ok=True)
        os.close(self._lock)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    """All of it flushed, or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._db.execute("COMMIT")
        elif self._db.in_transaction:
            self._db.execute("ROLLBACK")


def claim(folder: Path) -> Spool:
    """A file of our own: the first that nobody holds, so a process that starts again finds what it left."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = 0
    while (lock := _locked(folder / f"{number}.lock")) is None:
        number += 1
    return Spool(folder / f"{number}.db", lock)


def adopt_orphans(spool: Spool) -> Mapping[str, int]:
    """Take over every file that nobody holds; gives how many records came of each connection."""
    came: dict[str, int] = {}
    for file in files(spool.path.parent):
        lock = None if file == spool.path else _locked(file.with_suffix(".lock"))
        if lock is None:
            continue
        try:
            if not file.exists():
                continue  # its owner has just taken it away
            for connection, count in spool.adopt(file).items():
                came[connection] = came.get(connection, 0) + count
        finally:
            os.close(lock)
    return came


def spooled(folder: Path) -> Mapping[str, int]:
    """How many records wait on this machine, by connection, whoever holds them. Only reads."""
    found: dict[str, int] = {}
    for file in files(folder):
        db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            for connection, count in db.execute(COUNTS):
                found[connection] = found.get(connection, 0) + count
        except sqlite3.OperationalError:
            continue  # just made, or just gone
        finally:
            db.close()
    return found


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.db"))


def _locked(path: Path) -> int | None:
    """The held lock, or None when somebody else has it. The operating system lets go of it when we die."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _row(connection: str, wire: Wire) -> tuple[str, bytes, bytes, bytes]:
    return connection, wire.key, orjson.dumps([(name, value.decode()) for name, value in wire.headers]), wire.value


def _headers(text: bytes) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in orjson.loads(text)]
