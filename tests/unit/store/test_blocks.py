"""Sealed blocks: rows hashed into a chain off the path of commits, and every way to tamper with them named (F28)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import orjson
import pytest

from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.model.chain import climb, path, root
from hub.model.changes import Audit, Changes
from hub.model.clock import SECOND
from hub.model.event import Event, event_id
from hub.store import blocks
from hub.store.blocks import PATIENCE, SIZE, newest, pending, seal, seal_all
from hub.store.chaincheck import AT_ONCE, ChainCheck, check
from hub.store.sqlite import SqliteStore
from tests.stores import StandingClock, temp_store

CLOCK = StandingClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with temp_store(tmp_path, CLOCK) as made:
        yield made


def tell(store: SqliteStore, count: int, start: int = 0) -> None:
    """Events of one stream, some deliveries, an audit row for every tenth."""
    made = [event(n) for n in range(start + 1, start + count + 1)]
    audits = [Audit(n, "E1", "loop approve", f"l{n}", "because", "done") for n in range(start, start + count, 10)]
    store.write_now(lambda transaction: transaction.write(Changes(events=made, audits=audits), CLOCK.now()))
    arrivals = [Arrival("jira", b"body %d" % n, {"a": "b"}, n, "webhook", None) for n in range(start, start + count)]
    SqlLog(store).append_now(arrivals)


def event(n: int) -> Event:
    data = orjson.dumps({"n": n})
    told = ("thing/v1", "story", "cause", "logic", "", 0)
    return Event(event_id("c", n, "", 0), "thing/1", n, "thing.changed", n, n, data, *told)


def broken(store: SqliteStore) -> list[str]:
    with store.reader() as db:
        return [one.place for one in check(db)]


def tamper(store: SqliteStore, *statements: str) -> None:
    with sqlite3.connect(store.path) as db:
        for statement in statements:
            db.execute(statement)
    db.close()


# --- trees


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 13, 64, 100, 256])
def test_every_leaf_leads_to_the_root_by_its_path_and_no_other_leaf_or_place_does(size: int) -> None:
    leaves = [sha256(b"%d" % n).digest() for n in range(size)]
    top = root(leaves)
    for index in range(size):
        steps = path(leaves, index)
        assert climb(leaves[index], index, size, steps) == top
        assert climb(leaves[index], index, size, [*steps, bytes(32)]) == b""
        assert climb(bytes(32), index, size, steps) != top
        assert climb(leaves[index], (index + 1) % size, size, steps) != top or size == 1
        assert not steps or climb(leaves[index], index, size, steps[:-1]) == b""


# --- sealing


def test_full_blocks_are_sealed_at_once_and_the_rest_waits_for_a_minute(store: SqliteStore) -> None:
    tell(store, SIZE + 10)
    now = CLOCK.now()
    done = 0
    while sealed := seal(store, now):
        done += sealed
    with store.reader() as db:
        assert pending(db) == {"event": 10, "delivery": 10, "audit": 27}
    assert seal(store, now + PATIENCE - 1) == 0
    assert seal(store, now + PATIENCE) > 0


def test_sealing_everything_leaves_nothing_open_and_the_chain_holds(store: SqliteStore) -> None:
    tell(store, 2 * SIZE + 7)
    seal_all(store, CLOCK.now())
    tell(store, 5, start=2 * SIZE + 7)
    seal_all(store, CLOCK.now())
    with store.reader() as db:
        assert pending(db) == {"event": 0, "delivery": 0, "audit": 0}
    assert broken(store) == []


def test_two_who_seal_at_once_make_one_chain(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(store, 3)
    seal(store, CLOCK.now())
    true_append = blocks._append
    raced = []

    def late(transaction: object, made: object, marks: bytes) -> bool:
        if not raced:
            raced.append(made)
            assert true_append(transaction, made, marks)  # type: ignore[arg-type]
        return true_append(transaction, made, marks)  # type: ignore[arg-type]

    monkeypatch.setattr(blocks, "_append", late)
    assert seal(store, CLOCK.now(), whole=True) == 0
    monkeypatch.undo()
    seal_all(store, CLOCK.now())
    assert broken(store) == []


def test_an_empty_store_has_nothing_to_check(store: SqliteStore) -> None:
    assert broken(store) == []
    assert ChainCheck()(store) == ""


# --- tampering


@pytest.mark.parametrize(
    ("statements", "places"),
    [
        (["UPDATE event SET data = replace(data, '7', '8') WHERE position = 7"], ["event 7"]),
        (["UPDATE event SET type = 'thing.forged' WHERE position = 9"], ["event 9"]),
        (["UPDATE event SET recorded = recorded + 1 WHERE position = 300"], ["event 300"]),
        (["DELETE FROM event WHERE position = 12"], ["event 12"]),
        (["DELETE FROM event WHERE position = 256"], ["event 256"]),
        (
            [
                "UPDATE event SET position = -1 WHERE position = 20",
                "UPDATE event SET position = 20 WHERE position = 21",
                "UPDATE event SET position = 21 WHERE position = -1",
            ],
            ["event 20", "event 21"],
        ),
        (["UPDATE stream SET name = 'thing/2'"], [f"event {n}" for n in range(1, 301)]),
        (["UPDATE delivery SET body = 'other' WHERE position = 5"], ["delivery 5"]),
        (["UPDATE delivery SET received_at = 0 WHERE position = 6"], ["delivery 6"]),
        (["UPDATE delivery SET headers = '{}' WHERE position = 7"], ["delivery 7"]),
        (["DELETE FROM delivery WHERE position = 8"], ["delivery 8"]),
        (["UPDATE audit SET why = 'another reason' WHERE id = 3"], ["audit 3"]),
        (["DELETE FROM audit WHERE id = 4"], ["audit 4", "audit 5"]),
        (["DELETE FROM audit WHERE id = 30"], ["audit 30"]),
        (["UPDATE block SET last = last + 1 WHERE number = 2"], ["block 2"]),
        (["DELETE FROM block WHERE number = 2"], ["block 2"]),
        (["DELETE FROM block WHERE number = 0"], ["block 0"]),
        (["UPDATE block SET marks = zeroblob(32) WHERE number = 0"], ["block 0"]),
    ],
)
def test_what_was_changed_missing_or_exchanged_is_named(
    store: SqliteStore, statements: list[str], places: list[str]
) -> None:
    tell(store, 300)
    seal_all(store, CLOCK.now())
    assert broken(store) == []
    tamper(store, *statements)
    found = broken(store)
    assert set(places) <= set(found)
    if not places[0].startswith("block"):
        assert set(found) == set(places)


def test_a_block_that_was_forged_with_its_rows_does_not_fit_the_next_one(store: SqliteStore) -> None:
    """Whoever hashes a changed row again must hash every block after it: the head then differs from any kept copy."""
    tell(store, SIZE * 2)
    seal_all(store, CLOCK.now())
    tamper(store, "UPDATE block SET root = zeroblob(32), hash = zeroblob(32) WHERE number = 1")
    assert "block 2" in broken(store)


# --- the hub that watches itself


def test_a_running_hub_looks_at_the_newest_blocks_first_and_then_at_all_of_them(store: SqliteStore) -> None:
    tell(store, SIZE * 40)
    seal_all(store, CLOCK.now())
    with store.reader() as db:
        head = newest(db)
    assert head is not None
    assert head.number > AT_ONCE
    tamper(store, "UPDATE event SET data = 'x' WHERE position = 3")
    looks = ChainCheck()
    assert looks(store) == ""
    assert "F28" in looks(store)
    tamper(store, f"UPDATE delivery SET cause = 'x' WHERE position = {SIZE * 40}")
    assert f"delivery {SIZE * 40}" in ChainCheck()(store)


def test_sealing_asks_little_of_the_writer(store: SqliteStore) -> None:
    tell(store, SIZE * 4)
    before = store.commits
    seal_all(store, CLOCK.now() + SECOND)
    assert store.commits - before <= 1 + 4 + 4 + 1
