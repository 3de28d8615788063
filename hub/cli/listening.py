"""The intake of one process: gates of the workspace's connections behind one web server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from hub.errors import UsageError
from hub.intake.webhook import WebhookServer

if TYPE_CHECKING:
    from hub.bootstrap import Workspace

Page = Callable[[], tuple[str, bytes]]
logger = structlog.get_logger()


async def listen(
    workspace: Workspace, stack: AsyncExitStack, wake: Callable[[], None], pages: Mapping[str, Page]
) -> tuple[WebhookServer, str]:
    """Start it, and say where it listens; ``stack`` stops it. Raises ``UsageError`` where it cannot listen."""
    settings = workspace.settings
    gates = workspace.gates()
    for gate in gates.values():
        if gate.closed:
            logger.warning("intake closed", action="intake.closed", connection=gate.name, reason=gate.closed)
    server = WebhookServer(gates, workspace.log, workspace.clock, rate=settings.rate, wake=wake, pages=pages)
    try:
        port = await server.start(settings.host, settings.port)
    except OSError as error:
        raise UsageError(
            f"cannot listen at {settings.listen}: {error.strerror}",
            where="hub.yaml listen",
            why="another program listens there, or the address is not of this machine",
            fix="write another listen: in hub.yaml, or export HUB_LISTEN=127.0.0.1:0",
        ) from error
    stack.push_async_callback(server.stop)
    return server, f"http://{settings.host}:{port}"
