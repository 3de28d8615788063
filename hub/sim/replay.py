"""I8: what was decided is a function of the log and the facts. The same ones in the same order, in an empty
database, give the same bytes, and nobody outside is called.

A run keeps a journal of what each committed transaction was about; here it is concluded once more from the log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from hub.engine import facts
from hub.engine.advance import CONSUMER, PARTITION
from hub.engine.conclude import conclude
from hub.engine.prepare import prepare
from hub.engine.settling import Settling
from hub.engine.transaction import decide_in
from hub.log.sql import SqlLog
from hub.mapping.catalog import Catalog
from hub.model.clock import Micros
from hub.model.delivery import Delivery
from hub.model.record import Decoded
from hub.sim.clockwork import SimClock
from hub.sim.network import Violation
from hub.sim.patching import put
from hub.sim.process import workspace
from hub.sim.storage import SimStore, fresh, rows
from hub.store.transaction import SqlTransaction

_SAYS = {
    "entity": "SELECT kind, key, label, version, deleted, state, marks FROM entity ORDER BY 1, 2",
    "effect": "SELECT key, document FROM effect ORDER BY 1",
    "loop": "SELECT id, document FROM loop ORDER BY 1",
    "outcome": "SELECT position, record, table_name, verdict, reason FROM outcome ORDER BY 1, 2, 3",
    "event": "SELECT s.name, e.version, e.id, e.type, e.time, e.recorded, e.correlation, e.causation, e.data"
    " FROM event e JOIN stream s ON s.id = e.stream ORDER BY e.position",
}


@dataclass(slots=True)
class Journal:
    """What committed transactions were about, in their order: a fact, or the positions of a batch; and when."""

    kept: list[tuple[Any, Micros, Catalog]] = field(default_factory=list)
    open: list[tuple[Any, Micros, Catalog]] = field(default_factory=list)

    def settle(self, committed: bool) -> None:
        """A group was committed, or is gone."""
        if committed:
            self.kept += self.open
        self.open.clear()


@contextmanager
def journalled(journal: Journal) -> Iterator[None]:
    """The product's two ways to conclude something note what they concluded."""
    fact_in, batch_in = facts._in, Settling._write

    def noted_fact(transaction: Any, catalog: Any, fact: Any, now: Micros) -> Any:
        answer = fact_in(transaction, catalog, fact, now)
        if answer:
            journal.open.append((fact, now, catalog))
        return answer

    def noted_batch(self: Settling, transaction: Any, cut: Any, prepared: Any, catalog: Any) -> None:
        batch_in(self, transaction, cut, prepared, catalog)
        journal.open.append((tuple(one.position for one in cut.deliveries), self._clock.now(), catalog))

    with ExitStack() as stack:
        stack.enter_context(put(facts, "_in", noted_fact))
        stack.enter_context(put(Settling, "_write", noted_batch))
        yield


def check(run: sqlite3.Connection, journal: Journal, clock: SimClock) -> Violation | None:
    """Conclude the journal again and compare."""
    copy = fresh()
    deliveries = rows(run, "SELECT * FROM delivery")
    if deliveries:
        copy.executemany(f"INSERT INTO delivery VALUES ({','.join('?' * len(deliveries[0]))})", deliveries)
    store = SimStore(copy, clock, lambda flush: flush(), lambda db, concluded: None, lambda committed: None)
    _conclude(store, journal)
    return _different(run, copy)


def _conclude(store: SimStore, journal: Journal) -> None:
    log = {one.position: one for one in SqlLog(store).read(0, 1_000_000)}
    db = store._writer._db
    fact_in: Callable[..., Any] = facts._in
    db.execute("BEGIN IMMEDIATE")
    for what, now, catalog in journal.kept:
        transaction = SqlTransaction(db)
        if isinstance(what, tuple):
            _batch(transaction, [log[position] for position in what], now, catalog)
        else:
            fact_in(transaction, catalog, what, now)
    db.execute("COMMIT")


def _batch(transaction: SqlTransaction, batch: list[Delivery], now: Micros, catalog: Any) -> None:
    prepared = prepare(batch, catalog, _decode)
    changes = decide_in(transaction, prepared.touched, lambda view: conclude(prepared, view, now, catalog))
    transaction.write(changes, now)
    at = transaction.checkpoint(CONSUMER, PARTITION)
    transaction.advance(CONSUMER, PARTITION, at, batch[-1].position, changes.expected)


def _decode(delivery: Delivery) -> Decoded:
    return workspace().connector(delivery.connection).decode(delivery.headers, delivery.body)


def _different(run: sqlite3.Connection, again: sqlite3.Connection) -> Violation | None:
    for table, statement in _SAYS.items():
        was, now = rows(run, statement), rows(again, statement)
        if was != now:
            place = next((n for n, pair in enumerate(zip(was, now, strict=False)) if pair[0] != pair[1]), "the end")
            return Violation("I8", f"{table} differs at {place} when the log is concluded again", table)
    return None
