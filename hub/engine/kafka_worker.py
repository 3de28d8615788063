"""The Faust app around a worker: process, signals, service tree, the control agent. No delivery passes through it.

Faust reads one topic here, ``<prefix>.control``, whose records only ring bells; deliveries go through the pump, which
stands beside the agent, so an agent that fails, or a control topic that is gone, stops nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import faust
from mode import Service

from hub.engine.pump import Pump
from hub.log.access import Access

LOOK_SECONDS = 1.0


class Hosting(Protocol):
    """What a worker does, whoever hosts it."""

    @property
    def failure(self) -> BaseException | None:
        """Why it cannot go on."""
        ...

    async def begin(self) -> Pump | None:
        """Start everything but the pump; gives that, where this worker has one."""
        ...

    async def end(self) -> None: ...
    def ring(self) -> None:
        """Look at once whether there is something to do."""
        ...


class Hosted(Service):
    """What a worker runs, as one service: begun, watched and ended in order."""

    abstract = False

    def __init__(self, hosting: Hosting, **more: Any) -> None:
        super().__init__(**more)
        self._hosting = hosting
        self._pump: Pump | None = None

    async def on_start(self) -> None:
        self._pump = await self._hosting.begin()
        if self._pump is not None:
            await self.add_runtime_dependency(self._pump)

    async def on_stop(self) -> None:
        """Partitions are handed over first, then everything else ends."""
        if self._pump is not None:
            await self._pump.stop()
        await self._hosting.end()

    @Service.timer(LOOK_SECONDS)
    async def _watch(self) -> None:
        if (error := self._hosting.failure) is not None:
            await self.crash(error)


def app_of(access: Access, name: str, control: str, hosting: Hosting, folder: Path) -> Any:
    """The app of one worker. ``name`` is its own: every worker hears what is said on ``control``."""
    app = faust.App(
        name,
        broker=[f"kafka://{address}" for address in access.bootstrap],
        broker_credentials=_credentials(access),
        store="memory://",
        datadir=folder,
        processing_guarantee="at_least_once",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        worker_redirect_stdouts=False,
        broker_commit_interval=1,
    )

    @app.agent(app.topic(control, value_type=bytes, value_serializer="raw"))
    async def bell(words: Any) -> None:
        async for _ in words:
            hosting.ring()

    @app.service
    class Here(Hosted):
        """Faust makes its services itself."""

        abstract = False

        def __init__(self, **more: Any) -> None:
            super().__init__(hosting, **more)

    return app


def _credentials(access: Access) -> Any:
    """The same wires as everywhere else."""
    if access.mechanism:
        return faust.SASLCredentials(
            mechanism=access.mechanism,
            username=access.username,
            password=access.password,
            ssl_context=access.tls,
        )
    return None if access.tls is None else faust.SSLCredentials(access.tls)
