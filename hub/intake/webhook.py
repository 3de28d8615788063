"""The webhook server: ``POST /in/<connection>[/<token>]``, 200 only after the delivery is committed and flushed.

The order is design §8: size, rate, signature over the raw bytes, time window (both in the connector's ``verify``),
store, 200. What is wrong with a stored body is its outcome, not its status code. It sits straight on aiohttp's
low-level server: no router, no middleware, no access log. It must not know the engine; ``wake`` tells the host.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from uuid import uuid4

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from hub.connector.base import Request
from hub.errors import RetryableError
from hub.intake.gate import REFUSALS_BURST, REFUSALS_PER_SECOND, Allowance, Gate, Limits
from hub.log.port import Arrival, Log
from hub.model.boundary import boundary
from hub.model.clock import Clock

REFUSAL_SECONDS = 0.02
"""Every 401 takes this long, whatever was wrong, so its time tells nothing."""
RETRY_AFTER_SECONDS = 5

logger = structlog.get_logger()
_WORDS = {
    401: "not authorized",
    404: "no such connection",
    405: "method not allowed",
    408: "body took too long",
    413: "body too large",
    415: "media type not supported",
    429: "too many requests",
    503: "try again later",
}
_SHUT = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""Pages are data: no browser runs, frames, guesses or keeps them."""


