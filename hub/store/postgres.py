"""The store on PostgreSQL: several connections that write, each piece of work a transaction of its own.

Implements ``hub.store.port.Store``. Work may run more than once (``Again``, a deadlock): it must do nothing but read
and write through its transaction, which is all that work does. Where the server goes away during a commit nobody
knows whether it stands: the caller hears ``StoreBusy``, and the next compare-and-set finds out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, LifoQueue, SimpleQueue
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from hub.errors import HubError
from hub.model.changes import Reading, Timer
from hub.model.clock import Clock, Micros
from hub.model.effect import Effect
from hub.store import hot_postgres, tables
from hub.store.appending import Append, Last, Placed, Sealed, append_runs, identified
from hub.store.boundaries import after_commit, before_commit
from hub.store.connecting_postgres import Address, plain, reader, writer
from hub.store.documents import load_effect, load_timer
from hub.store.driver_postgres import Deadlock, PostgresDatabase, byteas, explained
from hub.store.failures import StoreBusy
from hub.store.landing import PROVISIONAL
from hub.store.port import Dues, Transaction
from hub.store.sql import Database
from hub.store.sqlite import DUE_CLOSINGS, DUE_REST, DUE_TIMERS, DUES, OPEN_READINGS
from hub.store.statements import select
from hub.store.transaction_postgres import POSITION, Again, Needs, PostgresTransaction

T = TypeVar("T")
WRITERS = 4
READERS_MAX = 4
TRIES = 8
"""How often work is run anew because of somebody else before the last try, which is alone."""
FIT = 16
"""As many transactions as this must fit into the server's table of locks."""
OURS = 64
"""Locks a transaction needs for tables and indexes beside its names."""
ROOM = (
    "SELECT current_setting('max_locks_per_transaction')::bigint * (current_setting('max_connections')::bigint"
    " + current_setting('max_prepared_transactions')::bigint)"
)
APPENDS_MAX = 512


