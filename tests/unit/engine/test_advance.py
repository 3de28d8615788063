"""The engine on a real store: checkpoint, batches, halving, facts; nothing skipped, nothing concluded twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import pytest

from hub.engine.advance import Engine
from hub.engine.facts import apply
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.model.changes import Changes, Touched
from hub.model.delivery import Delivery
from hub.model.effect import EffectState
from hub.model.fact import EffectMoved, PersonDecided
from hub.store.sqlite import SqliteStore
from hub.store.transaction import SqlTransaction
from tests.engine_stage import catalog_of, closed, decode, expense, item, money, project
from tests.stores import StandingClock, temp_store

CLOCK = StandingClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with temp_store(tmp_path, CLOCK) as opened:
        yield opened


def engine_on(store: SqliteStore) -> Engine:
    decoders = {"jira": lambda headers, body: decode(Delivery("jira", "", body, headers, 0))}
    catalog = catalog_of()
    return Engine(store, SqlLog(store), lambda: catalog, decoders, CLOCK)


async def arrive(store: SqliteStore, bodies: Sequence[object]) -> None:
    await SqlLog(store).append([Arrival("jira", orjson.dumps(body), {}, CLOCK.now(), "webhook") for body in bodies])


def rows(store: SqliteStore, statement: str) -> list[tuple[object, ...]]:
    with store.reader() as db:
        return [tuple(row) for row in db.execute(statement)]


async def test_a_step_settles_a_batch_and_the_next_goes_on_behind_it(store):
    await arrive(store, [[project(str(n))] for n in range(5)])
    engine = engine_on(store)
    assert [await engine.step(2), await engine.step(2), await engine.step(2), await engine.step(2)] == [2, 2, 1, 0]
    assert rows(store, "SELECT position, expected FROM checkpoint") == [(5, 5)]
    assert rows(store, "SELECT count(*) FROM outcome") == [(5,)]
    assert await engine_on(store).step() == 0


async def test_a_closing_reaches_done_through_facts(store):
    catalog = catalog_of()
    await arrive(store, [[project()], [item("7", price=money("40000.00"))], [expense("9")], [closed()]])
    await engine_on(store).step()
    loop = str(rows(store, "SELECT id FROM loop")[0][0])
    assert await apply(store, catalog, PersonDecided("d1", loop, "approve", "E1", "budgeted"), CLOCK.now())
    while planned := store.due_effects(CLOCK.now(), 10, frozenset()):
        for found in planned:
            effect = found
            for to, more in (
                (EffectState.SENDING, {"attempts": 1}),
                (EffectState.SENT, {"remote_id": "1", "number": "PR-1"}),
                (EffectState.CONFIRMED, {"read_back": dict(effect.expect)}),
            ):
                if to is EffectState.CONFIRMED and effect.connection == "jira":
                    continue
                fact = EffectMoved(effect.key, effect.version, to, due=2**62, **more)
                assert await apply(store, catalog, fact, CLOCK.now())
                assert not await apply(store, catalog, fact, CLOCK.now())
                effect = _effect(store, effect.key)
    assert rows(store, "SELECT state FROM loop") == [("done",)]
    assert rows(store, "SELECT count(*) FROM audit") == [(1,)]


def _effect(store: SqliteStore, key: str):
    return store.write_now(lambda t: t.load(Touched(effects=frozenset({key}))).effect(key))


async def test_a_delivery_the_store_cannot_hold_is_set_aside_and_the_others_are_kept(store, monkeypatch):
    write = SqlTransaction.write

    def refuses(self: SqlTransaction, changes: Changes, now: int):
        if any(key == "jira:3" for _, key in changes.entities):
            raise ValueError("cannot be written")
        return write(self, changes, now)

    monkeypatch.setattr(SqlTransaction, "write", refuses)
    await arrive(store, [[project(str(n))] for n in range(1, 7)])
    engine = engine_on(store)
    assert await engine.step() == 6
    found = rows(store, "SELECT verdict, reason FROM outcome ORDER BY position")
    assert found == [("applied", ""), ("applied", ""), ("quarantined", "exception"), *[("applied", "")] * 3]
    assert rows(store, "SELECT position, expected FROM checkpoint") == [(6, 6)]


async def test_another_engine_on_the_same_checkpoint_concludes_nothing_twice(store):
    await arrive(store, [[project(str(n))] for n in range(4)])
    first, second = engine_on(store), engine_on(store)
    await second.step(1)
    await arrive(store, [[project("9")]])
    assert await first.step(2) == 2
    while await second.step(2):
        pass
    assert rows(store, "SELECT count(*), count(DISTINCT position) FROM outcome") == [(5, 5)]
