"""The SDK's behaviour suite for writes against a real Tryton, with a meddling proxy in front of it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from connectors.tryton.connector import TrytonConnector
from connectors.tryton.paper import CREATE
from connectors.tryton.wire import packed
from hub.connector.base import Connector
from hub.connector.suite import ActionSuite
from hub.connector.suite.meddler import Meddler
from tests.tryton_proxy import proxy
from tests.tryton_server import Tryton

pytestmark = pytest.mark.real_server
PATIENCE_SECONDS = 2.0
"""A real ERP on a busy machine needs longer than the suite's stand-ins for the calls that must pass."""
REQUISITIONS = "rest/model/purchase.requisition"


def line(product: str) -> dict[str, Any]:
    return {"product": product, "quantity": "3", "unit_price": {"amount": "19.90", "currency": "CNY"}}


def asked(product: str) -> dict[str, Any]:
    return {"title": "Suite", "requester": "E1001", "needed_by": "2026-06-01", "lines": [line(product)]}


class TestTrytonActions(ActionSuite):
    connector = TrytonConnector
    settings = {"database": "erp"}
    secrets = {"key": ("a key only the proxy's client knows",)}
    action = CREATE
    payload = asked("SENSOR-T1")
    bad_payload = asked("NO-SUCH-PRODUCT")
    lookups = 1  # the POST that asks for the user's company
    read_methods = frozenset({"GET", "POST"})

    @pytest.fixture(autouse=True)
    async def _server_without_suite_documents(self, tryton: Tryton) -> None:
        type(self).tryton = tryton
        await self.forget_documents()

    async def forget_documents(self) -> None:
        """The suite uses the same references in every test; each starts without them (drafts may be deleted)."""
        params = {"d": packed([["description", "like", "%[hub:key-%"]]), "f": "id"}
        async with aiohttp.ClientSession(f"{self.tryton.url}/erp/", headers=self.headers()) as session:
            async with session.get(REQUISITIONS, params=params) as answer:
                rows = await answer.json()
            for row in rows:
                async with session.delete(f"{REQUISITIONS}/{row['id']}") as answer:
                    assert answer.status == 204, await answer.text()

    def headers(self) -> dict[str, str]:
        company = packed({"company": 1, "companies": [1]})
        return {"authorization": f"bearer {self.tryton.keys['buyer']}", "x-tryton-context": company}

    def talking(
        self, app: web.Application | None = None, total_seconds: float = 30.0
    ) -> AbstractAsyncContextManager[tuple[Connector, Meddler]]:
        return super().talking(app, max(total_seconds, PATIENCE_SECONDS))

    def app(self) -> web.Application:
        return proxy(self.tryton)

    async def count(self, connector: Connector, reference: str) -> int | None:
        return len(self.tryton.requisitions(f"[hub:{reference}]"))
