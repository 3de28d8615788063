"""The log is sealed in the background: in slices, with rests, and once a minute what does not fill a block."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from hub.engine.sealer import EVERY, LOOK, SLICE_SECONDS, Sealer
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.store.blocks import PATIENCE, SIZE, pending
from hub.store.sqlite import SqliteStore
from tests.stores import StandingClock, temp_store


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def store(tmp_path: Path, clock: StandingClock) -> Iterator[SqliteStore]:
    with temp_store(tmp_path, clock) as made:
        yield made


def keep(store: SqliteStore, number: int) -> None:
    bodies = [Arrival("jira", b"%d" % n, {}, n, "webhook", f"{number}/{n}") for n in range(number)]
    SqlLog(store).append_now(bodies)


def waiting(store: SqliteStore) -> int:
    with store.reader() as db:
        return pending(db)["delivery"]


async def test_full_blocks_are_sealed_at_the_next_look_and_the_rest_after_a_minute(
    store: SqliteStore, clock: StandingClock
) -> None:
    sealer = Sealer(store, clock, took=lambda: 0.0)
    keep(store, SIZE + 3)
    await sealer.turn()
    assert waiting(store) == 3
    clock.at += PATIENCE
    await sealer.turn()
    assert waiting(store) == 0
    assert sealer.due == clock.at + LOOK


async def test_a_flood_is_sealed_in_slices_with_rests_between(store: SqliteStore, clock: StandingClock) -> None:
    ticks = count()
    sealer = Sealer(store, clock, took=lambda: next(ticks) * SLICE_SECONDS)
    keep(store, SIZE * 4)
    await sealer.turn()
    left = waiting(store)
    assert left >= SIZE * 3
    assert sealer.due == clock.at + EVERY
    assert await sealer.turn() == 0
    while sealer.due <= clock.at + EVERY:
        clock.at = sealer.due
        await sealer.turn()
    assert waiting(store) == 0


async def test_it_does_nothing_before_it_is_time(store: SqliteStore, clock: StandingClock) -> None:
    sealer = Sealer(store, clock)
    await sealer.turn()
    keep(store, SIZE)
    assert await sealer.turn() == 0
    clock.at += LOOK
    assert await sealer.turn() == SIZE
