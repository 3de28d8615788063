"""Several processes write one PostgreSQL store: nothing is lost between two decisions, and positions keep order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from hub.errors import RetryableError
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.log.stored import sealed
from hub.model.changes import Changes, Outcome, Touched
from hub.model.entity import Entity
from hub.store.failures import LOST_RACE
from hub.store.open import open_postgres
from hub.store.port import CheckpointMoved, Transaction
from hub.store.postgres import PostgresStore
from hub.store.queries import records
from tests.contract.store.test_store import event
from tests.stores import StandingClock

LIMIT = 20


@pytest.fixture
def pair(database: str) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    """Two processes' stores on one database."""
    with open_postgres(database, StandingClock()) as one, open_postgres(database, StandingClock()) as other:
        yield one, other


@contextmanager
def beside(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Run work in a thread of its own; it must have ended when the block ends."""
    with ThreadPoolExecutor(1) as threads:
        yield (under_way := threads.submit(work))
        under_way.result(LIMIT)


def project(version: int, status: str) -> Entity:
    return Entity("project", "jira:1", "OPS-1", version, {"status": status})


def item(key: str) -> Changes:
    """A record that refers to the project."""
    one = Entity("item", key, key, 1, {"project": "jira:1"})
    return Changes(entities={("item", key): one}, refs={("item", key): {"project": "jira:1"}})


REFERRING = Touched(referring=frozenset({("item", "project", "jira:1")}))


def test_a_closing_and_a_record_that_refers_to_it_see_one_another(pair: tuple[PostgresStore, PostgresStore]) -> None:
    """Whichever comes first, the item is in the list or hears that the list was taken: never neither."""
    one, other = pair
    one.write_now(lambda t: t.write(Changes(entities={("project", "jira:1"): project(1, "active")}), 1))
    loaded, go_on = threading.Event(), threading.Event()
    heard: list[str] = []

    def close(t: Transaction) -> list[str]:
        view = t.load(REFERRING | Touched(entities=frozenset({("project", "jira:1")})))
        loaded.set()
        assert go_on.wait(LIMIT)
        t.write(Changes(entities={("project", "jira:1"): project(2, "closed")}), 1)
        return [one.key for one in view.referring("item", "project", "jira:1")]

    def add(t: Transaction) -> None:
        found = t.load(Touched(entities=frozenset({("item", "jira:9"), ("project", "jira:1")})))
        subject = found.entity("project", "jira:1")
        assert subject is not None
        heard.append(subject.state["status"])
        t.write(item("jira:9"), 1)

    with beside(lambda: one.write_now(close)) as closing:
        assert loaded.wait(LIMIT)
        with beside(lambda: other.write_now(add)):
            go_on.set()
        assert closing.result(LIMIT) == []
    assert heard[-1] == "closed"


def test_a_record_that_does_not_read_the_closing_is_still_in_its_list_or_after_it(
    pair: tuple[PostgresStore, PostgresStore],
) -> None:
    """It writes what the closing has read: it waits for the closing, or the closing reads again."""
    one, other = pair
    loaded, tried = threading.Event(), threading.Event()
    order: list[str] = []

    def close(t: Transaction) -> None:
        t.load(REFERRING)
        loaded.set()
        assert tried.wait(LIMIT)
        t.write(Changes(events=[event("project/jira:1", 1)]), 1)
        order.append("closed")

    def add(t: Transaction) -> None:
        tried.set()
        t.write(item("jira:9"), 1)
        order.append("added")

    with beside(lambda: one.write_now(close)):
        assert loaded.wait(LIMIT)
        with beside(lambda: other.write_now(add)):
            pass
    assert order[-2:] == ["closed", "added"]


def test_who_reads_through_an_index_waits_for_whoever_changes_what_it_leads_to(
    pair: tuple[PostgresStore, PostgresStore],
) -> None:
    one, other = pair
    one.write_now(lambda t: t.write(item("jira:9"), 1))
    written, go_on, asked = threading.Event(), threading.Event(), threading.Event()

    def change(t: Transaction) -> None:
        t.load(Touched(entities=frozenset({("item", "jira:9")})))
        t.write(Changes(entities={("item", "jira:9"): Entity("item", "jira:9", "x", 2, {"project": "jira:1"})}), 1)
        written.set()
        assert go_on.wait(LIMIT)

    def look(t: Transaction) -> int:
        asked.set()
        return t.load(REFERRING).referring("item", "project", "jira:1")[0].version

    with beside(lambda: one.write_now(change)):
        assert written.wait(LIMIT)
        with beside(lambda: other.write_now(look)) as looking:
            assert asked.wait(LIMIT)
            assert not looking.done()
            go_on.set()
            assert looking.result(LIMIT) == 2


def test_positions_become_visible_in_their_order(pair: tuple[PostgresStore, PostgresStore]) -> None:
    """A reader who goes on after the newest position it has seen misses nothing, while eight write."""
    seen: list[int] = []
    stop = threading.Event()

    def follow() -> None:
        at = 0
        while True:
            last = stop.is_set()
            with pair[0].reader() as db:
                found = [row[0] for row in db.execute("SELECT position FROM event WHERE position > ?", (at,))]
            seen.extend(sorted(found))
            at = max(found, default=at)
            if last and not found:
                return

    def tell(number: int) -> None:
        for n in range(25):
            name = f"loop/{number}-{n}"
            pair[number % 2].write_now(lambda t, name=name: t.write(Changes(events=[event(name)]), 1))  # type: ignore[misc]

    with beside(follow):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(tell, range(8)))
        stop.set()
    assert seen == list(range(1, 201))


def test_a_zombies_checkpoint_is_refused_and_nothing_of_it_stays(pair: tuple[PostgresStore, PostgresStore]) -> None:
    zombie, alive = pair
    alive.write_now(lambda t: t.create_checkpoint("hub.delivery.jira", 3, 100))
    assert alive.write_now(lambda t: t.find_checkpoint("hub.delivery.jira", 4)) is None
    read, taken_over = threading.Event(), threading.Event()

    def late(t: Transaction) -> None:
        read.set()
        assert taken_over.wait(LIMIT)
        t.write(Changes(events=[event("loop/zombie")]), 1)
        t.advance("hub.delivery.jira", 3, 100, 120, 0)

    with ThreadPoolExecutor(1) as threads:
        going = threads.submit(zombie.write_now, late)
        assert read.wait(LIMIT)
        alive.write_now(lambda t: t.advance("hub.delivery.jira", 3, 100, 110, 0))
        taken_over.set()
        with pytest.raises(CheckpointMoved):
            going.result(LIMIT)
    assert alive.checkpoint("hub.delivery.jira", 3) == 110
    with alive.reader() as db:
        assert db.execute("SELECT count(*) FROM event").fetchone()[0] == 0


def test_locks_found_late_in_opposite_orders_end_in_no_deadlock(pair: tuple[PostgresStore, PostgresStore]) -> None:
    """Each holds what the other finds it needs later: one gives way and runs again with all of it from the start."""
    met = threading.Barrier(2, timeout=LIMIT)
    attempts: list[str] = []

    def crossing(first: str, second: str) -> Callable[[Transaction], None]:
        waits = [True]

        def work(t: Transaction) -> None:
            attempts.append(first)
            t.load(Touched(loops=frozenset({first})))
            if waits.pop() if waits else False:
                met.wait()
            t.load(Touched(loops=frozenset({second})))
            t.write(Changes(events=[event(f"loop/{first}")]), 1)

        return work

    with beside(lambda: pair[0].write_now(crossing("a", "b"))), beside(lambda: pair[1].write_now(crossing("b", "a"))):
        pass
    assert len(attempts) > 2
    with pair[0].reader() as db:
        assert db.execute("SELECT count(*) FROM event").fetchone()[0] == 2


def test_who_touches_more_than_fits_is_alone(pair: tuple[PostgresStore, PostgresStore]) -> None:
    one, other = pair
    many = Touched(entities=frozenset(("item", f"jira:{n}") for n in range(20_000)))
    loaded, asked = threading.Event(), threading.Event()

    def big(t: Transaction) -> None:
        t.load(many)
        loaded.set()
        assert asked.wait(LIMIT)
        t.write(Changes(events=[event("loop/big")]), 1)

    def small(t: Transaction) -> None:
        asked.set()
        t.load(Touched(loops=frozenset({"elsewhere"})))
        with other.reader() as db:
            assert db.execute("SELECT count(*) FROM event").fetchone()[0] == 1

    with beside(lambda: one.write_now(big)):
        assert loaded.wait(LIMIT)
        other.write_now(small)


def test_a_connection_killed_during_the_work_leaves_nothing_and_the_next_one_goes_on(
    pair: tuple[PostgresStore, PostgresStore],
) -> None:
    one, other = pair

    def killed(t: Transaction) -> None:
        t.write(Changes(events=[event("loop/x")]), 1)
        pid = t.db.execute("SELECT pg_backend_pid()").fetchone()[0]
        with other.reader() as db:
            db.execute("SELECT pg_terminate_backend(?::int, 5000)", (pid,))

    with pytest.raises(RetryableError):
        one.write_now(killed)
    written = one.write_now(lambda t: t.write(Changes(events=[event("loop/x")]), 1))
    assert [each.position for each in written] == [1]


def test_a_connection_killed_during_the_commit_is_told_and_compare_and_set_decides(
    pair: tuple[PostgresStore, PostgresStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit reached the server, its answer did not reach us: nobody assumes, the checkpoint says it stands."""
    from hub.store import postgres as module

    one, other = pair
    commit = module._commit

    def unheard(db: Any) -> None:
        pid = db.execute("SELECT pg_backend_pid()").fetchone()[0]
        commit(db)
        with other.reader() as reading:
            reading.execute("SELECT pg_terminate_backend(?::int, 5000)", (pid,))
        commit(db)

    monkeypatch.setattr(module, "_commit", unheard)
    with pytest.raises(RetryableError, match="PostgreSQL does not do it now"):
        one.write_now(lambda t: t.advance("engine", 0, 0, 5, 0))
    monkeypatch.undo()
    with pytest.raises(CheckpointMoved):
        one.write_now(lambda t: t.advance("engine", 0, 0, 5, 0))
    assert one.checkpoint("engine", 0) == 5


def test_connections_the_server_dropped_while_nothing_ran_are_replaced(
    pair: tuple[PostgresStore, PostgresStore],
) -> None:
    """As after a restart of the server: nobody above hears of it."""
    one, other = pair
    one.write_now(lambda t: t.create_checkpoint("engine", 0, 5))
    with one.read() as db:
        assert db.exec_driver_sql("SELECT 1").scalar() == 1
    assert one.checkpoint("engine", 0) == 5
    with other.reader() as db:
        dropped = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'hub'"
        assert len(db.execute(f"{dropped} AND pid <> pg_backend_pid()").fetchall()) >= 3
    assert one.checkpoint("engine", 0) == 5
    with one.read() as db:
        assert db.exec_driver_sql("SELECT position FROM checkpoint").scalar() == 5
    one.write_now(lambda t: t.advance("engine", 0, 5, 6, 0))
    assert one.checkpoint("engine", 0) == 6


def test_a_process_that_stands_still_loses_its_locks(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.store import connecting_postgres as connecting

    monkeypatch.setattr(connecting, "WRITING", ("idle_in_transaction_session_timeout=200ms",))
    asked = threading.Event()
    with open_postgres(database, StandingClock()) as store:

        def stands_still(t: Transaction) -> None:
            t.load(Touched(loops=frozenset({"a"})))
            asked.set()
            store.write_now(lambda inner: inner.load(Touched(loops=frozenset({"a"}))))  # until the server ends ours
            t.write(Changes(events=[event("loop/a")]), 1)

        with pytest.raises(RetryableError):
            store.write_now(stands_still)
        with store.reader() as db:
            assert db.execute("SELECT count(*) FROM event").fetchone()[0] == 0


async def test_deliveries_of_two_processes_are_one_log_without_gaps(
    pair: tuple[PostgresStore, PostgresStore],
) -> None:
    logs = [SqlLog(store) for store in pair]

    async def send(log: SqlLog, number: int) -> int:
        (placed,) = await log.append([Arrival("jira", b"%d" % (number // 2), {}, 1, "webhook", str(number // 2))])
        return placed.position

    answers = await asyncio.gather(*(send(logs[n % 2], n) for n in range(80)))
    assert answers[::2] == answers[1::2]
    assert sorted(set(answers)) == list(range(1, 41))
    with pair[0].read() as db:
        assert records.measured(db, "") == {"duplicate/jira": 40}


def test_what_was_concluded_from_a_delivery_follows_it_to_its_place(
    pair: tuple[PostgresStore, PostgresStore],
) -> None:
    one, other = pair
    log = SqlLog(other)
    arrivals = [sealed(one, Arrival("jira", body, {}, 1, "webhook")) for body in (b"a", b"b", b"b")]
    placed = one.identify(arrivals)
    log.append_now([Arrival("trello", b"first", {}, 1, "webhook")])

    def conclude(t: Transaction) -> None:
        t.land(arrivals, placed)
        t.write(Changes(outcomes=[Outcome(p.position, 0, "t", "applied") for p in placed]), 1)

    one.write_now(conclude)
    assert [(d.position, d.body) for d in log.read(0, 9)] == [(1, b"first"), (2, b"a"), (3, b"b"), (4, b"b")]
    with one.read() as db:
        assert sorted(row["position"] for row in records.outcomes(db, [1, 2, 3, 4])) == [2, 3, 4]


def test_who_lands_what_another_has_landed_meanwhile_must_look_again(
    pair: tuple[PostgresStore, PostgresStore],
) -> None:
    one, other = pair
    log = SqlLog(other)
    arrivals = [sealed(one, Arrival("jira", b"a", {}, 1, "webhook", "id-1"))]
    late, early = one.identify(arrivals), other.identify(arrivals)
    other.write_now(lambda t: t.land(arrivals, early))
    with pytest.raises(LOST_RACE):
        one.write_now(lambda t: t.land(arrivals, late))
    again = one.identify(arrivals)
    assert [(p.position, p.duplicate) for p in again] == [(1, True)]
    one.write_now(lambda t: t.land(arrivals, again))
    assert log.end() == 1
