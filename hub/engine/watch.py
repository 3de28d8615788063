"""The hub watches itself: when an invariant is broken, nothing is sent any more until a person has looked (I16).

Every check gives the problem in words, or empty; it reads committed state only. A broken one halts the sending of
every integration, because nobody knows yet whose records it touches. Only a person lifts that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

import structlog

from hub.model.clock import SECOND, Clock, Micros
from hub.model.halt import Halt
from hub.store.halts import halt
from hub.store.port import Store
from hub.store.queries.status import records

EVERY: Micros = 60 * SECOND
SHARE = 100
"""A look over a large store may take a while: it rests so many times as long."""
HUB = "hub"
logger = structlog.get_logger()
Check = Callable[[Store], str]


def unaccounted(store: Store) -> str:
    """I2: every record that came in is somewhere."""
    with store.read() as db:
        lost = records(db)["unaccounted"]
    return f"I2: {lost} records are unaccounted for (hub status)" if lost else ""


CHECKS: tuple[Check, ...] = (unaccounted,)


class Watch:
    """Call ``turn`` whenever ``due`` has passed."""

    def __init__(
        self,
        store: Store,
        integrations: Callable[[], Iterable[str]],
        clock: Clock,
        checks: Sequence[Check] = CHECKS,
        took: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._integrations, self._clock, self._checks, self._took = (
            store, integrations, clock, checks, took
        )  # fmt: skip
        self.due: Micros = 0

    async def turn(self) -> int:
        """Look, if it is time; gives how many integrations were halted."""
        if self._clock.now() < self.due:
            return 0
        began = self._took()
        problems = await asyncio.to_thread(self._problems)
        self.due = self._clock.now() + max(EVERY, int((self._took() - began) * SHARE * SECOND))
        return await self._halt("; ".join(problems)) if problems else 0

    def _problems(self) -> list[str]:
        return [problem for check in self._checks if (problem := check(self._store))]

    async def _halt(self, why: str) -> int:
        now, stopped = self._clock.now(), 0
        for name in sorted(self._integrations()):
            new = Halt(name, "invariant", why, now, HUB)
            if await self._store.write(lambda transaction, new=new: halt(transaction, new)):  # type: ignore[misc]
                logger.error("halted", action="integration.halted", integration=name, why=why)
                stopped += 1
        return stopped
