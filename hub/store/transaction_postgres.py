"""A write transaction where several write at once: locks by name before reading, positions last, in commit order.

Names are waited for once, sorted, before anything is read. Those found later are only tried: where somebody else has
one, ``Again`` rolls everything back and the work runs anew with all names from the start; so nobody waits in a
circle. Who touches more names than the server has room for, or reads a whole kind, is alone (ADR 0004).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hub.model.changes import Changes, Touched, View
from hub.model.clock import Micros
from hub.model.event import Event
from hub.model.schema import Schemas
from hub.store import hot_postgres, hot_sqlite, lock_names, tables
from hub.store.appending import Placed, Sealed
from hub.store.auditing import append_audits
from hub.store.driver_postgres import PostgresDatabase, texts
from hub.store.landing import duplicates_of, rows_of, settled
from hub.store.loading import load
from hub.store.loading_postgres import prefetch
from hub.store.lock_names import Before
from hub.store.statements import ADD_MEASURE, delete, select
from hub.store.transaction import SqlTransaction, Written
from hub.store.upgrading import outdated
from hub.store.view import LoadedView

CLASS = 1_751_478_639
"""The hub's own two-part advisory locks, apart from the names' hashes."""
TOGETHER = f"SELECT pg_advisory_xact_lock_shared({CLASS}, 1)"
ALONE = f"SELECT pg_advisory_xact_lock({CLASS}, 1)"
POSITION = f"SELECT pg_advisory_xact_lock({CLASS}, 2)"
ACTIVATION = f"SELECT pg_advisory_xact_lock({CLASS}, 3)"
ACTIVATION_SHARED = f"SELECT pg_advisory_xact_lock_shared({CLASS}, 3)"
WAIT_FOR = (
    "SELECT count(*) FROM (SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(?::text[]) n(name)) l"
)
TRY = "SELECT name FROM unnest(?::text[]) n(name) WHERE NOT pg_try_advisory_xact_lock(hashtextextended(name, 0))"
REFS_OF = (
    "SELECT s.name, r.field, r.value FROM unnest(?::text[]) n(name) JOIN stream s ON s.name = n.name"
    " JOIN ref r ON r.stream = s.id"
)
LABELS_OF = (
    "SELECT e.kind, e.key, e.label FROM unnest(?::text[]) n(name) JOIN stream s ON s.name = n.name"
    " JOIN entity e ON e.stream = s.id"
)
LINKS_OF = (
    "SELECT l.connection, l.kind, l.key, l.object FROM unnest(?::text[], ?::text[], ?::text[]) w(c, kind, key)"
    " JOIN link l ON l.connection = w.c AND l.kind = w.kind AND l.key = w.key"
)
WAITS_OF = "SELECT loop, kind, name FROM wait WHERE loop = ANY(?::text[])"
ASIDES_OF = (
    "SELECT kind, key FROM quarantine WHERE id = ANY(?1::text[])"
    " UNION SELECT kind, value FROM quarantine_ref WHERE id = ANY(?1::text[])"
)
KEYS_OF = "SELECT DISTINCT label, key FROM label WHERE label = ANY(?::text[])"


@dataclass(frozen=True, slots=True)
class Needs:
    """What the next attempt of a piece of work takes before it reads anything."""

    names: frozenset[str] = frozenset()
    alone: bool = False


class Again(BaseException):
    """Somebody else holds a lock that is only tried. For the store alone: no decision may catch it."""

    def __init__(self, needs: Needs) -> None:
        super().__init__("a lock is held by somebody else")
        self.needs = needs


@dataclass(slots=True)
class Tail:
    """What is written last: everything that is numbered, or counted in rows all share."""

    changes: Changes
    streams: Mapping[str, int]
    now: Micros
    written: Written


@dataclass(slots=True)
class Landed:
    arrivals: Sequence[Sealed]
    placed: Sequence[Placed]


@dataclass(slots=True)
class Locks:
    """Those of one transaction; at most ``room`` names."""

    db: PostgresDatabase
    needs: Needs
    room: int
    held: set[str] = field(default_factory=set)
    begun: bool = False

    def take(self, names: Iterable[str]) -> None:
        """Hold these names until the transaction ends. Raises ``Again``."""
        if self.needs.alone:
            self.begin()
            return
        missing = set(names) - self.held
        if not self.held:
            missing |= self.needs.names
        if not missing:
            return
        if len(self.held) + len(missing) > self.room:
            raise Again(Needs(alone=True))
        self.begin()
        self._wait_for(missing) if not self.held else self._try(missing)
        self.held |= missing

    def alone(self) -> None:
        """Go on with nobody else deciding. Raises ``Again``."""
        if not self.needs.alone:
            raise Again(Needs(alone=True))
        self.begin()

    def begin(self) -> None:
        """Every transaction that decides or numbers holds this one, so that ``alone`` is alone."""
        if not self.begun:
            self.begun = True
            self.db.execute(ALONE if self.needs.alone else TOGETHER)

    def _wait_for(self, names: set[str]) -> None:
        self.db.execute(WAIT_FOR, (texts(sorted(names)),))

    def _try(self, names: set[str]) -> None:
        if self.db.execute(TRY, (texts(sorted(names)),)).fetchone() is not None:
            raise Again(Needs(frozenset(self.held | names | self.needs.names)))


class PostgresTransaction(SqlTransaction):
    """Implements ``hub.store.port.Transaction``; ``finish`` before the commit."""

    db: PostgresDatabase

    def __init__(self, db: PostgresDatabase, needs: Needs, room: int) -> None:
        super().__init__(db)
        self._locks = Locks(db, needs, room)
        self._tail: Tail | None = None
        self._landed: list[Landed] = []
        self.landed = False
        """Whether deliveries were written, so that the store can name the crash boundaries of a commit."""

    def hold(self, name: str) -> None:
        self._locks.take((f"@{name}",))

    def activates(self) -> None:
        self.db.execute(ACTIVATION)

    def activation(self) -> int:
        self.db.execute(ACTIVATION_SHARED)
        return super().activation()

    def load(self, touched: Touched) -> View:
        self._write_on()
        if touched.pages:
            self._locks.alone()
        self._locks.take(lock_names.of_reads(touched))
        self._read(touched)
        while not self._locks.needs.alone and (found := lock_names.of_found(touched, self._view) - self._locks.held):
            self._locks.take(found)
            self._forget(touched, found)  # somebody may have written them before we held them
            self._read(touched)
        return self._view

    def _read(self, touched: Touched) -> None:
        self._recall(touched)
        prefetch(self.db, self._view, touched)
        self._view.nobody_waits = True  # not asked: that no loop waits at all is no entry anybody locks
        load(self.db, self._view, touched, self.seen)
        self._view.nobody_waits = False

    def _forget(self, touched: Touched, found: set[str]) -> None:
        """What indexes led to, and the indexes themselves, are read anew."""
        view = self._view
        for place in touched.referring:
            for entity in view.references.pop(place, ()):
                if entity.stream in found:
                    view.entities.pop((entity.kind, entity.key), None)
        indexes = ((touched.subjects, view.subjects), (touched.waiting, view.waits), (touched.takers, view.taken))
        for places, index in indexes:
            for one in (one for place in places for one in index.pop(place, ())):
                if one.stream in found:
                    view.loops.pop(one.id, None)

    def upgrade(self, schemas: Schemas, indexed: Callable[[str], Sequence[str]]) -> int:
        if outdated(self.db, schemas):
            self._locks.alone()
            return super().upgrade(schemas, indexed)
        return 0

    def index(self, wanted: Mapping[str, Sequence[str]]) -> int:
        self._locks.alone()
        return super().index(wanted)

    def find_checkpoint(self, consumer: str, partition: int) -> int | None:
        statement = f"{select(tables.checkpoint, 'consumer', 'partition')} FOR UPDATE"
        row = self.db.execute(statement, (consumer, partition)).fetchone()
        return None if row is None else int(row[2])

    def land(self, arrivals: Sequence[Sealed], placed: Sequence[Placed]) -> None:
        self._landed.append(Landed(arrivals, placed))

    def write(self, changes: Changes, now: Micros) -> Sequence[Event]:
        self._write_on()
        self._locks.take(lock_names.of_heads(changes))
        if not self._locks.needs.alone:
            self._take_entries(changes)
        streams = self._streams(changes)
        self._entities(changes, streams)
        self._heads(changes)
        written = Written(changes.events, 0)
        self._tail = Tail(changes, streams, now, written)
        self._view = LoadedView()
        return written

    def finish(self) -> None:
        """Write what comes last. Nothing may follow but the commit."""
        self._flush()

    def _write_on(self) -> None:
        """What was written before is read, or followed, from now on: it cannot be put off any longer."""
        if self._tail is not None:
            self._flush()

    def _take_entries(self, changes: Changes) -> None:
        before = self._before(changes)
        self._locks.take(lock_names.of_entries(changes, before))
        if values := lock_names.named(changes, before):
            keys: dict[str, list[str]] = {}
            for label, key in self.db.execute(KEYS_OF, (texts(sorted(values)),)):
                keys.setdefault(label, []).append(key)
            self._locks.take(lock_names.of_aliases(changes, before, keys))

    def _before(self, changes: Changes) -> Before:
        """Stable: whoever changes these entries holds the head they belong to, as we do."""
        return Before(
            self._labels_before(changes),
            self._refs_of(changes),
            self._links_before(changes),
            self._waits_before(changes),
            self._asides_before(changes),
        )

    def _labels_before(self, changes: Changes) -> dict[tuple[str, str], str | None]:
        held = self._view.entities
        found = {p: one.label for p in changes.entities if (one := held.get(p)) is not None}
        unknown = [f"{kind}/{key}" for kind, key in changes.entities if (kind, key) not in held]
        if unknown:
            rows = self.db.execute(LABELS_OF, (texts(unknown),))
            found.update({(kind, key): label for kind, key, label in rows})
        return found

    def _refs_of(self, changes: Changes) -> dict[tuple[str, str], dict[str, str]]:
        if not changes.refs:
            return {}
        places = {f"{kind}/{key}": (kind, key) for kind, key in changes.refs}
        found: dict[tuple[str, str], dict[str, str]] = {}
        for name, column, value in self.db.execute(REFS_OF, (texts(list(places)),)):
            found.setdefault(places[name], {})[column] = value
        return found

    def _links_before(self, changes: Changes) -> dict[tuple[str, str, str], str | None]:
        wanted = sorted({*((c, kind, key) for c, kind, key, _ in changes.links), *changes.unlinked})
        held = self._view.links
        found = {one: held[one] for one in wanted if one in held}
        unknown = [one for one in wanted if one not in held]
        if unknown:
            rows = self.db.execute(LINKS_OF, [texts(column) for column in zip(*unknown, strict=True)])
            found.update({(c, kind, key): to for c, kind, key, to in rows})
        return found

    def _waits_before(self, changes: Changes) -> dict[str, frozenset[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = {}
        if changes.waits:
            for loop, kind, name in self.db.execute(WAITS_OF, (texts(list(changes.waits)),)):
                found.setdefault(loop, set()).add((kind, name))
        return {loop: frozenset(places) for loop, places in found.items()}

    def _asides_before(self, changes: Changes) -> frozenset[tuple[str, str]]:
        if not changes.quarantines:
            return frozenset()
        rows = self.db.execute(ASIDES_OF, (texts(list(changes.quarantines)),))
        return frozenset((kind, key) for kind, key in rows)

    def _begin_streams(self, names: Sequence[str], ids: dict[str, int]) -> None:
        if names:
            ids.update(self.db.execute(hot_postgres.INSERT_STREAM, (texts(names),)))

    def _flush(self) -> None:
        """Number and write what was put off, under the lock that is held to the commit."""
        tail, landed = self._tail, self._landed
        if tail is None and not landed:
            return
        self._tail, self._landed = None, []
        changes = Changes() if tail is None else tail.changes
        if landed or changes.events or changes.audits or changes.measures:
            self._locks.begin()
            self.db.execute(POSITION)
        self._places = {**self._places, **self._write_landed(landed)}
        if tail is None:
            return
        if self._places:
            changes = settled(changes, self._places)
        self._number(tail)
        self._many(delete(tables.outcome, "position", "record", "table_name"), sorted(changes.withdrawn))
        self._outcomes(changes.outcomes)
        self._quarantines(changes)
        self._measures(changes, tail.now)
        append_audits(self.db, changes.audits)

    def _number(self, tail: Tail) -> None:
        events = tail.changes.events
        if events:
            tail.written.follow(self._events(events, tail.streams))

    def _write_landed(self, landed: Sequence[Landed]) -> dict[int, int]:
        places: dict[int, int] = {}
        first = self._next(tables.delivery, "position") if landed else 0
        for one in landed:
            self.landed = True
            rows, found = rows_of(one.arrivals, one.placed, first + len(places))
            places |= found
            self._many(hot_sqlite.INSERT_DELIVERY, rows)
            self._many(ADD_MEASURE, duplicates_of(one.arrivals, one.placed))
        return places
