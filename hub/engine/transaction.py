"""One decision inside one transaction: load what it touches, decide, load what it missed, decide again, write.

And one transaction's life: what lost a race runs again on fresh state, a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from hub.errors import FatalError
from hub.model.changes import NotLoaded, Touched, View
from hub.store.failures import LOST_RACE
from hub.store.port import Transaction

T = TypeVar("T")
TRIES = 5
Guard = Callable[[Transaction], bool]
"""Asked inside the transaction, before anything is decided: whether it may go on at all."""


def decide_in(transaction: Transaction, touched: Touched, decide: Callable[[View], T]) -> T:
    """Run a pure decision on locked state, adding what it finds missing until it has seen all it needs.

    Passes are few, as a pass names all it misses; their number follows the data, so it has no limit of its own.
    """
    asked: set[Touched] = set()
    while touched not in asked:
        asked.add(touched)
        view = transaction.load(touched)
        try:
            return decide(view)
        except NotLoaded as missing:
            touched = missing.touched
    raise FatalError(
        f"a decision misses what was loaded for it before: {touched}",
        where="engine",
        why="it asks for something the store never loads: a bug in the hub",
        fix="report it with the delivery named in hub status; nothing was written",
    )


async def again(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run one transaction; after a lost race run it again, at most ``TRIES`` times in all."""
    for _ in range(TRIES - 1):
        try:
            return await attempt()
        except LOST_RACE:
            continue
    return await attempt()
