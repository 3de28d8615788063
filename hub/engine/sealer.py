"""Seals the log in the background: a little at a time, never on the path of a commit, at most a fiftieth of the time.

Sealing may fall behind a flood; it catches up when the flood is over, and ``hub prove`` seals what it needs at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from hub.model.clock import SECOND, Clock, Micros
from hub.store.blocks import seal
from hub.store.port import Store

SLICE_SECONDS = 0.02
"""How long one turn hashes at most."""
EVERY: Micros = SECOND
"""The rest after a turn that left something: with the slice, a fiftieth of one core."""
LOOK: Micros = 10 * SECOND
"""How often to look whether there is something, while there is nothing."""


class Sealer:
    """Call ``turn`` whenever ``due`` has passed."""

    def __init__(self, store: Store, clock: Clock, took: Callable[[], float] = time.perf_counter) -> None:
        self._store, self._clock, self._took = store, clock, took
        self.due: Micros = 0

    async def turn(self) -> int:
        """Seal what is due, if it is time; gives how many rows were sealed."""
        now = self._clock.now()
        if now < self.due:
            return 0
        sealed, left = await asyncio.to_thread(self._seal, now)
        self.due = now + (EVERY if left else LOOK)
        return sealed

    def _seal(self, now: Micros) -> tuple[int, bool]:
        """Rows sealed, and whether time was up before they were all."""
        began, done = self._took(), 0
        while sealed := seal(self._store, now):
            done += sealed
            if self._took() - began >= SLICE_SECONDS:
                return done, True
        return done, False
