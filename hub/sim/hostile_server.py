"""A hostile system as a real server: a friendly twin whose every call goes through a profile, and its own judge.

``GET /_twin/counts`` says how many live documents it holds per reference of ours: the judge. ``POST /_twin/peace``
ends the hostility (the liveness phase of a test). ``POST /_twin/happen`` lets something happen in a source: the twin
knows it at once and sends the webhooks its profile leaves of it. Only on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate

import aiohttp
from aiohttp import web

from hub.connector.base import Connector
from hub.connector.twin import answer
from hub.sim.hostile import CUT, JSON, MISSING, NOT_DONE, Keys, Recent, Reply, bent, refused
from hub.sim.profile import Dice, Drawn, Profile

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Counts = Callable[[], Mapping[str, int]]
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
SEARCHES: Mapping[str, tuple[str, ...]] = {
    "erp": ("external_ref=",),
    "jira": ("/comment?",),
    "trello": ("filter=commentCard",),
    "tryton": ("&d=", "?d="),
}
"""By what of its address a search for our reference is told from other reads."""
READING_POSTS = ("/search", "/get_preferences", "/serverInfo")
"""Addresses where a POST changes nothing."""
ENDLESS_BYTES = 16 * 1024 * 1024
WEBHOOK_TRIES = 200
WEBHOOK_AGAIN_SECONDS = 0.1


def _family(path: str) -> str:
    """The model an address of Tryton is about: each counts its own ids. Elsewhere an id means one object."""
    return path.partition("/model/")[2].partition("/")[0]


def _milliseconds() -> int:
    return time.monotonic_ns() // 1_000_000


@dataclass(slots=True)
class Sender:
    """Where webhooks of a source go, and how they are signed; empty url: nowhere."""

    connector: Connector | None = None
    url: str = ""
    secret: str = ""


@dataclass(slots=True)
class Hostile:
    """One served profile over a twin's app. ``counts``: the twin's own count; ``take``: how a source learns a body;
    ``forget``: how an idempotency key is forgotten."""

    profile: Profile
    seed: int
    counts: Counts
    take: Callable[[bytes], None] | None = None
    sender: Sender = field(default_factory=Sender)
    peaceful: bool = False
    struck: dict[str, int] = field(default_factory=dict)
    forget: Callable[[str], None] | None = None
    dice: Dice = field(init=False)
    recent: Recent = field(init=False)
    listed: Recent = field(init=False)
    vanished: set[str] = field(default_factory=set)
    """Paths of objects that are not there any more, whoever asks."""
    keys: Keys = field(init=False)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.dice = Dice(self.profile, self.seed)
        self.recent, self.listed = Recent(self.profile.always("lag")), Recent(self.profile.always("unlisted"))
        self.keys = Keys(self.profile.always("forgets-keys"))

    def install(self, app: web.Application) -> web.Application:
        """Put the profile before everything the twin does."""

        @web.middleware
        async def meddle(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._handle(request, handler)

        app.middlewares.insert(0, meddle)
        app.router.add_get("/_twin/counts", self._counted)
        app.router.add_post("/_twin/peace", self._peace)
        if self.take is not None:
            app.router.add_post("/_twin/happen", self._happening(self.take))
        app.on_shutdown.append(self._stop)
        return app

    async def _handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_twin/") or request.path == "/":
            return await handler(request)
        body = await request.read()
        calls = self._kind(request)
        drawn = Drawn() if self.peaceful else self.dice.draw(calls, request.path, f"{request.path}{body[:4000]!r}")
        if drawn.does:
            self.struck[drawn.does] = self.struck.get(drawn.does, 0) + 1
        if drawn.does in NOT_DONE:
            found = refused(drawn)
            return self._cut(request) if found is None else await self._send(request, found)
        if drawn.does == "late":
            self._later(drawn.measure, lambda: self._done(request, handler, calls))
            return self._cut(request)
        good = await self._done(request, handler, calls)
        if calls == "read" and self._is_gone(request.path, drawn, good):
            return await self._send(request, MISSING)
        if drawn.does == "slow":
            await asyncio.sleep(drawn.measure / 1000)
        return self._cut(request) if drawn.does in CUT else await self._send(request, bent(drawn, good))

    def _is_gone(self, path: str, drawn: Drawn, good: Reply) -> bool:
        """Whether the object asked for is not there any more; it stays away until there is peace."""
        if drawn.does == "gone" and good.status == 200:
            self.vanished.add(path)
        return path in self.vanished and not self.peaceful

    def _kind(self, request: web.Request) -> str:
        if request.method in WRITES and not any(part in request.path for part in READING_POSTS):
            return "write"
        if any(part in str(request.rel_url) for part in SEARCHES[self.profile.connector]):
            return "search"
        return "page" if "search" in request.path or request.path.endswith(("/actions", "/cards")) else "read"

    async def _done(self, request: web.Request, handler: Handler, calls: str) -> Reply:
        """The twin's own answer; what it made is hidden from searches for a while."""
        self._forgets(request)
        try:
            found = await handler(request)
        except web.HTTPException as refusal:
            found = refusal
        body = found.body if isinstance(found, web.Response) and isinstance(found.body, bytes) else b""
        now = _milliseconds()
        if calls == "write" and 200 <= found.status < 300:
            self.recent.note(body, now, _family(request.path))
            self.listed.note(body, now, _family(request.path))
        hiding = {"search": self.recent, "page": self.listed}.get(calls)
        if hiding is not None and not self.peaceful:
            body = hiding.hidden(body, now, _family(request.path))
        return Reply(found.status, {"content-type": found.content_type}, body)

    def _forgets(self, request: web.Request) -> None:
        """An idempotency key whose life is over means nothing any more."""
        key = request.headers.get("Idempotency-Key", "")
        if key and self.forget and not self.peaceful and not self.keys.lives(key, _milliseconds()):
            self.forget(key)

    async def _send(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        skew = 0 if self.peaceful else self.profile.always("clock") / 1000
        headers = {"content-type": JSON, **reply.headers, "Date": formatdate(time.time() + skew, usegmt=True)}
        if not reply.endless:
            return web.Response(status=reply.status, body=reply.body, headers=headers)
        endless = web.StreamResponse(status=reply.status, headers=headers)
        await endless.prepare(request)
        await endless.write(reply.body)
        for _ in range(ENDLESS_BYTES // 65_536):
            await endless.write(b"9" * 65_536)
        return endless

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _later(self, milliseconds: int, work: Callable[[], Awaitable[object]]) -> None:
        async def wait() -> None:
            await asyncio.sleep(milliseconds / 1000)
            await work()

        task = asyncio.get_running_loop().create_task(wait())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _stop(self, app: web.Application) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    # --- what tests ask it

    async def _counted(self, request: web.Request) -> web.Response:
        return answer({"references": dict(self.counts()), "struck": dict(self.struck), "pending": len(self.tasks)})

    async def _peace(self, request: web.Request) -> web.Response:
        self.peaceful = True
        return answer({"struck": dict(self.struck)})

    def _happening(self, take: Callable[[bytes], None]) -> Handler:
        """Something happens in the source. ``?lose=no``: its webhook may be late and come twice, but it comes."""

        async def happen(request: web.Request) -> web.Response:
            body = await request.read()
            take(body)
            self.listed.note(body, _milliseconds())
            drawn = Drawn() if self.peaceful else self.dice.draw("webhook", "", str(len(body)))
            if drawn.does == "lost" and request.query.get("lose") == "no":
                drawn = Drawn("twice")
            if drawn.does:
                self.struck[drawn.does] = self.struck.get(drawn.does, 0) + 1
            for _ in range({"lost": 0, "twice": 2}.get(drawn.does, 1)):
                self._later(drawn.measure, lambda: self._tell(body))
            return answer({"webhook": drawn.does or "sent"})

        return happen

    async def _tell(self, body: bytes) -> None:
        """The webhook, again and again until the hub says that it has it: what a source does (and then some)."""
        connector, url = self.sender.connector, self.sender.url
        if connector is None or not url:
            return
        headers = {"content-type": JSON, **connector.sign(self.sender.secret, url, body)}
        async with aiohttp.ClientSession() as session:
            for _ in range(WEBHOOK_TRIES):
                try:
                    async with session.post(url, data=body, headers=headers) as said:
                        if said.status < 500 and said.status != 429:
                            return
                except aiohttp.ClientError:
                    pass  # it is down at the moment
                await asyncio.sleep(WEBHOOK_AGAIN_SECONDS)
