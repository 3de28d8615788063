"""Virtual time: an event loop that never waits and never looks outside, and the hub's clock that may be set wrong.

When nothing is ready the loop jumps to the next timer. The order of everything follows from the program and the
seed alone, so a run replays exactly.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context, copy_context
from heapq import heappop, heappush
from typing import Any

from hub.model.clock import SECOND, Micros

START: Micros = 1_772_416_800 * SECOND  # 2026-03-02T02:00:00Z


ROUNDS_MAX = 60_000
"""Turns of the loop before a run counts as going in circles: the longest good ones take about ten thousand."""


class Deadlock(Exception):
    """Somebody waits for something nobody will ever do, or does the same for ever."""


def _nothing() -> None:
    """What a cancelled callback does."""


class Turn(asyncio.TimerHandle):
    """A callback that waits for its turn; made without asking whether the loop is being debugged."""

    __slots__ = ()

    def __init__(self, callback: Any, args: Any, loop: VirtualLoop, context: Context | None) -> None:
        self._callback, self._args, self._loop = callback, args, loop
        self._context = copy_context() if context is None else context
        self._cancelled = False
        self._repr = self._source_traceback = None

    def cancel(self) -> None:
        """It is passed over when its time comes."""
        self._cancelled = True
        self._callback, self._args = _nothing, ()


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio without sockets, threads or a clock on the wall. Timers of one moment ring in their order."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0.0
        self._rounds = self._set = 0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self.get_debug = bool  # type: ignore[method-assign]  # never: every future asks, a frame each

    def time(self) -> float:
        return self._at

    def again(self) -> None:
        """Count rounds anew: what went in circles is gone."""
        self._rounds = 0

    def jump(self, to: float) -> None:
        """Time passes and nobody runs."""
        self._at = max(self._at, to)

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.Handle:
        """The same without the checks of a loop that threads share."""
        handle = Turn(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        timer = Turn(callback, args, self, context)
        self._set += 1
        heappush(self._timers, (when, self._set, timer))
        return timer

    def _run_once(self) -> None:
        """One round: what is ready runs; when nothing is, the time of the next timer has come."""
        ready: deque[asyncio.Handle] = self._ready  # type: ignore[attr-defined]
        timers = self._timers
        while not ready and not self._stopping:  # type: ignore[attr-defined]
            if not timers:
                raise Deadlock("nothing is scheduled and nothing is ready")
            self._at = max(self._at, timers[0][0])
            self._due(timers, ready)
        self._due(timers, ready)
        self._rounds += 1
        if self._rounds > ROUNDS_MAX:
            raise Deadlock(f"something turned {ROUNDS_MAX} times and the run has not ended")
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            try:
                handle._context.run(handle._callback, *handle._args)  # type: ignore[attr-defined]
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 - as asyncio does it: told, and the loop goes on
                self.call_exception_handler({"message": "a callback raised", "exception": error})

    def _due(self, timers: list[tuple[float, int, asyncio.TimerHandle]], ready: deque[asyncio.Handle]) -> None:
        """Everything set for this moment, cancelled timers left out."""
        while timers and timers[0][0] <= self._at:
            timer = heappop(timers)[2]
            if not timer._cancelled:
                ready.append(timer)

    def close(self) -> None:
        super().close()
        self._timers.clear()

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