class Refused(Exception):
    """A request that gets ``status`` and leaves nothing but a count."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(status)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class WebhookServer:
    """Admits deliveries of the given connections into the log. ``pages`` answers other GET paths."""

    def __init__(
        self,
        gates: Mapping[str, Gate],
        log: Log,
        clock: Clock,
        *,
        rate: int = 20_000,
        limits: Limits | None = None,
        wake: Callable[[], None] = lambda: None,
        pages: Mapping[str, Callable[[], tuple[str, bytes]]] | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """``steady``: seconds that only go forward; what an address may do comes back by it."""
        self._steady = steady
        self.gates, self.log, self.clock, self.wake = gates, log, clock, wake
        self.pages, self.limits = pages or {}, limits or Limits()
        self.counts: Counter[tuple[str, str]] = Counter()
        """(connection, what became of the request): ``accepted``, ``duplicate`` or the refusing status."""
        self._allowance = Allowance(rate, rate)
        self._refusals = Allowance(REFUSALS_PER_SECOND, REFUSALS_BURST)
        self._open = 0
        self._server: asyncio.Server | None = None
        self._web: _Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port (useful with port 0)."""
        self._web = _Server(self.handle, access_log=None, auto_decompress=False, keepalive_timeout=75.0)
        self._web.header_seconds = self.limits.header_seconds
        self._server = await asyncio.get_running_loop().create_server(self._web, host, port, backlog=1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, let requests under way finish, close the rest."""
        if self._server and self._web:
            self._server.close()
            await self._web.shutdown(5.0)
            await self._server.wait_closed()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request: refused with a status, or 200 after the flush."""
        started = self._steady()
        name = "-"
        self._open += 1
        try:
            parts = request.rel_url.raw_path.split("/", 3)
            if len(parts) < 3 or parts[1] != "in":
                return self._page(request)
            gate = self.gates.get(parts[2])
            if gate is None:
                raise Refused(404)
            name = gate.name
            return await self._admit(gate, parts[3] if len(parts) == 4 else "", request, started)
        except Refused as refused:
            return await self._refuse(name, request, refused, started)
        except Exception as bug:  # noqa: BLE001 - the sender gets an id and sends again; nothing was kept
            return self._failed(name, bug)
        finally:
            self._open -= 1

    def _failed(self, name: str, bug: Exception) -> web.StreamResponse:
        """A bug of ours: the log has its place under the id the sender got, and no word of what was sent."""
        number = uuid4().hex[:12]
        self.counts[name, "500"] += 1
        logger.error("failed", action="intake.bug", id=number, connection=name, exc_info=bug)
        return web.Response(status=500, text=f"internal error {number}")

    async def _admit(self, gate: Gate, token: str, request: web.BaseRequest, started: float) -> web.StreamResponse:
        """Design §8's order, one line each."""
        self._check_form(gate, request)
        address = request.remote or ""
        if not self._allowance.take(address, started) or not self._refusals.take(address, started, 0):
            raise Refused(429, Retry_After="1")
        if not gate.right_path(token):
            raise Refused(401 if gate.token else 404)
        if request.method in gate.connector.spec.methods:
            return web.Response()
        body = await _body(request, gate.body_bytes_max, self.limits.body_seconds)
        boundary("B1")
        headers, repeated = _headers(request)
        now = self.clock.now()
        if not gate.connector.verify(Request(request.method, gate.url, headers, body, repeated), now):
            raise Refused(401)
        boundary("B2")
        kept = {key: headers[key] for key in gate.keep if key in headers}
        source_id = gate.connector.identify(headers, body)
        await self._store(gate, Arrival(gate.name, body, kept, now, "webhook", source_id))
        answer = web.Response()
        await answer.prepare(request)
        await answer.write_eof()
        boundary("B5")
        return answer

    def _check_form(self, gate: Gate, request: web.BaseRequest) -> None:
        """What can be seen before the body: open, room, method, declared size, media type."""
        spec = gate.connector.spec
        if request.method != "POST" and request.method not in spec.methods:
            raise Refused(405, Allow=", ".join(sorted({"POST", *spec.methods})))
        if gate.closed or self._open > self.limits.concurrent_max:
            raise Refused(503, Retry_After=str(RETRY_AFTER_SECONDS))
        if request.method != "POST":
            return
        if (request.content_length or 0) > gate.body_bytes_max:
            raise Refused(413)
        encoding = request.headers.get("Content-Encoding", "identity").lower()
        if request.content_type not in spec.media_types or encoding != "identity":
            raise Refused(415)

    async def _store(self, gate: Gate, arrival: Arrival) -> None:
        """Append durably; a log that cannot take it now means 503, and the source sends again."""
        try:
            (appended,) = await self.log.append((arrival,))
        except RetryableError as error:
            logger.warning("refused", action="intake.busy", connection=gate.name, reason=error.what)
            raise Refused(503, Retry_After=str(int(error.retry_after or RETRY_AFTER_SECONDS))) from error
        self.counts[gate.name, "duplicate" if appended.duplicate else "accepted"] += 1
        self.wake()

    async def _refuse(
        self, name: str, request: web.BaseRequest, refused: Refused, started: float
    ) -> web.StreamResponse:
        self.counts[name, str(refused.status)] += 1
        if refused.status not in (429, 503):
            self._refusals.take(request.remote or "", started)
        if refused.status == 401:
            await asyncio.sleep(max(0.0, started + REFUSAL_SECONDS - self._steady()))
        answer = web.Response(status=refused.status, text=_WORDS[refused.status], headers=refused.headers)
        if refused.status in (408, 413):
            answer.force_close()
        return answer

    def _page(self, request: web.BaseRequest) -> web.StreamResponse:
        """``/health``, ``/metrics`` and what else the host serves beside the intake."""
        page = self.pages.get(request.rel_url.raw_path)
        if page is None:
            raise Refused(404)
        if request.method not in ("GET", "HEAD"):
            raise Refused(405, Allow="GET, HEAD")
        media_type, content = page()
        return web.Response(body=content, headers={"Content-Type": media_type, **_SHUT})


class _Server(web.Server):
    """Closes a connection whose first request head does not arrive in time (F18)."""

    header_seconds: float

    def __call__(self) -> RequestHandler:
        protocol = super().__call__()
        asyncio.get_running_loop().call_later(self.header_seconds, _close_silent, protocol)
        return protocol


def _close_silent(protocol: RequestHandler) -> None:
    if protocol._request_count == 0 and protocol.transport is not None:
        protocol.force_close()


def _headers(request: web.BaseRequest) -> tuple[dict[str, str], frozenset[str]]:
    """Header names in lower case, and those that came more than once."""
    found: dict[str, str] = {}
    repeated: set[str] = set()
    for raw_name, value in request.raw_headers:
        name = raw_name.decode("latin-1").lower()
        if name in found:
            repeated.add(name)
        found[name] = value.decode("utf-8", "surrogateescape")
    return found, frozenset(repeated)


async def _body(request: web.BaseRequest, limit: int, seconds: float) -> bytes:
    """The raw body, refused while reading once it passes ``limit``."""
    content = request.content
    if content.is_eof() and content.total_bytes <= limit:
        return content.read_nowait()
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while part := await content.readany():
                size += len(part)
                if size > limit:
                    raise Refused(413)
                parts.append(part)
    except TimeoutError as error:
        raise Refused(408) from error
    return b"".join(parts)
