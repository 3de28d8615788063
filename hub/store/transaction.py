"""One write transaction: load what a decision touches, write what it wants, all of it or nothing.

It knows nothing of threads or commits (``writer``) and decides nothing. Rows go out in the tables' column order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

import orjson
from sqlalchemy import Table

from hub.model.changes import Changes, Outcome, Touched, View
from hub.model.clock import SECOND, Micros
from hub.model.effect import EffectState
from hub.model.event import Event
from hub.model.schema import Schemas
from hub.store import hot_sqlite, tables
from hub.store.appending import Placed, Sealed
from hub.store.auditing import append_audits
from hub.store.documents import (
    approval_row,
    dump,
    dump_marks,
    effect_row,
    instance_row,
    quarantine_row,
    reading_row,
    timer_row,
    twoway_row,
)
from hub.store.failures import VersionConflict
from hub.store.indexing import index_fields
from hub.store.kept import Kept, Place, Sized
from hub.store.landing import duplicates_of, rows_of, settled
from hub.store.loading import load
from hub.store.port import CheckpointMoved, Transaction
from hub.store.sql import Database, Sql
from hub.store.statements import ADD_MEASURE, delete, insert, select, upsert
from hub.store.upgrading import outdated, upgrade
from hub.store.view import LoadedView

HOUR: Micros = 3_600 * SECOND
LATEST = "SELECT coalesce(max(id), 0) FROM mapping"
REFS_OF = Sql(
    "SELECT r.stream, r.field, r.value FROM json_each(?) j CROSS JOIN ref r ON r.stream = j.value",
    "SELECT r.stream, r.field, r.value FROM json_array_elements_text(?::json) j(value)"
    " JOIN ref r ON r.stream = j.value::bigint",
)
ADVANCE = (
    "UPDATE checkpoint SET position = ?, expected = expected + ?"
    " WHERE consumer = ? AND partition = ? AND position = ?"
)


class Written(Sequence[Event]):
    """The events of one write with their positions, made only when somebody looks."""

    def __init__(self, events: Sequence[Event], first: int) -> None:
        """``first``: 0 where the positions are not known yet."""
        self._events, self._first = events, first

    def follow(self, other: Written) -> None:
        """Stand where that one stands: the positions are known only now."""
        self._first = other._first

    def __len__(self) -> int:
        return len(self._events)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        place = range(len(self))[index]
        if not self._first:
            raise LookupError("positions are given at the end of a transaction")
        return _at(self._events[place], self._first + place)


def _at(event: Event, position: int) -> Event:
    values = {name: getattr(event, name) for name in Event.__dataclass_fields__}
    return Event(**{**values, "position": position})


class SqlTransaction:
    """Implements ``hub.store.port.Transaction``; on SQLite it lives inside one savepoint of the writer thread.

    There the one writer is the lock. What differs where several write at once is in ``transaction_postgres``.
    """

    def __init__(self, db: Database, kept: Kept | None = None) -> None:
        self.db = db
        self._kept = Kept() if kept is None else kept
        self.seen: dict[Place, Sized] = {}
        """Entities read and written here: for the writer to keep once this transaction stands."""
        self.wrote: set[EffectState] = set()
        """Effect states written, so that the writer can name the crash boundaries of a commit."""
        self._view = LoadedView()
        self._places: Mapping[int, int] = {}

    def hold(self, name: str) -> None:
        """Nobody else writes meanwhile anyway."""

    def activates(self) -> None:
        """As ``hold``."""

    def land(self, arrivals: Sequence[Sealed], placed: Sequence[Placed]) -> None:
        rows, self._places = rows_of(arrivals, placed, self._next(tables.delivery, "position"))
        self._many(hot_sqlite.INSERT_DELIVERY, rows)
        self._many(ADD_MEASURE, duplicates_of(arrivals, placed))

    def load(self, touched: Touched) -> View:
        self._recall(touched)
        load(self.db, self._view, touched, self.seen)
        return self._view

    def _recall(self, touched: Touched) -> None:
        """Entities as this transaction, else as the last ones, left them; the others are loaded."""
        held = self._view.entities
        for place in touched.entities:
            if place not in held:
                mine = self.seen.get(place)
                entity = self._kept.get(place) if mine is None else mine[0]
                if entity is not None:
                    held[place] = entity

    def write(self, changes: Changes, now: Micros) -> Sequence[Event]:
        if self._places:
            changes = settled(changes, self._places)
        streams = self._streams(changes)
        written = self._events(changes.events, streams)
        self._entities(changes, streams)
        self._many(delete(tables.outcome, "position", "record", "table_name"), sorted(changes.withdrawn))
        self._outcomes(changes.outcomes)
        self._heads(changes)
        append_audits(self.db, changes.audits)
        self._quarantines(changes)
        self._measures(changes, now)
        self._view = LoadedView()  # what was loaded before may have changed
        return written

    def index(self, wanted: Mapping[str, Sequence[str]]) -> int:
        return index_fields(self.db, wanted)

    def upgrade(self, schemas: Schemas, indexed: Callable[[str], Sequence[str]]) -> int:
        kinds = outdated(self.db, schemas)
        if kinds:
            self._kept.forget()
        return upgrade(self.db, schemas, {kind: indexed(kind) for kind in kinds})

    def activation(self) -> int:
        return int(self.db.execute(LATEST).fetchone()[0])

    def checkpoint(self, consumer: str, partition: int) -> int:
        return self.find_checkpoint(consumer, partition) or 0

    def find_checkpoint(self, consumer: str, partition: int) -> int | None:
        statement = select(tables.checkpoint, "consumer", "partition")
        row = self.db.execute(statement, (consumer, partition)).fetchone()
        return None if row is None else int(row[2])

    def create_checkpoint(self, consumer: str, partition: int, position: int) -> None:
        self.db.execute(insert(tables.checkpoint), (consumer, partition, position, 0))

    def advance(self, consumer: str, partition: int, before: int, after: int, expected: int) -> None:
        if before == 0:
            self.create_checkpoint(consumer, partition, 0)
        moved = self.db.execute(ADVANCE, (after, expected, consumer, partition, before))
        if moved.rowcount != 1:
            raise CheckpointMoved(f"{consumer}/{partition} is not at {before}")

    def _streams(self, changes: Changes) -> dict[str, int]:
        """Stream ids by name, missing ones made; the versions of ``changes.events`` are checked on the way."""
        heads: dict[str, int] = {event.stream: 0 for event in changes.events}
        heads.update((entity.stream, 0) for entity in changes.entities.values())
        heads.update((f"{kind}/{key}", 0) for kind, key in changes.refs)
        if not heads:
            return {}
        ids: dict[str, int] = {}
        for name, number, version in self.db.execute(hot_sqlite.HEADS, (orjson.dumps(list(heads)).decode(),)):
            ids[name], heads[name] = number, version
        _check_versions(changes.events, heads)
        if fresh := [name for name in heads if name not in ids]:
            self._begin_streams(fresh, ids)
        return ids

    def _begin_streams(self, names: Sequence[str], ids: dict[str, int]) -> None:
        """Give new streams their numbers."""
        first = self._next(tables.stream, "id")
        ids.update((name, first + index) for index, name in enumerate(names))
        self.db.executemany(hot_sqlite.INSERT_STREAM, [(ids[name], name) for name in names])

    def _next(self, table: Table, column: str) -> int:
        row = self.db.execute(f"SELECT coalesce(max({column}), 0) + 1 FROM {table.name}").fetchone()
        return int(row[0])

    def _events(self, events: Sequence[Event], streams: Mapping[str, int]) -> Written:
        if not events:
            return Written((), 0)
        first = self._next(tables.event, "position")
        fromhex = bytes.fromhex
        rows = [
            (
                *(position, streams[e.stream], e.version, fromhex(e.id.replace("-", "")), e.type, e.time, e.recorded),
                *(e.schema, e.correlation, e.causation, e.logic, e.delivery, e.record, e.data),
            )
            for position, e in enumerate(events, first)
        ]
        self.db.executemany(hot_sqlite.INSERT_EVENT, rows)
        return Written(events, first)

    def _entities(self, changes: Changes, streams: Mapping[str, int]) -> None:
        rows = []
        for e in changes.entities.values():
            state = dump(e.state)
            marks = dump_marks(e.marks)
            rows.append((streams[e.stream], e.kind, e.key, e.label, e.version, e.deleted, state, marks))
            self.seen[e.kind, e.key] = e, len(state) + len(marks)
        if rows:
            self.db.executemany(hot_sqlite.UPSERT_ENTITY, rows)
        if changes.refs:
            self._refs({(streams[f"{k}/{key}"], k): refs for (k, key), refs in changes.refs.items()})
        self._many(insert(tables.label), sorted(changes.labels))
        self._many(delete(tables.link, "connection", "kind", "key"), sorted(changes.unlinked))
        self._many(upsert(tables.link), sorted(changes.links))

    def _refs(self, wanted: Mapping[tuple[int, str], Mapping[str, str]]) -> None:
        """Replace ref rows where they differ: most records name the same targets as before."""
        held: dict[int, dict[str, str]] = {}
        numbers = orjson.dumps([number for number, _ in wanted]).decode()
        for number, field, value in self.db.execute(REFS_OF, (numbers,)):
            held.setdefault(number, {})[field] = value
        changed = [(place, refs) for place, refs in wanted.items() if dict(refs) != held.get(place[0], {})]
        self._many(delete(tables.ref, "stream"), [(number,) for (number, _), _ in changed])
        rows = [(n, field, kind, value) for (n, kind), refs in changed for field, value in refs.items()]
        self._many(upsert(tables.ref), rows)

    def _outcomes(self, outcomes: Iterable[Outcome]) -> None:
        rows = [(o.position, o.record, o.table, o.verdict, o.reason) for o in outcomes]
        self._many(hot_sqlite.UPSERT_OUTCOME, rows)

    def _heads(self, changes: Changes) -> None:
        self._many(upsert(tables.loop), [instance_row(loop) for loop in changes.loops.values()])
        self._many(upsert(tables.effect), [effect_row(effect) for effect in changes.effects.values()])
        self.wrote.update(effect.state for effect in changes.effects.values())
        self._many(upsert(tables.approval), [approval_row(each) for each in changes.approvals.values()])
        self._many(upsert(tables.timer), [timer_row(t) for t in changes.timers.values() if t is not None])
        self._many(delete(tables.timer, "id"), [(i,) for i, timer in changes.timers.items() if timer is None])
        self._readings(changes)
        self._many(delete(tables.wait, "loop"), [(name,) for name in changes.waits])
        waits = [(kind, name, loop) for loop, wanted in changes.waits.items() for kind, name in sorted(wanted)]
        self._many(insert(tables.wait), waits)
        self._many(insert(tables.taken), sorted(changes.taken))
        self._many(upsert(tables.twoway), [twoway_row(each) for each in changes.twoways.values()])

    def _readings(self, changes: Changes) -> None:
        self._many(upsert(tables.reading), [reading_row(r) for r in changes.readings.values() if r is not None])
        gone = [
            (*identity.split("/", 2), cause)
            for (identity, cause), reading in changes.readings.items()
            if reading is None
        ]
        self._many(delete(tables.reading, "connection", "stream", "object", "cause"), gone)

    def _quarantines(self, changes: Changes) -> None:
        rows = list(changes.quarantines.values())
        if not rows:
            return
        self._many(upsert(tables.quarantine), [quarantine_row(q) for q in rows])
        self._many(delete(tables.quarantine_ref, "id"), [(q.id,) for q in rows])
        named = [(kind, value, q.id) for q in rows if q.closed_at is None for kind, value in q.refs.values()]
        self._many(insert(tables.quarantine_ref), named)

    def _measures(self, changes: Changes, now: Micros) -> None:
        hour = now - now % HOUR
        rows = [(integration, name, hour, value) for (integration, name), value in sorted(changes.measures.items())]
        self._many(ADD_MEASURE, rows)

    def _many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self.db.executemany(statement, rows)


def _check_versions(events: Iterable[Event], heads: Mapping[str, int]) -> None:
    """Each stream goes on exactly where it stands; anything else was decided on an old head."""
    at = dict(heads)
    for event in events:
        if event.version != at[event.stream] + 1:
            raise VersionConflict(f"{event.stream}: version {event.version} does not follow {at[event.stream]}")
        at[event.stream] = event.version


def execute(transaction: Transaction, statement: str, row: Sequence[Any]) -> None:
    """One row of a table that is no head of the engine's (cursors, activations), in the same transaction."""
    transaction.db.execute(statement, row)
