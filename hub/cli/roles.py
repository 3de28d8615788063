"""The roles of one process and what they share: effects, timers, readings, pollers, sealing, watching, live versions.

What each role does is written in its own room; here they only meet. ``hub run`` turns all of them, ``hub worker``
those whose lease it holds.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from hub.cli.edits import Edits
from hub.effect.executor import EVERYTHING, Executor, Leased
from hub.engine.advance import CONSUMER, PARTITION
from hub.engine.clocks import seed
from hub.engine.embedded import Host, Turn
from hub.engine.live import Live
from hub.engine.sealer import Sealer
from hub.engine.settling import Decoder
from hub.engine.watch import CHECKS, Watch
from hub.intake.pollers import Poller
from hub.intake.reader import Answer, Reader
from hub.intake.twins import Feeder
from hub.model.changes import Changes, Reading
from hub.model.clock import NEVER, SECOND, Micros
from hub.model.fact import Fact, ReadFailed, TimerDue
from hub.store.backup import restored_at
from hub.store.chaincheck import ChainCheck
from hub.store.cursors import SqlCursors
from hub.store.halts import halts

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.engine.transaction import Guard
    from hub.mapping.catalog import Catalog

AT_ONCE = 256
POLL_ONLY: Micros = 5 * SECOND
"""How often a stream that comes by polling alone is asked, where ``hub.yaml`` does not say."""
POLL_BESIDE_WEBHOOKS: Micros = 60 * SECOND
"""How often a source with webhooks is asked for what they missed, where it may be: webhooks get lost."""


class Roles:
    """``make`` wires them; a host of one kind or the other turns what ``turns`` names when ``dues`` says so."""

    host: Host

    def __init__(
        self,
        workspace: Workspace,
        *,
        chance: Callable[[], float] = random.random,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.workspace, self.chance, self.steady = workspace, chance, steady
        self.twins: dict[str, str] = {}
        self.pollers: list[Poller] = []
        self._seeded: Catalog | None = None
        """The definitions whose schedules have their timers."""
        self.say: Callable[[str], None] = lambda line: None

    def make(self, stack: AsyncExitStack, worker: str = "", leased: Leased = EVERYTHING) -> None:
        """Wire them. ``stack`` ends them; ``leased`` says whose effects are this process's to send."""
        workspace = self.workspace
        store, log, clock = workspace.store, workspace.log, workspace.clock
        # A broken mapping file stops the start, not the first batch.
        self.live = Live(store, workspace.catalog.integrations, workspace.reload, workspace.adopt)
        self.executor = Executor(
            *(store, lambda: workspace.catalog, workspace.connector, self.facts, clock, self.chance),
            worker or f"{os.getpid()}",
            leased=leased,
            steady=self.steady,
            looks_first=self._was_restored(),
            halted=lambda: {name: one.why for name, one in halts(store).items()},
        )
        self.watch = Watch(store, lambda: workspace.catalog.integrations, clock, (*CHECKS, ChainCheck()))
        self.sealer = Sealer(store, clock)
        stack.push_async_callback(self.executor.stop)
        sources = {
            name: url for name, url in self.twins.items() if any(s.webhook for s in workspace.specs[name].streams)
        }
        self.feeder = Feeder(log, sources)
        stack.push_async_callback(self.feeder.close)
        self.reader = Reader(
            workspace.connector,
            log,
            clock,
            feed=self.feeder.feed,
            gone=self._gone,
            refused=self._refused,
            keep=self._keep,
        )
        self.pollers = self._pollers()
        self.edits = Edits(workspace, clock, self.live.load, lambda line: self.say(line))

    def _was_restored(self) -> bool:
        with self.workspace.store.reader() as db:
            return restored_at(db) is not None

    @property
    def decoders(self) -> dict[str, Decoder]:
        return {name: self.workspace.connector(name).decode for name in self.workspace.settings.connections}

    def turns(self) -> dict[str, Turn]:
        """What every host of a workspace has to do, by name; deliveries apart."""
        return {
            "executor": self.executor.turn,
            "timers": self._timers,
            "reader": self._readings,
            **{role_of(poller): self._polling(poller) for poller in self.pollers},
        }

    def background(self) -> dict[str, Turn]:
        """What a process does beside, that stays."""
        return {"files": self.edits.turn, "watch": self.watch.turn, "seal": self.sealer.turn}

    # --- what they do

    async def facts(self, fact: Fact, now: Micros, guard: Guard | None = None) -> bool:
        """One fact into the engine; then everybody looks whether there is something to do."""
        answer = await self.workspace.facts(fact, now, guard)
        self.host.wake()
        return bool(answer)

    async def _timers(self) -> int:
        now = self.workspace.clock.now()
        if self._seeded is not self.workspace.catalog:
            self._seeded = self.workspace.catalog
            await seed(self.workspace.store, self._seeded, now)
        due = self.workspace.store.due_timers(now, AT_ONCE)
        await asyncio.gather(*(self.facts(TimerDue(one.id, one.kind, one.loop, one.step), now) for one in due))
        return len(due)

    async def _readings(self) -> int:
        concluded = self._concluded()  # before: a reading that is open now was open when its answer was not concluded
        readings = list(self.workspace.store.open_readings(self.workspace.clock.now(), AT_ONCE))
        return await self.reader.serve(readings, concluded) if readings else 0

    def _concluded(self) -> Callable[[Answer], bool]:
        """Whether the engine has gone past an answer that was appended."""
        at = self.workspace.store.checkpoint(CONSUMER, PARTITION)
        return lambda answer: answer.position <= at

    async def _gone(self, reading: Reading) -> None:
        """The source has no such object (any more): tell the loop that asked; else nobody waits for it."""
        if reading.cause:
            reason = "the source says there is no such object"
            await self.facts(ReadFailed(reading.cause, reading.id, "gone", reason), self.workspace.clock.now())
        else:
            await self._write(Changes(readings={(reading.id, ""): None}))

    async def _refused(self, reading: Reading) -> None:
        """What the source answers cannot be understood: a person decides, nothing is paid on hearsay."""
        fact = ReadFailed(reading.cause, reading.id, "refused", reading.reason)
        await self.facts(fact, self.workspace.clock.now())

    async def _keep(self, reading: Reading) -> None:
        await self._write(Changes(readings={(reading.id, reading.cause): reading}))

    async def _write(self, changes: Changes) -> None:
        now = self.workspace.clock.now()
        await self.workspace.store.write(lambda transaction: transaction.write(changes, now))

    # --- polling

    def _pollers(self) -> list[Poller]:
        found = []
        for name, settings in self.workspace.settings.connections.items():
            for stream in self.workspace.specs[name].streams:
                every = self._every(name, stream.webhook) if settings.poll is None else settings.poll
                if stream.polled and every and not self.workspace.problem_of_calls(name):
                    found.append(Poller(self.workspace.connector(name), stream.name, every))
        return found

    def _every(self, name: str, webhook: bool) -> Micros:
        """How often by default. A twin knows only what deliveries told it: there is nothing to find by asking it."""
        if not webhook:
            return POLL_ONLY
        asking = self.workspace.references(name).keys() - {"secret"}
        return POLL_BESIDE_WEBHOOKS if asking and not self.workspace.settings.connections[name].builtin else 0

    def _is_wanted(self, poller: Poller) -> bool:
        """Whether a table reads the stream, or one that only comes along with a polled one. Where none reads the
        connection at all, ``poll:`` brings everything: it was written to get samples for the first table."""
        name, catalog = poller.connector.connection.name, self.workspace.catalog
        read = [one for one in self.workspace.specs[name].streams if catalog.tables(name, f"{name}.{one.name}")]
        if not read:
            return self.workspace.settings.connections[name].poll is not None
        return any(one.name == poller.stream or not one.polled for one in read)

    def _polling(self, poller: Poller) -> Turn:
        cursors = SqlCursors(self.workspace.store)

        async def turn() -> int:
            if poller.due > self.workspace.clock.now():
                return 0
            if not self._is_wanted(poller):
                poller.due = NEVER
                return 0
            await self.feeder.feed(poller.connector.connection.name)
            return await poller.round(self.workspace.log, cursors, self.workspace.clock, self.host.wake)

        return turn


