"""The embedded host: one process, one asyncio loop, every role a task that turns until nothing is due.

After something was written the host asks once when each role has something to do, and rings those whose time has
come; a write of another process rings all. The host knows roles by their ``turn`` alone: what they do is wired by
``bootstrap``. Clock and sleep are arguments, so a simulator can drive it.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from hub.model.clock import NEVER, SECOND, Clock, Micros

WATCH_SECONDS = 0.1
"""How often writes of other processes are looked for (one PRAGMA)."""
TICK_SECONDS_MIN = 0.002
COLLECT_EVERY = 64
"""Turns of the engine between two collections of garbage: never inside a batch."""

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter when another asks for it. The writer thread comes back from each flush
to an event loop that is never idle under load: at Python's 5 ms every commit would wait that long for its turn."""

logger = structlog.get_logger()
Turn = Callable[[], Awaitable[int]]
"""Do what is due now; gives how much was done, 0 when there is nothing to do."""


def tune() -> None:
    """What is loaded now stays for ever, so the collector need not look at it again; threads hand over quickly."""
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)


class Watched(Protocol):
    """What the host needs of a store: signs of foreign writes, and when each role has something to do."""

    async def data_version(self) -> int: ...
    def dues(self) -> Mapping[str, Micros]:
        """By the role's name; ``NEVER`` where nothing is due. A role that is not in it is rung at every look."""


@dataclass(slots=True)
class Role:
    """One role and its bell. ``busy`` is true while a turn is under way or the bell has rung."""

    name: str
    turn: Turn
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    busy: bool = True
    turns: int = 0
    done: int = 0

    def ring(self) -> None:
        self.busy = True
        self.bell.set()


class Host:
    """Runs the roles until ``stop``. ``wake`` may be called from the loop's own thread."""

    def __init__(self, roles: Mapping[str, Turn], store: Watched, clock: Clock) -> None:
        self.roles = [Role(name, turn) for name, turn in roles.items()]
        self._store, self._clock = store, clock
        self._seen = -1
        self._tasks: list[asyncio.Task[None]] = []
        self.failure: BaseException | None = None
        self.stopping = asyncio.Event()
        self._idle = asyncio.Event()

    def bell(self, name: str) -> asyncio.Event:
        """The bell of a role, for a role that waits inside its turn."""
        return next(role.bell for role in self.roles if role.name == name)

    def wake(self) -> None:
        """Something was written: ring the roles that have something to do now."""
        dues, now = self._store.dues(), self._clock.now()
        for role in self.roles:
            if dues.get(role.name, now) <= now:
                role.ring()

    def ring(self, name: str) -> None:
        """This role has something to do."""
        next(role for role in self.roles if role.name == name).ring()

    def ring_all(self) -> None:
        for role in self.roles:
            role.ring()

    async def start(self) -> None:
        """Start every role."""
        tune()
        self.ring_all()
        work = [self._run(role) for role in self.roles]
        self._tasks = [asyncio.create_task(one) for one in (*work, self._watch())]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Let turns under way finish, then leave."""
        self.stopping.set()
        self.ring_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A role that raised is a bug or a broken store: the host stops and says so."""
        if not task.cancelled() and (error := task.exception()):
            self.failure = self.failure or error
            self.stopping.set()
            self.ring_all()

    async def _run(self, role: Role) -> None:
        while not self.stopping.is_set():
            await role.bell.wait()
            role.bell.clear()
            if self.stopping.is_set():
                return
            done = await role.turn()
            role.turns += 1
            role.done += done
            role.busy = role.bell.is_set()
            if done:
                self.wake()  # its own bell too, where there is more to do
                await asyncio.sleep(0)
            if not role.busy:
                self._idle.set()
            if role.turns % COLLECT_EVERY == 0:
                gc.collect(1)

    async def _watch(self) -> None:
        """Ring when another process wrote, or when something falls due."""
        while not self.stopping.is_set():
            version = await self._store.data_version()
            due, now = min(self._store.dues().values(), default=NEVER), self._clock.now()
            if version != self._seen:
                self._seen = version
                self.ring_all()
            elif due <= now:
                self.wake()
            wait = min(WATCH_SECONDS, (due - now) / SECOND)
            await asyncio.sleep(max(wait, TICK_SECONDS_MIN if due > now else 0.02))

    async def idle(self) -> None:
        """Wait until no role is busy (they may be woken again by time)."""
        while any(role.busy for role in self.roles) and not self.stopping.is_set():
            self._idle.clear()
            try:
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._idle.wait()
            except TimeoutError:
                continue
        if self.failure:
            raise self.failure
