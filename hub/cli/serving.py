"""One workspace being served: twins, connectors, the roles of the embedded host, the intake.

Used by ``hub run``, ``hub settle`` and the demo. What each role does is written in its own room; here they only
meet. Only the holder of the run lock gets this far (design §6).
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import orjson
import structlog

from hub.cli.builtin import start_builtin
from hub.cli.edits import Edits
from hub.cli.metrics import metrics_page
from hub.effect.executor import Executor
from hub.engine.advance import CONSUMER, PARTITION, Engine
from hub.engine.clocks import seed
from hub.engine.embedded import Host, Turn
from hub.engine.live import Live
from hub.engine.runlock import RunLock
from hub.engine.sealer import Sealer
from hub.engine.settling import ActivationMoved
from hub.engine.watch import CHECKS, Watch
from hub.errors import UsageError
from hub.intake.pollers import Poller
from hub.intake.reader import Reader
from hub.intake.twins import Feeder
from hub.intake.webhook import WebhookServer
from hub.model.changes import Changes, Reading
from hub.model.clock import NEVER, SECOND, Micros
from hub.model.fact import Fact, ReadFailed, TimerDue
from hub.store.backup import restored_at
from hub.store.chaincheck import ChainCheck
from hub.store.cursors import SqlCursors
from hub.store.halts import halts

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.mapping.catalog import Catalog

BATCH = 1_000
AT_ONCE = 256
POLL_ONLY: Micros = 5 * SECOND
"""How often a stream that comes by polling alone is asked, where ``hub.yaml`` does not say."""
POLL_BESIDE_WEBHOOKS: Micros = 60 * SECOND
"""How often a source with webhooks is asked for what they missed, where it may be: webhooks get lost."""
logger = structlog.get_logger()


class Serving:
    """``async with Serving(workspace, listen=True) as serving``: everything runs until the block ends."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        listen: bool,
        chance: Callable[[], float] = random.random,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.workspace, self.listen, self.chance, self.steady = workspace, listen, chance, steady
        self.lock = RunLock(workspace.state)
        self.twins: dict[str, str] = {}
        self.pollers: list[Poller] = []
        self.url = ""
        self._seeded: Catalog | None = None
        """The definitions whose schedules have their timers."""
        self.say: Callable[[str], None] = lambda line: None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Serving:
        """Lock, twins, store and catalog, roles, intake: in this order; what fails undoes the ones before."""
        async with self._stack as stack:
            self.lock.take()
            stack.callback(self.lock.release)
            self.twins = start_builtin(self.workspace, stack)
            stack.push_async_callback(self.workspace.close)
            self.workspace.activate()
            self.workspace.upgrade_entities()
            self.workspace.index_lookups()
            self._make_roles(stack)
            await self.watch.turn()
            await self.host.start()
            stack.push_async_callback(self.host.stop)
            if self.listen:
                await self._start_intake(stack)
            self.lock.write_note({"url": self.url, "twins": self.twins})
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _make_roles(self, stack: AsyncExitStack) -> None:
        workspace = self.workspace
        store, log, clock = workspace.store, workspace.log, workspace.clock
        # A broken mapping file stops the start, not the first batch.
        self.live = Live(store, workspace.catalog.integrations, workspace.reload, workspace.adopt)
        decoders = {name: workspace.connector(name).decode for name in workspace.settings.connections}
        self.engine = Engine(store, log, lambda: workspace.catalog, decoders, clock, self.live.stands)
        worker = f"{os.getpid()}"
        self.executor = Executor(
            *(store, lambda: workspace.catalog, workspace.connector, self.facts, clock, self.chance, worker),
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
        self.host = Host(self._roles(), _Dues(self), clock)
        self.executor.bell = self.host.bell("executor")

    def _was_restored(self) -> bool:
        with self.workspace.store.reader() as db:
            return restored_at(db) is not None

    def _roles(self) -> dict[str, Turn]:
        roles: dict[str, Turn] = {
            "engine": self._conclude,
            "executor": self.executor.turn,
            "timers": self._timers,
            "reader": self._readings,
            **({"files": self.edits.turn, "watch": self.watch.turn, "seal": self.sealer.turn} if self.listen else {}),
        }
        for poller in self.pollers:
            roles[role_of(poller)] = self._polling(poller)
        return roles

    async def _start_intake(self, stack: AsyncExitStack) -> None:
        settings = self.workspace.settings
        gates = self.workspace.gates()
        for gate in gates.values():
            if gate.closed:
                logger.warning("intake closed", action="intake.closed", connection=gate.name, reason=gate.closed)
        self.server = WebhookServer(
            gates,
            self.workspace.log,
            self.workspace.clock,
            rate=settings.rate,
            wake=partial(self.host.ring, "engine"),
            pages={"/health": self._alive, "/metrics": lambda: metrics_page(self.workspace, self.server.counts)},
        )
        try:
            port = await self.server.start(settings.host, settings.port)
        except OSError as error:
            raise UsageError(
                f"cannot listen at {settings.listen}: {error.strerror}",
                where="hub.yaml listen",
                why="another program listens there, or the address is not of this machine",
                fix="write another listen: in hub.yaml, or export HUB_LISTEN=127.0.0.1:0",
            ) from error
        stack.push_async_callback(self.server.stop)
        self.url = f"http://{settings.host}:{port}"

    def _alive(self) -> tuple[str, bytes]:
        return "application/json", orjson.dumps({"ok": self.host.failure is None})

    async def facts(self, fact: Fact, now: Micros) -> bool:
        """One fact into the engine; then everybody looks whether there is something to do."""
        answer = await self.workspace.facts(fact, now)
        self.host.wake()
        return bool(answer)

    async def _conclude(self) -> int:
        """The next batch, under what is in force; a version that went live meanwhile gets the batch next turn."""
        await self.live.refresh()
        try:
            return await self.engine.step(BATCH)
        except ActivationMoved:
            return 1

    async def _timers(self) -> int:
        now = self.workspace.clock.now()
        if self._seeded is not self.workspace.catalog:
            self._seeded = self.workspace.catalog
            await seed(self.workspace.store, self._seeded, now)
        due = self.workspace.store.due_timers(now, AT_ONCE)
        await asyncio.gather(*(self.facts(TimerDue(one.id, one.kind, one.loop, one.step), now) for one in due))
        return len(due)

    async def _readings(self) -> int:
        store = self.workspace.store
        readings = list(store.open_readings(self.workspace.clock.now(), AT_ONCE))
        return await self.reader.serve(readings, store.checkpoint(CONSUMER, PARTITION)) if readings else 0

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


class _Dues:
    """When each role has something to do: what the store's heads, the log and the pollers say."""

    def __init__(self, serving: Serving) -> None:
        self._serving, self._catalog = serving, serving.workspace.catalog
        self._pollers = [(role_of(poller), poller) for poller in serving.pollers]

    async def data_version(self) -> int:
        return await self._serving.workspace.store.data_version()

    def dues(self) -> Mapping[str, Micros]:
        if self._catalog is not self._serving.workspace.catalog:  # other tables may read other streams
            self._catalog = self._serving.workspace.catalog
            for poller in self._serving.pollers:
                poller.due = 0 if poller.due == NEVER else poller.due
        serving = self._serving
        stored = serving.workspace.store.dues()
        found = {
            "engine": 0 if (stored.end or 0) > serving.engine.at else NEVER,
            "executor": NEVER if stored.effects is None else stored.effects,
            "timers": NEVER if stored.timers is None else stored.timers,
            "reader": NEVER if stored.readings is None else stored.readings,
        }
        if serving.listen:
            found |= {"files": serving.edits.due, "watch": serving.watch.due, "seal": serving.sealer.due}
        for name, poller in self._pollers:
            found[name] = poller.due
        return found


def role_of(poller: Poller) -> str:
    """The name of the role that polls."""
    return f"poll {poller.connector.connection.name}.{poller.stream}"
