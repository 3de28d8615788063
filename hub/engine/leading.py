"""The leases of one process: what it alone does now, wherever the others run.

A lease is renewed in good time; whoever freezes or loses the database counts as dead when it runs out, by his own
clock before anybody else's. What is written under a lease is fenced by its token all the same: a pause may fall
between looking at the clock and writing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping

import structlog

from hub.engine.transaction import Guard
from hub.errors import RetryableError
from hub.model.clock import SECOND, Micros
from hub.store.leases import acquire, holds, live, release, renew
from hub.store.port import Store, Transaction

TTL: Micros = 10 * SECOND
EVERY_SECONDS = 3.0
MARGIN_SECONDS = 2.0
"""A holder stops believing so long before the lease is another's to take."""
PRESENT = "worker/"
"""Every process holds one lease of this kind: who is there is who holds one."""
logger = structlog.get_logger()


class Leading:
    """``turn`` renews and acquires; call it every ``EVERY_SECONDS``. ``took`` is told of each lease that is new."""

    def __init__(
        self,
        store: Store,
        holder: str,
        wanted: Callable[[], Iterable[str]],
        took: Callable[[str], None],
        steady: Callable[[], float] = time.monotonic,
        ttl: Micros = TTL,
    ) -> None:
        self._store, self._holder, self._wanted, self._took = store, holder, wanted, took
        self._steady, self._ttl = steady, ttl
        self._held: dict[str, tuple[int, float]] = {}
        """name -> token, and until when (steady seconds) we may believe in it"""
        self._left: set[str] = set()
        """Names left to others at the last turn, so that work spreads."""

    def holds(self, name: str) -> bool:
        held = self._held.get(name)
        return held is not None and self._steady() < held[1]

    def guard(self, name: str) -> Guard:
        """Fences a write: refused inside its transaction once somebody else has the lease."""
        token = self._held.get(name, (0, 0.0))[0]
        return lambda transaction: _still(transaction, name, token)

    @property
    def held(self) -> Mapping[str, int]:
        """Name -> token of what is ours now."""
        return {name: token for name, (token, _) in self._held.items() if self.holds(name)}

    async def turn(self) -> None:
        """Renew what is held, acquire what is free. A database that is away changes nothing until leases run out."""
        try:
            new = await asyncio.to_thread(self._turn)
        except RetryableError as error:
            logger.warning("leases not renewed", action="lease.waits", why=str(error))
            return
        for name in new:
            logger.info("lease taken", action="lease.taken", lease=name)
            self._took(name)

    def _turn(self) -> list[str]:
        names = [PRESENT + self._holder, *sorted(self._wanted())]
        for name in names:
            if name in self._held:
                self._renew(name)
        share = self._share(len(names) - 1)
        left, self._left, new = self._left, set(), []
        for name in names:
            if name in self._held:
                continue
            if name not in left and len(self._held) > share:
                self._left.add(name)
            elif self._acquire(name):
                new.append(name)
        return new

    def _share(self, work: int) -> int:
        """How many of so many leases are one process's, where all are to have as many."""
        there = {lease.holder for lease in live(self._store) if lease.name.startswith(PRESENT)} | {self._holder}
        return -(-work // len(there))

    def _renew(self, name: str) -> None:
        token, _ = self._held[name]
        until = self._until()
        if renew(self._store, name, token, self._ttl):
            self._held[name] = token, until
        else:
            del self._held[name]
            logger.warning("lease lost", action="lease.lost", lease=name)

    def _acquire(self, name: str) -> bool:
        until = self._until()
        token = acquire(self._store, name, self._holder, self._ttl)
        if token is not None:
            self._held[name] = token, until
        return token is not None

    def _until(self) -> float:
        return self._steady() + self._ttl / SECOND - MARGIN_SECONDS

    async def stop(self) -> None:
        """Give all of it back: the next one need not wait."""
        held, self._held = self._held, {}
        try:
            await asyncio.to_thread(self._release, held)
        except RetryableError as error:
            logger.warning("leases not released", action="lease.waits", why=str(error))

    def _release(self, held: Mapping[str, tuple[int, float]]) -> None:
        for name, (token, _) in held.items():
            release(self._store, name, token)


def _still(transaction: Transaction, name: str, token: int) -> bool:
    return holds(transaction, name, token)
