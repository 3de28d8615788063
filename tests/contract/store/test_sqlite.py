"""What only SQLite promises: one writer thread whose callers share commits, one file on a disk of ours."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.errors import RetryableError
from hub.log.sql import SqlLog
from hub.model.changes import Changes, Touched
from hub.store.sqlite import SqliteStore
from tests.contract.store.test_log import arrival
from tests.contract.store.test_store import effect
from tests.stores import StandingClock, temp_store

GIB = 1 << 30


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def store(tmp_path: Path, clock: StandingClock) -> Iterator[SqliteStore]:
    with temp_store(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def log(store: SqliteStore) -> SqlLog:
    return SqlLog(store)


async def test_concurrent_writers_share_one_commit(store: SqliteStore) -> None:
    await store.write(lambda t: None)
    before = store.commits
    await asyncio.gather(*(store.write(lambda t: t.checkpoint("x", 0)) for _ in range(50)))
    assert store.commits - before <= 2 + 1  # the first may go alone; the others find each other in the queue


async def test_another_process_is_noticed_and_our_own_commits_are_not(store: SqliteStore, tmp_path: Path) -> None:
    seen = await store.data_version()
    await store.write(lambda t: t.write(Changes(effects={"a": effect("a")}), 1))
    assert await store.data_version() == seen
    with temp_store(tmp_path) as other:
        other.write_now(lambda t: t.write(Changes(effects={"b": effect("b")}), 1))
    assert await store.data_version() != seen


async def test_what_was_answered_is_on_disk(log: SqlLog, tmp_path: Path) -> None:
    await log.append([arrival(b"kept")])
    other = sqlite3.connect(tmp_path / "hub.db")
    assert other.execute("SELECT body FROM delivery").fetchall() == [(b"kept",)]
    other.close()


async def test_the_disk_reserve_refuses_until_there_is_room_again(store: SqliteStore, clock: StandingClock) -> None:
    room = [0]
    asked: list[str] = []

    def space(path: str) -> tuple[int, int]:
        asked.append(path)
        return room[0], 100 * GIB

    log = SqlLog(store, space)
    for _ in range(3):
        with pytest.raises(RetryableError) as caught:
            await log.append([arrival()])
        assert caught.value.slug == "disk-reserve"
    assert len(asked) == 1
    room[0] = GIB
    clock.advance(1)
    assert (await log.append([arrival()]))[0].position == 1


async def test_a_small_disk_reserves_five_percent_only(store: SqliteStore) -> None:
    log = SqlLog(store, lambda path: (GIB // 10, GIB))
    assert (await log.append([arrival()]))[0].position == 1


async def test_a_locked_database_is_said_to_the_caller_and_nothing_is_kept(
    log: SqlLog, store: SqliteStore, tmp_path: Path
) -> None:
    await store.write(lambda t: t.db.execute("PRAGMA data_version"))  # type: ignore[attr-defined]
    store._writer._db.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(tmp_path / "hub.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryableError) as caught:
        await log.append([arrival()])
    other.execute("ROLLBACK")
    other.close()
    assert caught.value.slug == "store-busy"
    assert (await log.append([arrival()]))[0].position == 1


async def test_a_full_disk_refuses_and_the_writer_lives_on(log: SqlLog, store: SqliteStore) -> None:
    await log.append([arrival(b"before")])
    db = store._writer._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 4}")
    answers = await asyncio.gather(
        *(log.append([arrival(bytes(1 << 20), str(n))]) for n in range(3)), return_exceptions=True
    )
    assert [getattr(answer, "slug", answer) for answer in answers] == ["store-busy"] * 3
    db.execute(f"PRAGMA max_page_count = {pages + 4_000}")
    await log.append([arrival(b"after")])
    assert [d.body for d in log.read(0, 9)] == [b"before", b"after"]


def test_while_no_loop_waits_nobody_has_to_be_asked_for(store: SqliteStore) -> None:
    assert store.write_now(lambda t: t.load(Touched())).waiting("item", "OPS-7") == ()
