"""The peer of the whole loop: a hand-written service that keeps nothing and promises nothing.

``python -m tests.bench.by_hand_service ERP_URL FILE``: checks the signature, answers 200 at once, and for a closed
project posts the asset and reads it back. FILE gets its address; ``GET /done`` the number read back.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from hub.cli.run import run_loop
from tests.bench.story import SECRET


class Service:
    def __init__(self, erp: str, session: aiohttp.ClientSession) -> None:
        self.erp, self.session, self.done = erp, session, 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return web.Response(text=str(self.done))
        body = await request.read()
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, request.headers["x-hub-signature"]):
            return web.Response(status=401)
        issue = orjson.loads(body)["issue"]
        fields = issue["fields"]
        if fields["status"]["statusCategory"]["key"] == "done" and fields["resolution"]["name"] == "Done":
            task = asyncio.create_task(self.act(issue["id"], fields))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return web.Response()

    async def act(self, number: str, fields: dict[str, Any]) -> None:
        amount = {"amount": f"{fields['customfield_10203']:.2f}", "currency": "CNY"}
        asset = {"name": fields["summary"], "category": "software", "value": amount}
        document = orjson.dumps({**asset, "in_use": fields["resolutiondate"][:10], "external_ref": number})
        headers = {"content-type": "application/json"}
        async with self.session.post(f"{self.erp}/api/assets", data=document, headers=headers) as answer:
            made = await answer.json()
        async with self.session.get(f"{self.erp}/api/assets/{made['id']}") as answer:
            if (await answer.json())["value"] != amount:
                raise ValueError("read back with another value")
        self.done += 1


async def serve(erp: str, ready: Path) -> None:
    async with aiohttp.ClientSession() as session:
        service = Service(erp, session)
        web_server = web.Server(service.handle, access_log=None)
        server = await asyncio.get_running_loop().create_server(web_server, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        partial = ready.with_suffix(".partial")
        partial.write_text(json.dumps({"url": url, "pid": os.getpid()}))
        partial.replace(ready)
        await server.serve_forever()


if __name__ == "__main__":
    run_loop(serve(sys.argv[1], Path(sys.argv[2])))
