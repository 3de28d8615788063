"""One holder at a time; a token that grows; what a holder of yesterday writes is refused inside the write."""

from __future__ import annotations

from hub.model.clock import SECOND
from hub.store.leases import acquire, holds, live, release, renew
from hub.store.port import Store

LONG = 60 * SECOND
GONE = -1


def test_a_lease_is_one_holders_until_it_is_let_go(store: Store) -> None:
    token = acquire(store, "publish", "a", LONG)
    assert token == 1
    assert acquire(store, "publish", "b", LONG) is None
    assert [(one.name, one.holder) for one in live(store)] == [("publish", "a")]
    assert renew(store, "publish", token, LONG)
    release(store, "publish", token)
    assert not live(store)
    assert acquire(store, "publish", "b", LONG) == 2


def test_one_that_ran_out_is_the_next_ones_and_the_old_token_holds_nothing(store: Store) -> None:
    old = acquire(store, "effect/erp", "a", GONE)
    assert old is not None
    assert store.write_now(lambda t: holds(t, "effect/erp", old))  # nobody took it yet
    new = acquire(store, "effect/erp", "b", LONG)
    assert new is not None
    assert new > old
    assert not renew(store, "effect/erp", old, LONG)
    release(store, "effect/erp", old)
    assert store.write_now(lambda t: (holds(t, "effect/erp", old), holds(t, "effect/erp", new))) == (False, True)


def test_leases_of_other_names_have_nothing_to_do_with_it(store: Store) -> None:
    assert acquire(store, "poll/jira", "a", LONG) == acquire(store, "poll/erp", "b", LONG) == 1
