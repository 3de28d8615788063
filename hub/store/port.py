"""What the rooms above may ask of a store, whatever database is behind it.

One writer at a time decides (SQLite: one writer thread; PostgreSQL: row locks in the fixed order). Work given to
``write`` runs inside one transaction and its result comes back only after the commit is flushed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection

from hub.model.changes import Changes, Reading, Timer, Touched, View
from hub.model.clock import Clock, Micros
from hub.model.effect import Effect
from hub.model.event import Event
from hub.model.schema import Schemas
from hub.store.appending import Placed, Sealed
from hub.store.sql import Database

T = TypeVar("T")


class CheckpointMoved(Exception):
    """Compare-and-set on a checkpoint failed: somebody else has moved it. Roll back, reload, run again."""


class Dues(NamedTuple):
    """When each kind of work falls due, None for never, and where the log ends."""

    effects: Micros | None
    timers: Micros | None
    readings: Micros | None
    end: int | None


class Transaction(Protocol):
    """The inside of one write transaction."""

    @property
    def db(self) -> Database:
        """The driver's connection, for the store's own tables; other rooms leave it alone."""
        ...

    def load(self, touched: Touched) -> View:
        """Lock and load those heads (missing ones too). Calls accumulate: the newest view knows all of them."""
        ...

    def write(self, changes: Changes, now: Micros) -> Sequence[Event]:
        """Write all of it; gives the events with their positions, which are known once the transaction stands.

        Checks that stream versions are consecutive.
        """
        ...

    def checkpoint(self, consumer: str, partition: int) -> int:
        """The position below which everything is settled; 0 where there is none yet. Locks the row where rows are
        locked, so ask first."""
        ...

    def hold(self, name: str) -> None:
        """Nobody else goes on with what has that name until this transaction ends. Ask before reading."""
        ...

    def activates(self) -> None:
        """This transaction changes what is in force: nobody concludes meanwhile. Ask before anything else."""
        ...

    def land(self, arrivals: Sequence[Sealed], placed: Sequence[Placed]) -> None:
        """Write deliveries that ``Store.identify`` placed; duplicates are counted. Before ``write``, which then puts
        their real positions where its changes name provisional ones. Raises one of ``LOST_RACE``, here or at the
        commit, where somebody else has written one of them meanwhile: identify them anew."""
        ...

    def find_checkpoint(self, consumer: str, partition: int) -> int | None:
        """The same, telling "none yet" from 0."""
        ...

    def create_checkpoint(self, consumer: str, partition: int, position: int) -> None:
        """Make it, where there is none yet; one that is there is left alone."""
        ...

    def advance(self, consumer: str, partition: int, before: int, after: int, expected: int) -> None:
        """Move it by compare-and-set and add ``expected`` outcome rows. Raises ``CheckpointMoved``."""
        ...

    def activation(self) -> int:
        """The number of the newest activation of a mapping version, 0 before the first."""
        ...

    def upgrade(self, schemas: Schemas, indexed: Callable[[str], Sequence[str]]) -> int:
        """Bring stored entities to the newest version of their schema; gives how many were rewritten.

        ``indexed``: the fields of a kind that are kept in ``ref``. Raises ``ConfigError``.
        """
        ...

    def index(self, wanted: Mapping[str, Sequence[str]]) -> int:
        """Make entities findable by these fields (kind -> fields), also those from before; gives rows added."""
        ...


class Store(Protocol):
    """The store as the engine, the executor and the command line see it."""

    @property
    def clock(self) -> Clock: ...
    @property
    def folder(self) -> Path | None:
        """Where on this machine's disks the data lies; None where another machine keeps it."""
        ...

    def close(self) -> None:
        """Finish what is under way and let go of the database. A second close does nothing."""
        ...

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in the shared group commit (a savepoint of its own); returns after the flush."""
        ...

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """The same, blocking, for callers without an event loop."""
        ...

    def appending(self, arrivals: Sequence[Sealed]) -> Awaitable[list[Placed]]:
        """Append deliveries to the log; those of all callers of one commit go out together."""
        ...

    def append_now(self, arrivals: Sequence[Sealed]) -> list[Placed]:
        """The same, blocking."""
        ...

    def identify(self, arrivals: Sequence[Sealed]) -> list[Placed]:
        """Which of these are new, and under which ref, as committed now. New ones get provisional positions, in
        order, above every real one: give them to ``Transaction.land``."""
        ...

    def seal(self, body: bytes, subject: str) -> bytes:
        """What stands on disk for these bytes: the one seam for erasure and compression."""
        ...

    def open(self, sealed: bytes, subject: str) -> bytes:
        """What ``seal`` sealed."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A read-only snapshot for named queries (``hub/store/queries``)."""
        ...

    def reader(self) -> AbstractContextManager[Database]:
        """A driver connection for the few reads that run many times a second; each statement sees its own moment."""
        ...

    def frozen(self) -> AbstractContextManager[Database]:
        """The same, every statement seeing the moment of the first one."""
        ...

    async def data_version(self) -> int:
        """A number that changes when *another process* has committed, where the database tells; else it stays."""
        ...

    def checkpoint(self, consumer: str, partition: int) -> int:
        """The committed checkpoint, for readers (a transaction asks its own)."""
        ...

    def due_effects(self, now: Micros, limit: int, paused: frozenset[str]) -> Sequence[Effect]:
        """Effects the executor may touch now (PLANNED, SENT, UNKNOWN, and SENDING whose claim ran out), oldest
        due first; those of loops before all others, so that no back-fill holds up a closing. ``paused``
        connections left out."""
        ...

    def due_timers(self, now: Micros, limit: int) -> Sequence[Timer]: ...

    def open_readings(self, now: Micros, limit: int) -> Sequence[Reading]: ...

    def dues(self) -> Dues:
        """When each kind of work falls due, asked at once."""
        ...

    def next_due(self) -> Micros | None:
        """When the earliest effect, timer or reading falls due; None when nothing waits for time."""
        ...
