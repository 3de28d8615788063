"""The built-in ERP as a server: ``python -m connectors.erp.twin --port 0 --state erp.db --ready-file erp.json``.

JSON REST under ``/api/``, a page for people under ``/``, orders to misbehave under ``/_twin/``. Only on
127.0.0.1: it has no users. ``--ready-file`` gets ``{"url", "pid"}`` once it listens.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from connectors.erp.behaviour import Moods
from connectors.erp.books import KINDS, MASTERS, Books, Refused, Row
from connectors.erp.happenings import INVOICE_MOVES, PREFIXES, Happenings
from connectors.erp.page import detail_page, overview_page
from hub.connector.twin import own_pages_only

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BOOKS: web.AppKey[Books] = web.AppKey("books")
MOODS: web.AppKey[Moods] = web.AppKey("moods")
HAPPENINGS: web.AppKey[Happenings] = web.AppKey("happenings")
BODY_BYTES_MAX = 1024 * 1024
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""What people typed stands in these pages: escaped, and should that ever fail, nothing of it runs."""


def make_app(state: Path | None = None, *, strict: bool = False) -> web.Application:
    """The ERP over a state file (None: in memory). ``strict``: codes must exist as master data."""
    app = web.Application(middlewares=[own_pages_only, _misbehave, _refusals], client_max_size=BODY_BYTES_MAX)
    app[BOOKS], app[MOODS] = Books(state, strict=strict), Moods()
    app[HAPPENINGS] = Happenings(app[BOOKS])
    app.on_cleanup.append(_close)
    kinds, masters, lists, moves = "|".join(KINDS), "|".join(MASTERS), "|".join(PREFIXES), "|".join(INVOICE_MOVES)
    app.add_routes(
        [
            web.get("/", _overview),
            web.get("/documents/{number}", _detail),
            web.get("/api/ping", _ping),
            web.get("/api/_count", _count),
            web.get("/api/_counts", _counts),
            web.post(f"/api/{{kind:{kinds}}}", _create),
            web.get(f"/api/{{kind:{kinds}}}", _list),
            web.get(f"/api/{{kind:{kinds}}}/{{name}}", _show),
            web.post(f"/api/{{kind:{kinds}}}/{{name}}/cancel", _cancel),
            web.get(f"/api/{{list:{lists}}}", _changed),
            web.get(f"/api/{{list:{lists}}}/{{name}}", _happened),
            web.post("/api/goods_receipts", _receive),
            web.post("/api/invoices", _invoice),
            web.post(f"/api/invoices/{{name}}/{{verb:{moves}}}", _move_invoice),
            web.post("/api/projects", _open_project),
            web.patch("/api/projects/{name}", _edit_project),
            web.get(f"/api/{{master:{masters}}}", _masters),
            web.post(f"/api/{{master:{masters}}}", _add_master),
            web.get(f"/api/{{master:{masters}}}/{{code}}", _master),
            web.post("/_twin/behave", _behave),
            web.post("/_twin/edit", _edit),
        ]
    )
    return app


async def _close(app: web.Application) -> None:
    app[BOOKS].close()


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json", headers=headers)


@web.middleware
async def _misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
    moods, method, path = request.app[MOODS], request.method, request.path
    if not moods.behaviours or path.startswith("/_twin/"):
        return await handler(request)
    slow = moods.slow_ms(method, path)
    if slow:
        await asyncio.sleep(slow / 1000)
    failing = moods.take("fail", method, path)
    if failing is not None:
        return web.Response(status=failing.status, text='{"error": "told to fail"}', headers=dict(failing.headers))
    answer = await handler(request)
    if moods.take("lose_answer", method, path) is not None and request.transport is not None:
        request.transport.abort()
    if moods.take("html", method, path) is not None:
        return web.Response(text="<!doctype html><title>ERP</title><p>Please sign in", content_type="text/html")
    return _json({"state": "ok"}) if moods.take("no_id", method, path) is not None else answer


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        body: Row = {"error": str(refused)}
        if refused.existing is not None:
            body["existing"] = refused.existing["number"]
        return _json(body, refused.status)


async def _body(request: web.Request) -> Any:
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise Refused(f"the body is not JSON: {error}", 400) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(request: web.Request, row: Row) -> Row:
    return {**row, "url": f"{request.url.origin()}/documents/{row['number']}"}


async def _create(request: web.Request) -> web.Response:
    body = await _body(request)
    key = request.headers.get("Idempotency-Key", "")
    alter = request.app[MOODS].alter(request.method, request.path)
    row, new = request.app[BOOKS].create(request.match_info["kind"], body, key, _now(), alter)
    return _json(_shown(request, row), 201 if new else 200)


async def _list(request: web.Request) -> web.Response:
    books, path = request.app[BOOKS], request.match_info["kind"]
    reference, after = request.query.get("external_ref"), request.query.get("after")
    if after is not None:
        rows = books.after(path, after)
    else:
        rows = books.listed(path) if reference is None else books.by_reference(path, reference)
    return _json({"items": [_shown(request, row) for row in rows]})


async def _show(request: web.Request) -> web.Response:
    row = request.app[BOOKS].document(request.match_info["kind"], request.match_info["name"])
    if row is None:
        raise Refused(f"there is no document {request.match_info['name']}", 404)
    return _json(_shown(request, row))


