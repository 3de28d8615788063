"""One worker of a workspace on Kafka and PostgreSQL: its pump, the roles whose leases it holds, perhaps the intake.

Any number of them serve a workspace; none is special. Used by ``hub worker``, and by ``hub settle`` where no worker
runs. What must be done once for all of them is done under a lease (``hub.engine.leading``).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import orjson

from hub.cli.builtin import shared_twins
from hub.cli.leased import EFFECT, Connections, Landed, LeasedDues, lease_of, patient
from hub.cli.listening import listen
from hub.cli.metrics import metrics_page
from hub.cli.roles import Dues, Roles
from hub.engine.embedded import Host, Turn
from hub.engine.leading import EVERY_SECONDS, Leading
from hub.engine.partition import Partitions
from hub.engine.pump import Pump
from hub.engine.settling import Settling
from hub.errors import ConfigError, RetryableError
from hub.log.kafka import KafkaLog
from hub.model.clock import SECOND, Micros
from hub.model.fact import Fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.bootstrap import Workspace
    from hub.engine.transaction import Guard
    from hub.intake.reader import Answer
    from hub.intake.webhook import WebhookServer
    from hub.log.publish import Publisher

PARTS = ("intake", "engine", "effects", "publish", "poll")
PATIENCE_SECONDS = 120.0
"""How long what became of an effect is kept and tried to be written while the database is away."""
SESSION_MS = 20_000
"""How long partitions wait for a worker that says nothing: longer than it takes to start one anew."""
PUBLISH_EVERY: Micros = SECOND // 2
"""How often to look whether there is something to publish, while there is nothing."""


class Working(Roles):
    """``begin`` starts everything but the pump, ``end`` stops it in order; or ``async with`` for all of it."""

    pump: Pump | None = None
    publisher: Publisher
    server: WebhookServer

    def __init__(self, workspace: Workspace, parts: Iterable[str] = PARTS, slot: str = "") -> None:
        """``slot``: the name that stays when the process is started anew; partitions wait for it a while."""
        super().__init__(workspace)
        self.parts, self.slot = frozenset(parts), slot
        self.holder = f"{slot or socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.url = ""
        self._publish_due: Micros = 0
        self._stack = AsyncExitStack()
        self._leases: asyncio.Task[None] | None = None

    # --- life

    async def begin(self) -> Pump | None:
        """Twins, store and catalog, leases, roles, intake: in this order; what fails undoes the ones before."""
        async with self._stack as stack:
            self.twins = shared_twins(self.workspace, stack)
            stack.push_async_callback(self.workspace.close)
            self.prepare()
            self._make(stack)
            if isinstance(log := self.workspace.log, KafkaLog):
                log.start()  # what a former process left in a spool does not wait for the next delivery
            await self.leading.turn()
            self._leases = asyncio.create_task(self._keep_leases())
            stack.push_async_callback(self._stop_leases)
            await self.host.start()
            stack.push_async_callback(self.host.stop)
            if "intake" in self.parts:
                await self._start_intake(stack)
            self._stack = stack.pop_all()
        self.say(f"worker {self.holder}: {', '.join(sorted(self.parts))}")
        if self.url:
            self.say(f"serving at {self.url}")
        return self.pump

    async def end(self) -> None:
        await self._stack.aclose()

    async def __aenter__(self) -> Working:
        await self.begin()
        if self.pump is not None:
            await self.pump.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.pump is not None:
            await self.pump.stop()
        await self.end()

    @property
    def failure(self) -> BaseException | None:
        return self.host.failure

    def ring(self) -> None:
        self.host.ring_all()

    def prepare(self) -> None:
        """What a process that decides does first; what is wrong with the workspace stops it here."""
        workspace = self.workspace
        workspace.activate()
        workspace.upgrade_entities()
        workspace.index_lookups()
        refuse_leftovers(workspace)

    def _make(self, stack: AsyncExitStack) -> None:
        workspace = self.workspace
        self.leading = Leading(workspace.store, self.holder, lambda: self._wanted(), self._took)
        self.landed = Landed(workspace.store, workspace.clock, workspace.log.end())
        self.make(stack, self.holder, Connections(self.leading))
        if "publish" in self.parts:
            self.publisher = workspace.kafka.publisher()
            stack.push_async_callback(self.publisher.close)
        roles = {name: patient(name, turn, self.leading) for name, turn in self._mine()}
        dues = LeasedDues(Dues(self, True, workspace.log.end), roles, self.leading, self._own_dues)
        self.host = Host(roles, dues, workspace.clock)
        if "effects" in self.parts:
            self.executor.bell = self.host.bell("executor")
        if "engine" in self.parts:
            self.pump = self._pump()

    def _mine(self) -> Iterator[tuple[str, Turn]]:
        """The roles of this worker's parts."""
        for name, turn in {**self.turns(), **self.background()}.items():
            part = "effects" if name == "executor" else "poll" if name.startswith("poll ") else "engine"
            if part in self.parts:
                yield name, turn
        if "publish" in self.parts:
            yield "publish", self._publish

    async def _publish(self) -> int:
        """The next page; when there was none, a rest."""
        found = await self.publisher.turn()
        self._publish_due = 0 if found else self.workspace.clock.now() + PUBLISH_EVERY
        return found

    def _own_dues(self) -> dict[str, Micros]:
        return {"publish": self._publish_due}

    def _pump(self) -> Pump:
        workspace = self.workspace
        store, kafka = workspace.store, workspace.kafka
        settling = Settling(store, lambda: workspace.catalog, self.decoders, workspace.clock, self.live.stands)
        partitions = Partitions(store, kafka.topics, settling, self.live.refresh, lambda: self.host.wake())
        consumer = {
            **kafka.access.arguments(),
            "group_id": workspace.settings.kafka.group,
            "group_instance_id": self.slot or None,
            "client_id": self.holder,
            "session_timeout_ms": SESSION_MS,
            "rebalance_timeout_ms": SESSION_MS,
        }
        return Pump([kafka.topics.delivery(name) for name in kafka.sources], partitions, consumer)

    async def _start_intake(self, stack: AsyncExitStack) -> None:
        pages = {"/health": self._alive, "/metrics": lambda: metrics_page(self.workspace, self.server.counts)}
        self.server, self.url = await listen(self.workspace, stack, lambda: None, pages)

    def _alive(self) -> tuple[str, bytes]:
        return "application/json", orjson.dumps({"ok": self.host.failure is None})

    # --- leases

    def _wanted(self) -> set[str]:
        """The leases of this worker's parts."""
        names = {lease for role, _ in self._mine() if (lease := lease_of(role))}
        if "effects" in self.parts:
            connections = self.workspace.catalog.connections
            names.update(EFFECT + name for name, one in connections.items() if one.actions)
        return names

    def _took(self, lease: str) -> None:
        if lease.startswith(EFFECT):
            self.executor.take(lease.removeprefix(EFFECT))
        self.host.ring_all()

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.leading.turn()

    async def _stop_leases(self) -> None:
        """After the roles have ended: the next holder finds nothing half done."""
        if self._leases is not None:
            self._leases.cancel()
        await self.leading.stop()

    # --- what differs from one process alone

    async def facts(self, fact: Fact, now: Micros, guard: Guard | None = None) -> bool:
        """As there; while the database is away what is known is kept and tried again."""
        until = self.steady() + PATIENCE_SECONDS
        while True:
            try:
                return await super().facts(fact, now, guard)
            except RetryableError:
                if self.steady() > until or self.host.stopping.is_set():
                    raise
                await asyncio.sleep(0.5)

    def _concluded(self) -> Callable[[Answer], bool]:
        self.landed.look()
        return self.landed.has


def refuse_leftovers(workspace: Workspace) -> None:
    """Deliveries of an embedded hub that nobody concluded would be passed over. Raises ``ConfigError``."""
    from hub.store.queries.status import records

    with workspace.store.read() as db:
        left = records(db)["in_flight"]
    if left:
        raise ConfigError(
            f"{left} deliveries in the store were never concluded",
            where="hub.yaml log",
            why="they came while the log was kept in the store; workers conclude what comes through Kafka",
            fix="write log: sql, run hub settle, then write log: kafka again",
        )
