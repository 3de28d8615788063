"""One workspace being served by one process: twins, the roles of the embedded host, its engine, the intake.

Used by ``hub run``, ``hub settle`` and the demo. Only the holder of the run lock gets this far (design §6).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import orjson

from hub.cli.builtin import start_builtin
from hub.cli.listening import listen
from hub.cli.metrics import metrics_page
from hub.cli.roles import Dues, Roles
from hub.engine.advance import Engine
from hub.engine.embedded import Host, Turn
from hub.engine.runlock import RunLock
from hub.engine.settling import ActivationMoved
from hub.errors import UsageError

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.intake.webhook import WebhookServer

BATCH = 1_000


class Serving(Roles):
    """``async with Serving(workspace, listen=True) as serving``: everything runs until the block ends."""

    server: WebhookServer

    def __init__(
        self,
        workspace: Workspace,
        *,
        listen: bool,
        chance: Callable[[], float] = random.random,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(workspace, chance=chance, steady=steady)
        self.listen = listen
        self.lock = RunLock(workspace.state)
        self.url = ""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Serving:
        """Lock, twins, store and catalog, roles, intake: in this order; what fails undoes the ones before."""
        refuse_kafka(self.workspace)
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
        self.make(stack)
        workspace = self.workspace
        self.engine = Engine(
            *(workspace.store, workspace.log, lambda: workspace.catalog),
            self.decoders,
            workspace.clock,
            self.live.stands,
        )
        roles: dict[str, Turn] = {"engine": self._conclude, **self.turns()}
        if self.listen:
            roles |= self.background()
        self.dues = Dues(self, self.listen, lambda: self.engine.at)
        self.host = Host(roles, self.dues, workspace.clock)
        self.executor.bell = self.host.bell("executor")

    async def _start_intake(self, stack: AsyncExitStack) -> None:
        pages = {"/health": self._alive, "/metrics": lambda: metrics_page(self.workspace, self.server.counts)}
        self.server, self.url = await listen(self.workspace, stack, partial(self.host.ring, "engine"), pages)

    def _alive(self) -> tuple[str, bytes]:
        return "application/json", orjson.dumps({"ok": self.host.failure is None})

    async def _conclude(self) -> int:
        """The next batch, under what is in force; a version that went live meanwhile gets the batch next turn."""
        await self.live.refresh()
        try:
            return await self.engine.step(BATCH)
        except ActivationMoved:
            return 1


def refuse_kafka(workspace: Workspace) -> None:
    """One process alone would conclude nothing of what comes through Kafka. Raises ``UsageError``."""
    if workspace.settings.log == "kafka":
        raise UsageError(
            "this workspace keeps its log in Kafka",
            where="hub.yaml log",
            fix="serve it with: hub worker",
        )
