"""Virtual time: an event loop that never waits and never looks outside, and the hub's clock that may be set wrong.

When nothing is ready the loop jumps to the next timer. The order of everything follows from the program and the
seed alone, so a run replays exactly.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hub.model.clock import SECOND, Micros

START: Micros = 1_772_416_800 * SECOND  # 2026-03-02T02:00:00Z


ROUNDS_MAX = 150_000
"""Turns of the loop before a run counts as going in circles: the longest good ones take about ten thousand."""


class Deadlock(Exception):
    """Somebody waits for something nobody will ever do, or does the same for ever."""


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio without sockets, threads or a clock on the wall."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0.0
        self._clock_resolution = 1e-9
        self._rounds = 0
        self._selector = self  # asked to wait by ``_run_once``; there is nothing but time to wait for

    def time(self) -> float:
        return self._at

    def select(self, timeout: float | None) -> list[Any]:
        """Nothing is ready: the next timer's time has come."""
        self._rounds += 1
        if timeout is None:
            raise Deadlock("nothing is scheduled and nothing is ready")
        if self._rounds > ROUNDS_MAX:
            raise Deadlock(f"something turned {ROUNDS_MAX} times and the run has not ended")
        if timeout > 0:
            scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
            self._at = max(self._at, scheduled[0].when() if scheduled else self._at + timeout)
        return []

    def _process_events(self, events: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody waits in a system call."""


class SimClock:
    """The hub's clock: true time plus what somebody set it wrong by."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.wrong: Micros = 0

    def true(self) -> Micros:
        """The world's time."""
        return START + round(self._loop.time() * SECOND)

    def now(self) -> Micros:
        return self.true() + self.wrong

    def seconds(self) -> float:
        """The same as the HTTP client wants it."""
        return self.now() / SECOND

    def nanoseconds(self) -> int:
        return self.now() * 1000
