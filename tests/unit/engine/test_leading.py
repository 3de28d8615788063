"""Leases of several processes on one database: each name once, handed on when its holder ends, freezes or is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.engine.leading import PRESENT, Leading
from hub.errors import RetryableError
from hub.model.clock import SECOND
from hub.store import leases
from hub.store.open import open_store
from hub.store.port import Store
from tests.stores import StandingClock

NAMES = ("effect/crm", "effect/erp", "seal", "timers")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/hub.db", StandingClock()) as opened:
        yield opened


class One(Leading):
    """A process; ``at`` is its own steady clock, ``taken`` what it was told."""

    def __init__(self, store: Store, name: str, ttl: float = 3600) -> None:
        self.at, self.taken = 0.0, []  # type: ignore[var-annotated]
        super().__init__(store, name, lambda: NAMES, self.taken.append, lambda: self.at, int(ttl * SECOND))

    @property
    def work(self) -> set[str]:
        return {name for name in self.held if not name.startswith(PRESENT)}


async def test_one_alone_holds_everything(store: Store) -> None:
    one = One(store, "one")
    await one.turn()
    assert one.work == set(NAMES) == set(one.taken) - {PRESENT + "one"}


async def test_two_share_and_nothing_is_held_twice(store: Store) -> None:
    one, two = One(store, "one"), One(store, "two")
    leases.acquire(store, PRESENT + "two", "two", 3600 * SECOND)  # both are there before either looks for work
    await one.turn()
    await two.turn()
    assert (len(one.work), len(two.work)) == (2, 2)
    assert one.work | two.work == set(NAMES)


async def test_what_nobody_takes_is_taken_at_the_next_turn(store: Store) -> None:
    one = One(store, "one")
    leases.acquire(store, PRESENT + "two", "two", 3600 * SECOND)
    await one.turn()
    assert len(one.work) == 2
    await one.turn()
    assert one.work == set(NAMES)


async def test_whoever_ends_in_order_hands_over_at_once(store: Store) -> None:
    one, two = One(store, "one"), One(store, "two")
    await one.turn()
    await two.turn()
    assert two.work == set()
    await one.stop()
    await two.turn()
    assert two.work == set(NAMES)


async def test_whoever_freezes_loses_its_leases_and_is_refused_inside_its_write(store: Store) -> None:
    one, two = One(store, "one", ttl=0), One(store, "two")
    await one.turn()
    guard = one.guard("effect/erp")
    assert await store.write(guard)
    await two.turn()
    await two.turn()
    assert "effect/erp" in two.work
    assert not await store.write(guard)
    await one.turn()
    assert one.work == set()


async def test_a_holder_stops_believing_before_another_may_take_it(store: Store) -> None:
    one = One(store, "one", ttl=10)
    await one.turn()
    one.at = 7.9
    assert one.holds("timers")
    one.at = 8.0
    assert not one.holds("timers")


async def test_a_database_that_is_away_changes_nothing_until_leases_run_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = One(store, "one", ttl=10)
    await one.turn()

    def away(*_: object) -> bool:
        raise RetryableError("away")

    monkeypatch.setattr("hub.engine.leading.renew", away)
    one.at = 3.0
    await one.turn()
    assert one.holds("timers")
    one.at = 8.0
    assert not one.holds("timers")
    monkeypatch.undo()
    await one.turn()
    assert one.holds("timers")
