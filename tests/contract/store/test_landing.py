"""Deliveries that come to the store with what was concluded from them: same identity, real places, all or nothing."""

from __future__ import annotations

import pytest

from hub.log.port import Arrival
from hub.log.stored import StoredDeliveries, sealed
from hub.model.changes import Changes, Outcome
from hub.store.appending import Placed, Sealed
from hub.store.failures import LOST_RACE
from hub.store.port import Store, Transaction

NOW = 1_767_600_000_000_000


def rows(store: Store, *bodies: bytes, source_id: str | None = None) -> list[Sealed]:
    return [sealed(store, Arrival("jira", body, {}, NOW, "webhook", source_id)) for body in bodies]


def concluded(placed: list[Placed]) -> Changes:
    """An outcome for each new one, as the engine gives it: at its provisional place."""
    outcomes = [Outcome(one.position, 0, "t", "applied", "") for one in placed if not one.duplicate]
    return Changes(outcomes=outcomes, expected=len(outcomes))


def land(store: Store, arrivals: list[Sealed], placed: list[Placed]) -> None:
    def work(transaction: Transaction) -> None:
        transaction.land(arrivals, placed)
        transaction.write(concluded(placed), NOW)

    store.write_now(work)


def outcomes(store: Store) -> list[int]:
    with store.reader() as db:
        return [row[0] for row in db.execute("SELECT position FROM outcome ORDER BY position")]


def test_what_was_concluded_follows_its_deliveries_to_their_real_places(store: Store) -> None:
    for bodies in ((b"a", b"b"), (b"c", b"d", b"e")):
        arrivals = rows(store, *bodies)
        land(store, arrivals, store.identify(arrivals))
    assert [one.body for one in StoredDeliveries(store).read(0, 9)] == [b"a", b"b", b"c", b"d", b"e"]
    assert outcomes(store) == [one.position for one in StoredDeliveries(store).read(0, 9)]


def test_equal_bodies_are_numbered_and_an_id_that_comes_again_is_a_duplicate(store: Store) -> None:
    arrivals = rows(store, b"a", b"a")
    land(store, arrivals, store.identify(arrivals))
    again = rows(store, b"x", b"x", source_id="1")
    placed = store.identify(again)
    assert [one.duplicate for one in placed] == [False, True]
    land(store, again, placed)
    assert [one.nth for one in store.identify(rows(store, b"a"))] == [2]
    assert [one.duplicate for one in store.identify(rows(store, b"x", source_id="1"))] == [True]
    assert len(outcomes(store)) == 3


def test_two_that_found_the_same_place_free_do_not_both_get_it(store: Store) -> None:
    first, second = rows(store, b"a"), rows(store, b"a")
    placed, late = store.identify(first), store.identify(second)
    land(store, first, placed)
    with pytest.raises(LOST_RACE):
        land(store, second, late)
    land(store, second, store.identify(second))
    assert len(outcomes(store)) == 2