async def _cancel(request: web.Request) -> web.Response:
    body = await _body(request)
    reference = body.get("external_ref") if isinstance(body, dict) else None
    row = request.app[BOOKS].cancel(request.match_info["kind"], request.match_info["name"], reference)
    return _json(_shown(request, row))


async def _changed(request: web.Request) -> web.Response:
    query = request.query
    limit = int(query["limit"]) if query.get("limit", "").isdigit() else 100
    rows, after = request.app[HAPPENINGS].listed(
        request.match_info["list"], query.get("changed_since", ""), query.get("after", ""), limit
    )
    return _json({"items": rows, "next": after})


async def _happened(request: web.Request) -> web.Response:
    return _json(request.app[HAPPENINGS].must(request.match_info["list"], request.match_info["name"]))


async def _receive(request: web.Request) -> web.Response:
    return _json(request.app[HAPPENINGS].receive(await _body(request), _now()), 201)


async def _invoice(request: web.Request) -> web.Response:
    return _json(request.app[HAPPENINGS].invoice(await _body(request), _now()), 201)


async def _move_invoice(request: web.Request) -> web.Response:
    name, verb = request.match_info["name"], request.match_info["verb"]
    return _json(request.app[HAPPENINGS].move_invoice(name, verb, _now()))


async def _open_project(request: web.Request) -> web.Response:
    return _json(request.app[HAPPENINGS].open_project(await _body(request), _now()), 201)


async def _edit_project(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    return _json(request.app[HAPPENINGS].edit_project(name, await _body(request), _now()))


async def _masters(request: web.Request) -> web.Response:
    return _json({"items": request.app[BOOKS].masters(request.match_info["master"])})


async def _master(request: web.Request) -> web.Response:
    found = request.app[BOOKS].master(request.match_info["master"], request.match_info["code"])
    if found is None:
        raise Refused(f"there is no {MASTERS[request.match_info['master']]} {request.match_info['code']}", 404)
    return _json(found)


async def _add_master(request: web.Request) -> web.Response:
    return _json(request.app[BOOKS].add_master(request.match_info["master"], await _body(request)), 201)


async def _ping(request: web.Request) -> web.Response:
    return _json({"system": "projops built-in ERP", "documents": sum(request.app[BOOKS].per_kind().values())})


async def _count(request: web.Request) -> web.Response:
    reference = request.query.get("reference", "")
    return _json({"reference": reference, "count": request.app[BOOKS].counts().get(reference, 0)})


async def _counts(request: web.Request) -> web.Response:
    books = request.app[BOOKS]
    return _json({"references": books.counts(), "documents": books.per_kind()})


async def _edit(request: web.Request) -> web.Response:
    """A person changes a document at the ERP's own screen: ``{"number": …, "set": {…}}``."""
    order = await _body(request)
    return _json(_shown(request, request.app[BOOKS].edit(str(order.get("number")), dict(order.get("set") or {}))))


async def _behave(request: web.Request) -> web.Response:
    order = await _body(request)
    try:
        request.app[MOODS].add(order)
    except (ValueError, TypeError, AttributeError) as error:
        raise Refused(str(error)) from error
    request.app[BOOKS].keys = not order.get("no_keys", False)
    return _json({"behaviours": len(request.app[MOODS].behaviours)})


def _language(request: web.Request) -> str:
    wanted = request.query.get("lang") or request.headers.get("Accept-Language") or ""
    return "zh" if wanted.lower().startswith("zh") else "en"


def _page(html: str) -> web.Response:
    return web.Response(text=html, content_type="text/html", headers=PAGE_HEADERS)


async def _overview(request: web.Request) -> web.Response:
    return _page(overview_page(request.app[BOOKS], _language(request)))


async def _detail(request: web.Request) -> web.Response:
    row = request.app[BOOKS].numbered(request.match_info["number"])
    if row is None:
        raise Refused(f"there is no document {request.match_info['number']}", 404)
    return _page(detail_page(row, _language(request)))


async def serve(app: web.Application, port: int, ready: Path | None) -> None:
    """Serve until SIGTERM or SIGINT."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    if ready is not None:
        partial = ready.with_suffix(".partial")
        partial.write_bytes(orjson.dumps({"url": url, "pid": os.getpid()}))
        partial.replace(ready)
    print(f"built-in ERP at {url}", file=sys.stderr, flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="connectors.erp.twin", description="The hub's built-in ERP.")
    parser.add_argument("--port", type=int, default=8069, help="0 picks a free one")
    parser.add_argument("--state", type=Path, help="SQLite file; without it nothing is kept")
    parser.add_argument("--ready-file", type=Path, help="gets {url, pid} as JSON once it listens")
    codes = parser.add_mutually_exclusive_group()
    codes.add_argument("--strict", action="store_true", help="employees, products and budgets must exist")
    codes.add_argument("--lenient", dest="strict", action="store_false", help="any code is taken (default)")
    given = parser.parse_args(arguments)
    asyncio.run(serve(make_app(given.state, strict=given.strict), given.port, given.ready_file))


if __name__ == "__main__":
    main()
