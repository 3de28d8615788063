"""The log port, held to its promises on every database behind it."""

from __future__ import annotations

import asyncio

import pytest

from hub.errors import RetryableError
from hub.log.port import Appended, Arrival
from hub.log.sql import SqlLog
from hub.model.delivery import delivery_ref
from hub.store.port import Store
from hub.store.queries import records, status


@pytest.fixture
def log(store: Store) -> SqlLog:
    return SqlLog(store)


def arrival(body: bytes = b"{}", source_id: str | None = None, connection: str = "jira") -> Arrival:
    return Arrival(connection, body, {"x-id": "7"}, 1_000, "webhook", source_id, "loop-1")


async def test_a_delivery_is_read_back_as_it_came(log: SqlLog) -> None:
    body = b'\xff\x00{"a": 1}'
    (placed,) = await log.append([arrival(body, "id-1")])
    (found,) = log.read(0, 10)
    assert placed == Appended(1, delivery_ref("jira", "id-1", body, 0))
    assert (found.ref, found.body, found.headers, found.source_id) == (placed.ref, body, {"x-id": "7"}, "id-1")
    assert (found.received_at, found.origin, found.cause, found.position) == (1_000, "webhook", "loop-1", 1)
    assert log.get(1) == log.by_ref(placed.ref) == found
    assert log.get(2) is None


async def test_reading_goes_on_after_a_position_in_order(log: SqlLog) -> None:
    await log.append([arrival(b"%d" % n) for n in range(5)])
    assert [d.position for d in log.read(1, 3)] == [2, 3, 4]
    assert [d.body for d in log.read(4, 9)] == [b"4"]
    assert log.end() == 5


async def test_the_same_id_and_body_fifty_times_is_kept_once_and_counted(log: SqlLog, store: Store) -> None:
    answers = [(await log.append([arrival(b"a", "id-1")]))[0] for _ in range(50)]
    assert [a.duplicate for a in answers] == [False, *[True] * 49]
    assert {(a.position, a.ref) for a in answers} == {(1, answers[0].ref)}
    with store.read() as db:
        assert records.measured(db, "") == {"duplicate/jira": 49}
    assert log.end() == 1


async def test_the_same_id_with_another_body_is_kept_as_a_conflict(log: SqlLog) -> None:
    bodies = (b"a", b"b", b"a", b"b", b"c")
    for answers in (
        await log.append([arrival(body, "id-1") for body in bodies]),
        await log.append([arrival(body, "id-1") for body in bodies]),
    ):
        assert [a.position for a in answers] == [1, 2, 1, 2, 3]
    assert [(d.body, d.conflict) for d in log.read(0, 9)] == [(b"a", False), (b"b", True), (b"c", True)]
    assert [a.duplicate for a in answers] == [True] * 5


async def test_without_an_id_every_delivery_is_kept_and_the_nth_has_its_own_ref(log: SqlLog) -> None:
    together = await log.append([arrival(), arrival()])
    alone = await log.append([arrival()])
    assert [a.ref for a in (*together, *alone)] == [delivery_ref("jira", None, b"{}", n) for n in range(3)]


async def test_the_same_id_of_another_connection_is_another_delivery(log: SqlLog) -> None:
    answers = await log.append([arrival(source_id="1"), arrival(source_id="1", connection="trello")])
    assert [(a.position, a.duplicate, a.conflict) for a in answers] == [(1, False, False), (2, False, False)]


async def test_thirty_two_callers_share_commits_and_each_gets_its_own_answer(log: SqlLog, store: Store) -> None:
    await log.append([arrival(b"first")])
    before = store.commits
    answers = await asyncio.gather(*(log.append([arrival(b"%d" % n, str(n))]) for n in range(32)))
    assert store.commits - before <= 3
    assert [log.get(a.position).body for (a,) in answers] == [b"%d" % n for n in range(32)]  # type: ignore[union-attr]


async def test_deliveries_above_the_checkpoint_are_in_flight_and_silent_ones_unaccounted(
    log: SqlLog, store: Store
) -> None:
    await log.append([arrival(b"1"), arrival(b"2"), arrival(b"3")])
    with store.read() as db:
        assert status.counts(db)["records"]["in_flight"] == 3
    await store.write(lambda t: t.advance("engine", 0, 0, 2, 0))
    with store.read() as db:
        balance = status.records(db)
    assert (balance["received"], balance["in_flight"], balance["unaccounted"]) == (1, 1, 2)


async def test_a_closed_store_refuses_instead_of_hanging(log: SqlLog, store: Store) -> None:
    store.close()
    with pytest.raises(RetryableError):
        await log.append([arrival()])


async def test_large_deliveries_come_in_batches_that_fit_into_memory(log: SqlLog) -> None:
    await log.append([arrival(bytes(9 << 20), str(n)) for n in range(3)])
    assert [len(log.read(after, 10)) for after in (0, 2)] == [2, 1]


async def test_large_and_small_share_a_commit_though_one_of_them_fails(log: SqlLog, store: Store) -> None:
    broken = Arrival("jira", b"x", {}, 2**70, "webhook", "1")
    answers = await asyncio.gather(
        log.append([arrival(b"a")]), log.append([broken]), log.append([arrival(b"b")]), return_exceptions=True
    )
    assert [isinstance(answer, Exception) for answer in answers] == [False, True, False]
    assert [d.body for d in log.read(0, 9)] == [b"a", b"b"]
