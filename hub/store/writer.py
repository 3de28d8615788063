"""The one thread that writes: takes what is queued, runs each closure in a savepoint, commits once for all.

Results are handed out only after the commit is flushed (I1), with one wake-up of an event loop per commit. There
is no timer: an idle writer starts at once, a busy one finds a queue and shares the flush. What raises rolls back
to its own savepoint (alone in a commit: takes the commit back) and gets its exception; when the commit itself fails
nobody gets a result.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Protocol

from hub.model.effect import EffectState
from hub.store.appending import Append, append_runs
from hub.store.boundaries import after_commit, before_commit
from hub.store.failures import StoreBusy, explained
from hub.store.kept import Kept
from hub.store.transaction import SqlTransaction

JOBS_MAX = 512
"""Jobs that share one commit at most: bounds how long the first of them waits for the last."""


class Promise(Protocol):
    """Where an answer goes: a blocking future, or one of an event loop."""

    def set_result(self, result: Any, /) -> None: ...
    def set_exception(self, exception: BaseException, /) -> None: ...


@dataclass(slots=True)
class Job:
    """One queued piece of work; ``loop`` is None for a blocking caller. ``probe`` runs outside a transaction."""

    work: Callable[[SqlTransaction], Any] | Append
    promise: Any
    loop: asyncio.AbstractEventLoop | None
    probe: bool = False
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class Group:
    """What one commit carries."""

    jobs: list[Job]
    wrote: set[EffectState] = field(default_factory=set)
    appended: bool = False


class Writer:
    """Owns the writing connection; everything on it happens in its thread."""

    def __init__(self, db: sqlite3.Connection, where: str) -> None:
        self._db, self._where = db, where
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._lock = Lock()
        self._closed = False
        self.commits = 0
        self._kept = Kept()

    def submit(self, work: Callable[[SqlTransaction], Any] | Append, *, probe: bool = False) -> Any:
        """Queue work from an event loop; gives the future to await."""
        loop = asyncio.get_running_loop()
        job = Job(work, loop.create_future(), loop, probe)
        self._put(job)
        return job.promise

    def run(self, work: Callable[[SqlTransaction], Any] | Append, *, probe: bool = False) -> Any:
        """Queue work and wait for its answer."""
        job = Job(work, Future(), None, probe)
        self._put(job)
        return job.promise.result()

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None and thread.is_alive():
            self._queue.put(None)
            thread.join()
        self._db.close()

    def _put(self, job: Job) -> None:
        with self._lock:
            if self._closed:
                raise StoreBusy("the store is closed", where=self._where, why="the hub is stopping")
            if self._thread is None:
                self._thread = Thread(target=self._serve, name="hub-writer", daemon=True)
                self._thread.start()
            self._queue.put(job)

    def _serve(self) -> None:
        going = True
        while going:
            going, jobs = self._take()
            if jobs:
                self._commit(self._db, Group(jobs))
                _answer(jobs)

    def _take(self) -> tuple[bool, list[Job]]:
        """Wait for one job, then take what else is there. False: stop after these."""
        jobs: list[Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == JOBS_MAX:
                return True, jobs
            try:
                job = self._queue.get_nowait()
            except Empty:
                return True, jobs
        return False, jobs

    def _commit(self, db: sqlite3.Connection, group: Group) -> None:
        probes = [job for job in group.jobs if job.probe]
        writing = [job for job in group.jobs if not job.probe]
        for job in probes:
            _attempt(db, job, self._where, Kept())  # nobody looked whether what is kept still holds
        if not writing:
            return
        try:
            db.execute("BEGIN IMMEDIATE")
            if any(not isinstance(job.work, Append) for job in writing):
                self._kept.check(db)
            self._run(db, writing, group)
            before_commit(group.wrote, group.appended)
            db.execute("COMMIT")
            self.commits += 1
            after_commit(group.wrote, group.appended)
        except BaseException as error:  # noqa: BLE001 — every caller gets it; nothing is swallowed
            fault = _roll_back(db) or error
            self._kept.forget()
            for job in writing:
                job.result, job.error = None, job.error or explained(fault, self._where)

    def _run(self, db: sqlite3.Connection, jobs: Sequence[Job], group: Group) -> None:
        """In the order of the queue; neighbouring appends become one."""
        alone = len(jobs) == 1
        index = 0
        while index < len(jobs):
            end = index
            while end < len(jobs) and isinstance(jobs[end].work, Append):
                end += 1
            if end > index:
                group.appended = True
                _append(db, jobs[index:end], self._where, alone)
                index = end
                continue
            group.wrote |= _attempt(db, jobs[index], self._where, self._kept, alone)
            index += 1


def _attempt(db: sqlite3.Connection, job: Job, where: str, kept: Kept, alone: bool = False) -> set[EffectState]:
    """Run one closure in a savepoint of its own (a probe, or one alone in its commit: without). Gives the effect
    states it wrote. What is alone raises: the commit is taken back."""
    transaction = SqlTransaction(db, kept)
    assert not isinstance(job.work, Append)
    nested = not (job.probe or alone)
    if nested:
        db.execute("SAVEPOINT work")
    try:
        job.result = job.work(transaction)
    except BaseException as error:
        job.error = explained(error, where)
        if alone:
            raise
        if nested:
            _undo(db, error)
        return set()
    if nested:
        db.execute("RELEASE work")
    if not job.probe:
        kept.keep(transaction.seen)
    return transaction.wrote


def _append(db: sqlite3.Connection, jobs: Sequence[Job], where: str, alone: bool = False) -> None:
    """All deliveries of neighbouring jobs in one go; one by one only when that fails."""
    if alone:
        (jobs[0].result,) = append_runs(db, [job.work for job in jobs if isinstance(job.work, Append)])
        return
    db.execute("SAVEPOINT work")
    try:
        answers = append_runs(db, [job.work for job in jobs if isinstance(job.work, Append)])
    except Exception as error:  # noqa: BLE001 — handed to the caller whose delivery it is
        _undo(db, error)
        if len(jobs) == 1:
            jobs[0].error = explained(error, where)
            return
        for job in jobs:
            _append(db, [job], where)
        return
    db.execute("RELEASE work")
    for job, answer in zip(jobs, answers, strict=True):
        job.result = answer


def _undo(db: sqlite3.Connection, error: BaseException) -> None:
    """Back to the savepoint; where SQLite has thrown the whole transaction away, so must we."""
    if not db.in_transaction:
        raise error
    db.execute("ROLLBACK TO work")
    db.execute("RELEASE work")


def _roll_back(db: sqlite3.Connection) -> sqlite3.Error | None:
    """Leave the transaction; gives what went wrong doing so. The thread must live on to say it to the callers."""
    try:
        if db.in_transaction:
            db.execute("ROLLBACK")
    except sqlite3.Error as error:
        return error
    return None


def _answer(jobs: Sequence[Job]) -> None:
    """Wake each event loop once, whatever the number of its callers."""
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        if job.loop is None:
            _settle(job)
        else:
            loops.setdefault(job.loop, []).append(job)
    for loop, waiting in loops.items():
        try:
            loop.call_soon_threadsafe(_settle_all, waiting)
        except RuntimeError:
            continue  # the loop has ended: what it asked for is committed, nobody is there to hear it


def _settle_all(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if not job.promise.done():
            _settle(job)


def _settle(job: Job) -> None:
    if job.error is not None:
        job.promise.set_exception(job.error)
    else:
        job.promise.set_result(job.result)