class PostgresStore:
    """Opened by ``hub.store.open.open_store``; close it, or use it in a ``with``."""

    folder: Path | None = None

    def __init__(self, address: Address, clock: Clock) -> None:
        self.address, self.clock = address, clock
        self._writers: LifoQueue[PostgresDatabase] = LifoQueue()
        self._readers: LifoQueue[PostgresDatabase] = LifoQueue(READERS_MAX)
        self._threads = ThreadPoolExecutor(WRITERS, thread_name_prefix="hub-writer")
        self._appends: SimpleQueue[tuple[Append, asyncio.Future[list[Placed]]]] = SimpleQueue()
        self._appending = Lock()
        self._engine = _engine(address)
        self._room = 0
        self._closed = False
        self.commits = 0

    def __enter__(self) -> PostgresStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        self._threads.shutdown(wait=True)
        for pool in (self._writers, self._readers):
            while not pool.empty():
                pool.get_nowait().close()
        self._engine.dispose()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self._open()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.write_now, work)

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        needs = Needs()
        for attempt in range(TRIES + 1):
            try:
                return self._attempt(work, needs)
            except Again as again:
                needs = Needs(again.needs.names, alone=again.needs.alone or attempt == TRIES - 1)
            except Deadlock:
                if attempt == TRIES:
                    raise
        raise AssertionError("the last try is alone: nobody can be in its way")

    def _attempt(self, work: Callable[[Transaction], T], needs: Needs) -> T:
        with self._writing() as db:
            transaction = PostgresTransaction(db, needs, self._most_names(db))
            result = work(transaction)
            transaction.finish()
            before_commit(transaction.wrote, transaction.landed)
            _commit(db)
        self.commits += 1
        after_commit(transaction.wrote, transaction.landed)
        return result

    @contextmanager
    def _writing(self) -> Iterator[PostgresDatabase]:
        """A connection inside a transaction, rolled back unless it was committed; a broken one is not used again."""
        self._open()
        db = self._taken()
        try:
            yield db
        finally:
            with suppress(HubError):
                if not db.idle:
                    db.execute("ROLLBACK")
            if db.idle and not self._closed:
                self._writers.put(db)
            else:
                db.close()

    def _taken(self) -> PostgresDatabase:
        """One that has begun. One the server has dropped meanwhile is replaced: nothing was asked of it yet."""
        while True:
            try:
                db = self._writers.get_nowait()
            except Empty:
                db = writer(self.address)
                db.execute("BEGIN")
                return db
            try:
                db.execute("BEGIN")
                return db
            except StoreBusy:
                db.close()

    def _most_names(self, db: PostgresDatabase) -> int:
        if not self._room:
            self._room = max(int(db.execute(ROOM).fetchone()[0]) // FIT - OURS, OURS)
        return self._room

    def appending(self, arrivals: Sequence[Sealed]) -> Awaitable[list[Placed]]:
        self._open()
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[list[Placed]] = loop.create_future()
        self._appends.put((Append(arrivals), asked))
        loop.run_in_executor(self._threads, self._append_queued, loop)
        return asked

    def append_now(self, arrivals: Sequence[Sealed]) -> list[Placed]:
        return self._append([Append(arrivals)])[0]

    def _append_queued(self, loop: asyncio.AbstractEventLoop) -> None:
        """Everything that waits goes out in one transaction; who comes second finds his already there."""
        with self._appending:
            jobs = list(_waiting(self._appends))
            if not jobs:
                return
            answers = self._answers([job for job, _ in jobs])
        said = [(asked, answer) for (_, asked), answer in zip(jobs, answers, strict=True)]
        with suppress(RuntimeError):  # the loop has ended: it is committed, nobody is there to hear it
            loop.call_soon_threadsafe(_settle, said)

    def _answers(self, runs: Sequence[Append]) -> Sequence[list[Placed] | BaseException]:
        """All at once; one by one only when that fails."""
        try:
            return self._append(runs)
        except StoreBusy as error:
            return [error] * len(runs)
        except Exception as error:  # noqa: BLE001 - handed to the caller whose delivery it is
            return [error] if len(runs) == 1 else [self._answers([one])[0] for one in runs]

    def _append(self, runs: Sequence[Append]) -> list[list[Placed]]:
        with self._writing() as db:
            db.execute(POSITION)
            answers = append_runs(db, runs, _newest)
            before_commit((), appended=True)
            _commit(db)
        self.commits += 1
        after_commit((), appended=True)
        return answers

    def identify(self, arrivals: Sequence[Sealed]) -> list[Placed]:
        with self.reader() as db:
            return identified(db, arrivals, PROVISIONAL, _newest)

    async def data_version(self) -> int:
        """PostgreSQL does not tell; who follows asks ``dues``."""
        return 0

    def seal(self, body: bytes, subject: str) -> bytes:
        return body

    def open(self, sealed: bytes, subject: str) -> bytes:
        return sealed

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._open()
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise _translated(error, self.address.shown) from error

    @contextmanager
    def reader(self) -> Iterator[PostgresDatabase]:
        self._open()
        db = self._living() or reader(self.address)
        try:
            yield db
        finally:
            if not db.idle or self._readers.full():
                db.close()
            else:
                self._readers.put_nowait(db)

    def _living(self) -> PostgresDatabase | None:
        """A kept connection the server has not dropped meanwhile."""
        with suppress(Empty):
            while True:
                db = self._readers.get_nowait()
                if not db.forsaken:
                    return db
                db.close()
        return None

    @contextmanager
    def frozen(self) -> Iterator[PostgresDatabase]:
        with self.reader() as db:
            db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")

    def due_effects(self, now: Micros, limit: int, paused: frozenset[str]) -> Sequence[Effect]:
        found: list[Effect] = []
        with self.reader() as db:
            for statement in (DUE_CLOSINGS, DUE_REST):
                for connection, document in db.execute(statement, (now,)):
                    if len(found) == limit:
                        break
                    if connection not in paused:
                        found.append(load_effect(document))
        return found

    def due_timers(self, now: Micros, limit: int) -> Sequence[Timer]:
        with self.reader() as db:
            return [load_timer(row) for row in db.execute(DUE_TIMERS, (now, limit))]

    def open_readings(self, now: Micros, limit: int) -> Sequence[Reading]:
        with self.reader() as db:
            return [Reading(*row) for row in db.execute(OPEN_READINGS, (now, limit))]

    def dues(self) -> Dues:
        with self.reader() as db:
            return Dues(*db.execute(DUES).fetchone())

    def next_due(self) -> Micros | None:
        return min((due for due in self.dues()[:3] if due is not None), default=None)

    def checkpoint(self, consumer: str, partition: int) -> int:
        with self.reader() as db:
            row = db.execute(select(tables.checkpoint, "consumer", "partition"), (consumer, partition)).fetchone()
        return 0 if row is None else int(row[2])

    def _open(self) -> None:
        if self._closed:
            raise StoreBusy("the store is closed", where=self.address.shown, why="the hub is stopping")


def _newest(db: Database, fingerprints: Sequence[bytes]) -> dict[bytes, Last]:
    """The newest delivery of each fingerprint, asked for all at once."""
    return {row[0]: row[1:] for row in db.execute(hot_postgres.FIND_DELIVERIES, (byteas(fingerprints),)).fetchall()}


def _commit(db: PostgresDatabase) -> None:
    """Raises ``StoreBusy`` where the server went away meanwhile: it may have been committed."""
    try:
        kept = db.commit()
    except StoreBusy as error:
        error.why = "the connection was lost during a commit; whether it stands, the next compare-and-set finds out"
        raise
    if not kept:
        raise StoreBusy("PostgreSQL rolled back what was to be committed", where=db.where)


def _waiting(queue: SimpleQueue[Any]) -> Iterator[Any]:
    with suppress(Empty):
        for _ in range(APPENDS_MAX):
            yield queue.get_nowait()


def _settle(said: Sequence[tuple[asyncio.Future[list[Placed]], list[Placed] | BaseException]]) -> None:
    for asked, answer in said:
        if asked.done():
            continue
        if isinstance(answer, BaseException):
            asked.set_exception(answer)
        else:
            asked.set_result(answer)


def _engine(address: Address) -> Engine:
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: plain(address),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=16,
        pool_pre_ping=True,
        use_native_hstore=False,
    )


def _translated(error: DBAPIError, where: str) -> BaseException:
    import psycopg

    return explained(error.orig, where) if isinstance(error.orig, psycopg.Error) else error
