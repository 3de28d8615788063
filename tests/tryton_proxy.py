"""A real Tryton behind an aiohttp app, so that the SDK's meddler can stand between it and the connector."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from tests.tryton_server import Tryton

KEPT = ("x-tryton-context", "content-type")


def proxy(tryton: Tryton) -> web.Application:
    """Forwards everything; it holds the REST key itself, so the connector in front may use a canary."""

    async def forward(request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in KEPT if name in request.headers}
        headers["authorization"] = f"bearer {tryton.keys['buyer']}"
        url = f"{tryton.url}{request.rel_url}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, headers=headers, data=await request.read()) as answer,
        ):
            kind = answer.headers.get("content-type", "application/octet-stream")
            return web.Response(status=answer.status, body=await answer.read(), headers={"content-type": kind})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    return app
