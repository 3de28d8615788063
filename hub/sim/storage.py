"""The real SQLite without its file and its thread: commits happen in virtual time, a dead process can commit no more.

Everything else is the product's: the writer's group commit, savepoints, statements, readers that see whole commits
only. The database lies in memory and outlives the simulated process, whose death rolls back what it had begun.
Nothing is read while a group is being written, so readers may share the writer's connection.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

from hub.model.clock import Clock
from hub.store.appending import Append
from hub.store.open import open_store
from hub.store.sqlite import SqliteStore
from hub.store.writer import Group, Job, Writer, _settle_all

Later = Callable[[Callable[[], None]], None]
COUNTING = """
CREATE TEMP TABLE outcomes (number INTEGER NOT NULL, positions INTEGER NOT NULL);
INSERT INTO temp.outcomes VALUES (0, 0);
CREATE TEMP TRIGGER outcome_came AFTER INSERT ON main.outcome
BEGIN UPDATE outcomes SET number = number + 1, positions = positions + NEW.position; END;
CREATE TEMP TRIGGER outcome_went AFTER DELETE ON main.outcome
BEGIN UPDATE outcomes SET number = number - 1, positions = positions - OLD.position; END;
"""
"""What the balance is looked at by after every commit (``invariants.Balance``). No statement of the hub sees it."""


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
def template() -> bytes:
    """An empty database at the newest schema, made once by the product."""
    path = scratch() / "template.db"
    open_store(f"sqlite:///{path}", _Never()).close()
    db = sqlite3.connect(path)
    try:
        db.execute("PRAGMA journal_mode = DELETE")  # a database in memory has no write-ahead log
        db.execute("PRAGMA page_size = 4096")  # each changed page is copied whole: small ones are cheaper here
        db.execute("VACUUM")
        return db.serialize()
    finally:
        db.close()


def fresh() -> sqlite3.Connection:
    """An empty database."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=512)
    db.deserialize(template())
    db.execute("PRAGMA temp_store = MEMORY")
    db.executescript(COUNTING)
    return db


class _Never:
    def now(self) -> int:
        return 0


class SimWriter(Writer):
    """Commits when ``later`` says so, in the order of the queue; callers of one commit share it."""

    def __init__(self, db: sqlite3.Connection, where: str, later: Later, store: SimStore) -> None:
        super().__init__(db, where)
        self._later, self._store = later, store
        self._jobs: list[Job] = []
        self._troubles: list[str] = []
        self.unsure = False

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

    def _commit(self, db: sqlite3.Connection, group: Group) -> None:
        """As the product does it; what the schedule says goes wrong with the file goes wrong here."""
        self._troubles = self._troubles or self._store.trouble()
        kind = self._troubles.pop() if self._troubles else ""
        self.unsure = kind == "unsure"
        super()._commit(cast(sqlite3.Connection, Failing(db, kind)) if kind else db, group)

    def _flush(self) -> None:
        jobs, self._jobs = self._jobs, []
        if self._store.dead:
            return
        before = self.commits
        self._commit(self._db, Group(jobs))
        self._store.settled(self.commits > before or self.unsure)
        if not self._store.dead:
            self._store.committed(self._db, any(not isinstance(job.work, Append) for job in jobs))
            _settle_all(jobs)


class Failing:
    """A connection whose next transaction goes wrong: ``busy`` cannot begin it, ``failed`` commits nothing,
    ``unsure`` commits and says it did not."""

    def __init__(self, db: sqlite3.Connection, kind: str) -> None:
        self._db, self._kind = db, kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if (self._kind, statement) == ("busy", "BEGIN IMMEDIATE"):
            raise _wrong("database is locked", sqlite3.SQLITE_BUSY)
        if statement == "COMMIT" and self._kind in ("failed", "unsure"):
            self._db.execute("ROLLBACK" if self._kind == "failed" else "COMMIT")
            raise _wrong("disk I/O error", sqlite3.SQLITE_IOERR)
        return self._db.execute(statement, *values)


def _wrong(words: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


def _settle_now(job: Job) -> None:
    if job.error is not None:
        job.promise.set_exception(job.error)
    else:
        job.promise.set_result(job.result)


class SimStore(SqliteStore):
    """One process's store. When it is dead nothing answers any more; what was committed stays in the database."""

    def __init__(
        self,
        db: sqlite3.Connection,
        clock: Clock,
        later: Later,
        committed: Callable[[sqlite3.Connection, bool], None],
        settled: Callable[[bool], None],
        trouble: Callable[[], list[str]] = list,
    ) -> None:
        """``settled`` hears of every group whether it was committed, ``committed`` of those whose process lives, and
        whether anything but deliveries was in it;
        ``trouble`` says what goes wrong with the next commits."""
        self.trouble = trouble
        self.path, self.clock, self.settled = Path("simulated.db"), clock, settled
        self.dead = False
        self.committed = committed
        self._writer = SimWriter(db, "simulated.db", later, self)

    @cached_property
    def _engine(self) -> Engine:  # type: ignore[override]
        return create_engine("sqlite://", creator=lambda: self._writer._db, poolclass=StaticPool)

    def check(self) -> None:
        """A dead process does nothing."""
        if self.dead:
            raise Crash

    def reader(self) -> AbstractContextManager[sqlite3.Connection]:  # type: ignore[override]
        self.check()
        return nullcontext(self._writer._db)


def rows(db: sqlite3.Connection, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    return db.execute(statement, values).fetchall()
