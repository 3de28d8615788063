"""What the friendly twins of source systems share: kept objects, deliveries fed by the hub, a process to run.

A twin stands in for a system in demos and tests: it answers reads with the newest thing the deliveries told. It is
a server of its own and knows nothing of the hub but two addresses under ``/_twin``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import orjson
from aiohttp import web

from hub.connector.http import as_numbers
from hub.model.clock import Micros
from hub.model.record import Json
from hub.model.source_json import parse

_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
BODY_BYTES_MAX = 64 * 1024 * 1024
_TABLES = """
CREATE TABLE IF NOT EXISTS object (kind TEXT, id TEXT, parent TEXT, at INTEGER, body BLOB, PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS object_parent ON object (kind, parent, at);
CREATE TABLE IF NOT EXISTS fed (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER);
INSERT OR IGNORE INTO fed VALUES (1, 0);
"""


def _wall_clock() -> Micros:
    return time.time_ns() // 1000


class Shelf:
    """Kept objects by kind and id, each with a parent and a time; survives a restart where it has a file."""

    def __init__(self, file: Path | None = None, clock: Callable[[], Micros] = _wall_clock) -> None:
        self.now = clock
        self._db = sqlite3.connect(str(file) if file else ":memory:", isolation_level=None)
        if file:
            self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        self._db.executescript(_TABLES)

    def get(self, kind: str, source: str) -> Json:
        """The object, or None."""
        row = self._db.execute("SELECT body FROM object WHERE kind = ? AND id = ?", (kind, source)).fetchone()
        return None if row is None else parse(row[0])

    def all(self, kind: str, parent: str | None = None) -> list[Json]:
        """All objects of a kind (under a parent), oldest first."""
        where, values = ("", (kind,)) if parent is None else (" AND parent = ?", (kind, parent))
        rows = self._db.execute(f"SELECT body FROM object WHERE kind = ?{where} ORDER BY at, id", values)
        return [parse(row[0]) for row in rows]

    def put(self, kind: str, source: str, body: Json, at: Micros = 0, parent: str = "") -> None:
        """Keep the object, in place of what was there under its id."""
        self._db.execute("REPLACE INTO object VALUES (?, ?, ?, ?, ?)", (kind, source, parent, at, dumped(body)))

    def remove(self, kind: str, source: str) -> None:
        self._db.execute("DELETE FROM object WHERE kind = ? AND id = ?", (kind, source))

    def next_number(self, kind: str, first: int) -> int:
        """A number above every one of that kind, ``first`` at least."""
        row = self._db.execute("SELECT max(CAST(id AS INTEGER)) FROM object WHERE kind = ?", (kind,)).fetchone()
        return max(first, int(row[0] or 0) + 1)

    @property
    def position(self) -> int:
        """The last position of the hub's log that was fed."""
        return int(self._db.execute("SELECT position FROM fed").fetchone()[0])

    def feed(self, deliveries: list[Json], take: Callable[[bytes, Mapping[str, str]], None]) -> int:
        """Take deliveries above ``position`` in their order, all or none of them."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for delivery in sorted(deliveries, key=lambda one: int(one["position"])):
                if delivery["position"] > self.position:
                    self._take(delivery, take)
                    self._db.execute("UPDATE fed SET position = ?", (delivery["position"],))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return self.position

    def _take(self, delivery: Mapping[str, Json], take: Callable[[bytes, Mapping[str, str]], None]) -> None:
        """One delivery; a body no object of the system can have is left out and said, it must not block the rest."""
        self._db.execute("SAVEPOINT one")
        try:
            take(base64.b64decode(delivery["body_base64"]), delivery.get("headers") or {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._db.execute("ROLLBACK TO one")
            print(f"delivery {delivery['position']} is not understood: {error!r}", file=sys.stderr, flush=True)
        self._db.execute("RELEASE one")

    def close(self) -> None:
        self._db.close()


def dumped(body: Json) -> bytes:
    """JSON bytes; numbers keep their digits."""
    return orjson.dumps(body, default=as_numbers)


@web.middleware
async def own_pages_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A twin has no users, so a page of somebody else that is open in a browser here must not order it about."""
    origin = request.headers.get("Origin")
    if origin is not None and (origin != str(request.url.origin()) or request.url.host not in _THIS_MACHINE):
        return answer({"error": f"{origin} is not this system"}, 403)
    return await handler(request)


def answer(body: Json, status: int = 200) -> web.Response:
    return web.Response(body=dumped(body), status=status, content_type="application/json")


async def asked(request: web.Request) -> dict[str, Json]:
    """The JSON object of a request, empty where there is none."""
    given = parse(await request.read() or b"{}")
    return given if isinstance(given, dict) else {}


def add_feed(app: web.Application, shelf: Shelf, take: Callable[[bytes, Mapping[str, str]], None]) -> None:
    """The two addresses through which the hub brings a twin up to date."""

    async def deliveries(request: web.Request) -> web.Response:
        given = parse(await request.read())
        if not isinstance(given, list):
            return answer({"error": "a list of {position, headers, body_base64} is needed"}, 400)
        return answer({"position": shelf.feed(given, take)})

    async def position(request: web.Request) -> web.Response:
        return answer({"position": shelf.position})

    async def close(app: web.Application) -> None:
        shelf.close()

    app.middlewares.append(own_pages_only)
    app.router.add_post("/_twin/deliveries", deliveries)
    app.router.add_get("/_twin/position", position)
    app.on_cleanup.append(close)


async def serve(app: web.Application, port: int, ready: Path | None, title: str) -> None:
    """Serve on this machine only, until SIGTERM or SIGINT."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    if ready is not None:
        partial = ready.with_suffix(".partial")
        partial.write_bytes(orjson.dumps({"url": url, "pid": os.getpid()}))
        partial.replace(ready)
    print(f"{title} at {url}", file=sys.stderr, flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()


def run(make_app: Callable[[Path | None], web.Application], title: str, arguments: list[str] | None = None) -> None:
    """The command line every twin has."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--state", type=Path, help="SQLite file; without it nothing is kept")
    parser.add_argument("--ready-file", type=Path, help="gets {url, pid} as JSON once it listens")
    given = parser.parse_args(arguments)
    asyncio.run(serve(make_app(given.state), given.port, given.ready_file, title))
