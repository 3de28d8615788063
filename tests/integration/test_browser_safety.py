"""What a browser gets from us runs nothing, is framed by nobody, and nobody's page can order a twin about."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import connectors.erp.twin
import connectors.jira.twin
import connectors.trello.twin
from hub.intake.webhook import WebhookServer
from hub.log.port import Log

ROOT = Path(__file__).parents[2]
EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
APPS: list[Callable[[], web.Application]] = [
    connectors.erp.twin.make_app,
    connectors.jira.twin.make_app,
    connectors.trello.twin.make_app,
]


@pytest.mark.parametrize("path", ["/", "/?lang=zh", "document"])
async def test_the_erps_pages_escape_what_people_typed_and_are_shut(path: str) -> None:
    async with TestClient(TestServer(connectors.erp.twin.make_app())) as client:
        body = {"employee": EVIL, "text": EVIL, "amount": {"amount": "1.00", "currency": "CNY"}, "external_ref": EVIL}
        async with client.post("/api/reimbursements", json=body) as made:
            assert made.status == 201, await made.text()
            number = (await made.json())["number"]
        async with client.get(f"/documents/{number}" if path == "document" else path) as page:
            text, headers = await page.text(), page.headers
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("make_app", APPS)
async def test_a_page_of_another_origin_cannot_order_a_twin_about(make_app: Callable[[], web.Application]) -> None:
    async with TestClient(TestServer(make_app())) as client:
        own = str(client.make_url("/").origin())
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://evil.example", "Host": "evil.example"},
        ):
            async with client.post("/_twin/behave", data=b"{}", headers=headers) as answer:
                assert answer.status == 403
            async with client.post("/_twin/deliveries", data=b"[]", headers=headers) as answer:
                assert answer.status == 403
        async with client.get("/", headers={"Origin": own}) as answer:
            assert answer.status != 403


async def test_the_intakes_pages_are_data_to_a_browser() -> None:
    class Standing:
        def now(self) -> int:
            return 0

    pages = {"/health": lambda: ("application/json", b"{}")}
    server = WebhookServer({}, cast(Log, None), Standing(), pages=pages)
    port = await server.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/health") as answer:
            assert answer.status == 200
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    finally:
        await server.stop()


def test_twins_listen_on_this_machine_only() -> None:
    """The only places that listen are known; all but the intake, which hub.yaml places, name the loopback address."""
    found = {}
    for file in [*ROOT.glob("hub/**/*.py"), *ROOT.glob("connectors/**/*.py")]:
        text = file.read_text("utf-8")
        for line in re.findall(r".*(?:TCPSite|create_server|start_server|run_app)\([^)].*", text):
            found[str(file.relative_to(ROOT)), line.strip()] = '"127.0.0.1"' in line
        assert "0.0.0.0" not in text.replace('"0.0.0.0/', ""), file
    others = {place for (place, _), loopback in found.items() if not loopback}
    assert others == {"hub/intake/webhook.py"}
    assert 'listen: str = "127.0.0.1:8700"' in (ROOT / "hub/settings.py").read_text("utf-8")
