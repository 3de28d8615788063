"""The store on SQLite: one writer thread, a few read-only connections, named queries over SQLAlchemy.

Implements ``hub.store.port.Store``. Writing never blocks an event loop; reading uses WAL snapshots, so a reader
sees whole commits only and holds nobody up.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine

from hub.model.changes import Reading, Timer
from hub.model.clock import Clock, Micros
from hub.model.effect import Effect
from hub.store import hot_sqlite, tables
from hub.store.appending import Append, Placed, Sealed, identified
from hub.store.documents import load_effect, load_timer
from hub.store.landing import PROVISIONAL
from hub.store.port import Dues, Transaction
from hub.store.statements import select
from hub.store.writer import Writer

T = TypeVar("T")
READERS_MAX = 4
"""Idle reading connections kept open."""
DUE_CLOSINGS = "SELECT connection, document FROM effect WHERE wake <= ? AND loop <> '' ORDER BY wake, planned_at, key"
DUE_REST = "SELECT connection, document FROM effect WHERE wake <= ? AND loop = '' ORDER BY wake, planned_at, key"
DUE_TIMERS = "SELECT id, kind, loop, step, due FROM timer WHERE due <= ? ORDER BY due, id LIMIT ?"
OPEN_READINGS = (
    "SELECT connection, stream, object, cause, since, due, attempts, reason FROM reading"
    " WHERE due <= ? ORDER BY due, connection, stream, object, cause LIMIT ?"
)
DUES = (
    "SELECT (SELECT min(wake) FROM effect), (SELECT min(due) FROM timer), (SELECT min(due) FROM reading),"
    " (SELECT max(position) FROM delivery)"
)


class SqliteStore:
    """Opened by ``hub.store.open.open_store``; close it, or use it in a ``with``."""

    def __init__(self, path: Path, engine: Engine, clock: Clock) -> None:
        self.path, self.clock = path, clock
        self._engine = engine
        self._writer = Writer(hot_sqlite.connect_writer(path), str(path))
        self._readers: LifoQueue[sqlite3.Connection] = LifoQueue(READERS_MAX)

    def __enter__(self) -> SqliteStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is queued, then let go of the file. A second close does nothing."""
        self._writer.close()
        while not self._readers.empty():
            self._readers.get_nowait().close()
        self._engine.dispose()

    @property
    def folder(self) -> Path | None:
        return self.path.parent

    @property
    def commits(self) -> int:
        """Commits so far by this process; what shares one is seen by counting them."""
        return self._writer.commits

    async def write(self, work: Callable[[Transaction], T]) -> T:
        return cast(T, await self._writer.submit(work))

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        return cast(T, self._writer.run(work))

    def appending(self, arrivals: Sequence[Sealed]) -> asyncio.Future[list[Placed]]:
        """The lean path of the log: deliveries of all callers of one commit go out as one statement."""
        return cast("asyncio.Future[list[Placed]]", self._writer.submit(Append(arrivals)))

    def append_now(self, arrivals: Sequence[Sealed]) -> list[Placed]:
        return cast(list[Placed], self._writer.run(Append(arrivals)))

    def identify(self, arrivals: Sequence[Sealed]) -> list[Placed]:
        with self.reader() as db:
            return identified(db, arrivals, PROVISIONAL)

    async def data_version(self) -> int:
        """A number that changes when *another process* has committed; our own commits leave it alone."""
        return cast(int, await self._writer.submit(_data_version, probe=True))

    def seal(self, body: bytes, subject: str) -> bytes:
        """The one seam for erasure and compression: what stands on disk for these bytes. Identity for now."""
        return body

    def open(self, sealed: bytes, subject: str) -> bytes:
        """What ``seal`` sealed."""
        return sealed

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """A driver connection for the few reads that run many times a second."""
        try:
            db = self._readers.get_nowait()
        except Empty:
            db = hot_sqlite.connect_reader(self.path)
        try:
            yield db
        finally:
            self._give_back(db)

    @contextmanager
    def frozen(self) -> Iterator[sqlite3.Connection]:
        """The same in a transaction, so that every statement sees one moment."""
        with self.reader() as db:
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")

    def _give_back(self, db: sqlite3.Connection) -> None:
        if self._readers.full():
            db.close()
        else:
            self._readers.put_nowait(db)

    def due_effects(self, now: Micros, limit: int, paused: frozenset[str]) -> Sequence[Effect]:
        found: list[Effect] = []
        with self.reader() as db:
            for statement in (DUE_CLOSINGS, DUE_REST):
                rows = db.execute(statement, (now,))
                for connection, document in rows:
                    if len(found) == limit:
                        break
                    if connection not in paused:
                        found.append(load_effect(document))
                rows.close()
        return found

    def due_timers(self, now: Micros, limit: int) -> Sequence[Timer]:
        with self.reader() as db:
            return [load_timer(row) for row in db.execute(DUE_TIMERS, (now, limit)).fetchall()]

    def open_readings(self, now: Micros, limit: int) -> Sequence[Reading]:
        with self.reader() as db:
            return [Reading(*row) for row in db.execute(OPEN_READINGS, (now, limit)).fetchall()]

    def dues(self) -> Dues:
        with self.reader() as db:
            return Dues(*db.execute(DUES).fetchone())

    def next_due(self) -> Micros | None:
        return min((due for due in self.dues()[:3] if due is not None), default=None)

    def checkpoint(self, consumer: str, partition: int) -> int:
        """The committed checkpoint, for readers (a transaction asks its own)."""
        with self.reader() as db:
            statement = select(tables.checkpoint, "consumer", "partition")
            row = db.execute(statement, (consumer, partition)).fetchone()
        return 0 if row is None else int(row[2])


def _data_version(transaction: Any) -> int:
    return int(transaction.db.execute("PRAGMA data_version").fetchone()[0])