class Dues:
    """When each role has something to do: what the store's heads, the log and the pollers say."""

    def __init__(self, roles: Roles, background: bool, engine_at: Callable[[], int]) -> None:
        """``engine_at``: the delivery of the log's table where the engine rests."""
        self._roles, self._catalog, self._engine_at = roles, roles.workspace.catalog, engine_at
        self._background = background
        self._pollers = [(role_of(poller), poller) for poller in roles.pollers]

    async def data_version(self) -> int:
        return await self._roles.workspace.store.data_version()

    def dues(self) -> Mapping[str, Micros]:
        roles = self._roles
        if self._catalog is not roles.workspace.catalog:  # other tables may read other streams
            self._catalog = roles.workspace.catalog
            for poller in roles.pollers:
                poller.due = 0 if poller.due == NEVER else poller.due
        stored = roles.workspace.store.dues()
        found = {
            "engine": 0 if (stored.end or 0) > self._engine_at() else NEVER,
            "executor": NEVER if stored.effects is None else stored.effects,
            "timers": NEVER if stored.timers is None else stored.timers,
            "reader": NEVER if stored.readings is None else stored.readings,
        }
        if self._background:
            found |= {"files": roles.edits.due, "watch": roles.watch.due, "seal": roles.sealer.due}
        for name, poller in self._pollers:
            found[name] = poller.due
        return found


def role_of(poller: Poller) -> str:
    """The name of the role that polls."""
    return f"poll {poller.connector.connection.name}.{poller.stream}"
