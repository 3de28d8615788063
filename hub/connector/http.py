"""The SDK's HTTP client: the hub's outbound policy (reliability §6), and its verdicts on answers.

One base URL per client, no redirects, no proxy variables, no cookies; connect 5 s, 30 s in all, 5 MiB read at
most; addresses checked by ``guard``, words redacted. It holds no retry loop: whether to ask again is decided
by the host (executor, pollers), which knows what a second time would mean.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from hub.connector.answers import Ambiguous, NotSent, ReadFailed, Unauthorized
from hub.connector.base import Connection
from hub.connector.guard import Guard, parse_allowed
from hub.connector.redact import Redactor, capped
from hub.connector.verdict import Answer, parsed, refusal, retry_after
from hub.model.clock import Micros
from hub.model.record import Json
from hub.model.values import decimal_text

if TYPE_CHECKING:  # loaded with the first call: commands that only read the store never need it
    import aiohttp

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 30.0
READ_BYTES_MAX = 5 * 1024 * 1024
CONNECTIONS_MAX = 16
KEEPALIVE_SECONDS = 1.5
"""Short on purpose: a write on a connection the server is just closing looks like a lost answer (UNKNOWN)."""

__all__ = ["Answer", "Http", "as_numbers", "as_text"]


def as_text(value: object) -> Json:
    """Write a Decimal as JSON text (the default: no reader can make a float of it)."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def as_numbers(value: object) -> Json:
    """Write a Decimal as a JSON number with exactly its digits, for systems that refuse text."""
    if isinstance(value, Decimal):
        return orjson.Fragment(decimal_text(value).encode())
    raise TypeError(f"{type(value).__name__} has no JSON form")


class Http:
    """Calls to one system. ``write`` raises by the ambiguity table, ``read`` raises ``ReadFailed``."""

    def __init__(
        self,
        url: str,
        *,
        allow: Sequence[str] = (),
        secrets: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        total_seconds: float = TOTAL_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = url.rstrip("/")
        self.redact = Redactor(secrets)
        self._guard = Guard.of(url, parse_allowed(allow)) if url else None
        self._headers = dict(headers or {})
        self._total_seconds = total_seconds
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, connection: Connection, url: str = "") -> Http:
        """The client of a connection: its ``url`` (or the one given), its ``allow`` list, its secrets."""
        allow = connection.settings.get("allow") or ()
        secrets = [value for values in connection.secrets.values() for value in values]
        return cls(url or str(connection.settings.get("url") or ""), allow=list(allow), secrets=secrets)

    async def write(
        self,
        method: str,
        path: str,
        *,
        json: Json = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        not_done_429: bool = False,
        default: Callable[[Any], Any] = as_text,
    ) -> Answer:
        """A call that creates or changes something. Raises what ``hub.connector.answers`` lists for writes.

        ``not_done_429``: the system documents that a 429 did nothing. ``default``: how Decimals are written.
        """
        import aiohttp

        body = None if json is None else orjson.dumps(json, default=default)
        try:
            status, got, data = await self._call(method, path, params, headers, body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSent(self._words(method, path, error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Ambiguous(self._words(method, path, error)) from None
        self._refuse(method, path, status, got, data, not_done_429)
        try:
            return Answer(status, parsed(data), got, data)
        except ValueError:
            raise Ambiguous(self._said(method, path, status, data, "answered something that is not JSON")) from None

    async def read(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        json: Json = None,
        default: Callable[[Any], Any] = as_text,
    ) -> Answer | None:
        """A call that changes nothing; None for 404. Raises ``ReadFailed`` or ``Unauthorized``."""
        import aiohttp

        body = None if json is None else orjson.dumps(json, default=default)
        try:
            try:
                status, got, data = await self._call(method, path, params, headers, body)
            except aiohttp.ServerDisconnectedError:  # an idle connection the server was closing: ask afresh, once
                status, got, data = await self._call(method, path, params, headers, body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ReadFailed(self._words(method, path, error)) from None
        if status == 404:
            return None
        if not 200 <= status < 300:
            words = self._said(method, path, status, data)
            if status in (401, 403):
                raise Unauthorized(words)
            raise ReadFailed(words, retry_after(got.get("retry-after"), self._clock()))
        try:
            return Answer(status, parsed(data), got, data)
        except ValueError:
            raise ReadFailed(self._said(method, path, status, data, "answered something that is not JSON")) from None

    def now(self) -> Micros:
        """The clock this client was given, in whole microseconds: connectors have none of their own."""
        return round(self._clock() * 1_000_000)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
    ) -> tuple[int, dict[str, str], bytes]:
        sent = {"accept": "application/json", **self._headers, **(headers or {})}
        if body is not None:
            sent.setdefault("content-type", "application/json")
        async with self._open().request(
            method, self._target(path), params=params, headers=sent, data=body, allow_redirects=False
        ) as response:
            data = await self._body(response)
            return response.status, {name.lower(): value for name, value in response.headers.items()}, data

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """The whole body, at most ``READ_BYTES_MAX`` bytes of it after decompression."""
        parts, size = [], 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > READ_BYTES_MAX:
                raise ValueError(f"the answer is larger than {READ_BYTES_MAX} bytes")
            parts.append(chunk)
        return b"".join(parts)

    def _target(self, path: str) -> str:
        from aiohttp import InvalidURL

        if not self.url:
            raise InvalidURL("", "this connection has no url")
        if not path.startswith("/"):
            raise InvalidURL(path, "a path starts with / and stays on the connection's own host")
        return self.url + path

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            from hub.connector.resolver import GuardedResolver

            resolver = GuardedResolver(self._guard) if self._guard else None
            timeout = aiohttp.ClientTimeout(total=self._total_seconds, sock_connect=CONNECT_SECONDS)
            connector = aiohttp.TCPConnector(
                resolver=resolver, limit=CONNECTIONS_MAX, keepalive_timeout=KEEPALIVE_SECONDS, ttl_dns_cache=10
            )
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
            # By itself aiohttp sends a PUT or DELETE a second time when a connection breaks: never blind (I6).
            self._session._retry_connection = False
        return self._session

    def _refuse(
        self, method: str, path: str, status: int, got: Mapping[str, str], data: bytes, not_done_429: bool
    ) -> None:
        if 200 <= status < 300:
            return
        header = got.get("retry-after")
        wait = retry_after(header, self._clock())
        words = self._said(method, path, status, data)
        found = refusal(status, words, wait, not_done_429=not_done_429, told=wait is not None)
        if found is not None:
            raise found

    def _words(self, method: str, path: str, error: BaseException) -> str:
        reason = str(error) or type(error).__name__
        if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
            reason = f"no answer in time ({reason})"
        return capped(self.redact(f"{method.upper()} {path.partition('?')[0]}: {reason}"))

    def _said(self, method: str, path: str, status: int, data: bytes, what: str = "") -> str:
        """The target's own words, one redacted line."""
        body = data[:4000].decode("utf-8", "replace")
        if body.lstrip()[:1] == "<":
            body = "(an HTML page)"
        return capped(self.redact(f"{method.upper()} {path.partition('?')[0]}: {status} {what} {body}"))
