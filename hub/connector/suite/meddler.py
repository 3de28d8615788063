"""A man in the middle of a stand-in server: any aiohttp app, made to fail the way real systems do.

It runs the app's own handler first where the fault says so (the system did its work, the answer got lost), and
keeps what was asked, so that a suite can see that a probe wrote nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from hub.connector.base import Connection, Connector
from hub.connector.http import Http

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do to the next ``times`` calls of ``methods``. ``after``: only once the app has done its work."""

    kind: str
    """status | body | lose | stall | cut"""
    after: bool = False
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    methods: frozenset[str] = frozenset()
    skip: int = 0
    """How many matching calls go through untouched first (a connector that looks something up before it writes)."""


class Meddler:
    """Holds the planned faults and the calls seen; ``release`` lets stalled calls go."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.skipped = 0
        self.calls: list[tuple[str, str]] = []
        self.release = asyncio.Event()

    def plan(self, kind: str, **how: Any) -> None:
        methods = frozenset(how.pop("methods", ()))
        self.faults.append(Fault(kind, methods=methods, **how))

    def install(self, app: web.Application) -> web.Application:
        meddler = self

        @web.middleware
        async def meddle(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await meddler.handle(request, handler)

        app.middlewares.insert(0, meddle)
        return app

    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.calls.append((request.method, request.path))
        fault = self._next(request.method)
        if fault is None:
            return await handler(request)
        if fault.after:
            await request.read()
            await handler(request)
        return await self._answer(fault, request)

    def _next(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.methods and method not in fault.methods:
                continue
            if self.skipped < fault.skip:
                self.skipped += 1
                return None
            self.faults.remove(fault)
            self.skipped = 0
            return fault
        return None

    async def _answer(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        if fault.kind == "stall":
            await self.release.wait()
        if fault.kind in ("lose", "stall"):
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        if fault.kind == "cut":
            cut = web.StreamResponse(headers={"content-type": "application/json", "content-length": "4096"})
            await cut.prepare(request)
            await cut.write(b'{"id": ')
            if request.transport is not None:
                request.transport.abort()
            return cut
        if fault.kind == "echo":
            said = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
            return web.Response(status=fault.status, text=f"{request.url}\n{said}")
        return web.Response(status=fault.status, body=fault.body, headers=dict(fault.headers))


@asynccontextmanager
async def serving(
    app: web.Application,
    connector: type[Connector],
    settings: Mapping[str, Any],
    secrets: Mapping[str, tuple[str, ...]],
    *,
    name: str = "tested",
    total_seconds: float = 30.0,
) -> AsyncIterator[tuple[Connector, Meddler]]:
    """A connector talking to the app on a local port, with a meddler between them."""
    meddler = Meddler()
    server = TestServer(meddler.install(app))
    await server.start_server()
    url = f"{str(server.make_url('/')).rstrip('/')}{settings.get('path', '')}"
    allow = [str(server.make_url("/")).rstrip("/")]
    connection = Connection(name, {**settings, "url": url, "allow": allow}, secrets)
    values = [value for held in secrets.values() for value in held]
    http = Http(url, allow=allow, secrets=values, total_seconds=total_seconds)
    try:
        yield connector(connection, http), meddler
    finally:
        meddler.release.set()
        await http.close()
        await server.close()
