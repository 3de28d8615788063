"""The real SQLite store without its thread: commits happen in virtual time, and a dead process can commit no more.

Everything else is the product's: the writer's group commit, savepoints, statements, readers that see whole commits
only. The file lies in memory (tmpfs) and is never flushed: what is simulated is the death of the process.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from queue import LifoQueue
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from hub.model.clock import Clock
from hub.store import hot_sqlite
from hub.store.open import open_store
from hub.store.sqlite import READERS_MAX, SqliteStore
from hub.store.writer import Group, Job, Writer, _settle_all

Later = Callable[[Callable[[], None]], None]


class Crash(BaseException):
    """The simulated process is dead. No code of the product may catch it and go on."""


@cache
def scratch() -> Path:
    """A folder in memory where there is one, gone with the process."""
    shm = Path("/dev/shm")
    folder = tempfile.TemporaryDirectory(prefix="hub-sim-", dir=shm if shm.is_dir() else None)
    _kept.append(folder)
    return Path(folder.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


@cache
def template() -> Path:
    """An empty database at the newest schema, made once."""
    path = scratch() / "template.db"
    open_store(f"sqlite:///{path}", _Never()).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


def fresh(name: str) -> Path:
    """A new empty database."""
    path = scratch() / name
    discard(path)
    shutil.copyfile(template(), path)
    return path


def discard(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


class _Never:
    def now(self) -> int:
        return 0


class SimWriter(Writer):
    """Commits when ``later`` says so, in the order of the queue; callers of one commit share it."""

    def __init__(self, db: sqlite3.Connection, where: str, later: Later, store: SimStore) -> None:
        super().__init__(db, where)
        self._later, self._store = later, store
        self._jobs: list[Job] = []

    def _put(self, job: Job) -> None:
        self._store.check()
        if job.loop is None:
            self._commit(self._db, Group([job]))
            self._store.check()
            _settle_now(job)
            return
        self._jobs.append(job)
        if len(self._jobs) == 1:
            self._later(self._flush)

    def _flush(self) -> None:
        jobs, self._jobs = self._jobs, []
        if self._store.dead:
            return
        before = self.commits
        self._commit(self._db, Group(jobs))
        self._store.settled(self.commits > before)
        if not self._store.dead:
            self._store.committed(self._db)
            _settle_all(jobs)


def _settle_now(job: Job) -> None:
    if job.error is not None:
        job.promise.set_exception(job.error)
    else:
        job.promise.set_result(job.result)


class SimStore(SqliteStore):
    """One process's store. ``die`` is what a crash does to it: open transactions end, nothing answers any more."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        later: Later,
        committed: Callable[[sqlite3.Connection], None],
        settled: Callable[[bool], None],
    ) -> None:
        """``settled`` hears of every group whether it was committed, ``committed`` of those whose process lives."""
        self.path, self.clock, self.settled = path, clock, settled
        self.dead = False
        self.committed = committed
        db = hot_sqlite.connect_writer(path)
        db.execute("PRAGMA synchronous = OFF")
        self._writer = SimWriter(db, str(path), later, self)
        self._readers: LifoQueue[sqlite3.Connection] = LifoQueue(READERS_MAX)

    @cached_property
    def _engine(self) -> Engine:  # type: ignore[override]
        return create_engine("sqlite://", creator=lambda: hot_sqlite.connect_reader(self.path), poolclass=NullPool)

    def check(self) -> None:
        """A dead process does nothing."""
        if self.dead:
            raise Crash

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        self.check()
        with super().reader() as db:
            yield db

    def die(self) -> None:
        """Drop everything that was only in memory."""
        self.dead = True
        self.let_go()

    def let_go(self) -> None:
        """Close the connections; what was not committed is gone."""
        self._writer._db.close()
        while not self._readers.empty():
            self._readers.get_nowait().close()


def rows(db: sqlite3.Connection, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    return db.execute(statement, values).fetchall()
