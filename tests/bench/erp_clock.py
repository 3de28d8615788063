"""The built-in ERP, in memory, noting when each document's request arrived: ``python -m tests.bench.erp_clock FILE``.

``GET /_bench/arrivals`` gives ``{document name: microseconds}``. The noting is one dictionary entry a request.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import orjson
from aiohttp import web

from connectors.erp.twin import Handler, make_app, serve


def main() -> None:
    arrivals: dict[str, int] = {}

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST":
            now = time.time_ns() // 1000
            arrivals.setdefault(orjson.loads(await request.read())["name"], now)
        return await handler(request)

    async def told(request: web.Request) -> web.Response:
        return web.json_response(arrivals)

    app = make_app()
    app.middlewares.insert(0, note)
    app.router.add_get("/_bench/arrivals", told)
    asyncio.run(serve(app, 0, Path(sys.argv[1])))


if __name__ == "__main__":
    main()
