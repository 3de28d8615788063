"""The connector against its small stand-in: what the hostile profile of Tryton stands on."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.tryton.connector import TrytonConnector
from connectors.tryton.twin import BOOKS, make_app
from hub.connector.base import ActCall, Connector
from hub.connector.suite import ActionSuite, PollSuite, UpdateSuite
from hub.connector.suite.base import TalkingSuite

MONEY = {"amount": "36000.00", "currency": "CNY"}


class TrytonTalking(TalkingSuite):
    connector = TrytonConnector
    settings = {"database": "erp"}
    secrets = {"key": ("canary-5f2a-secret-value",)}

    def app(self) -> web.Application:
        return make_app()


class TwinSuite(TrytonTalking, ActionSuite):
    lookups = 1  # the POST that asks for the user's company
    read_methods = frozenset({"GET", "POST"})

    def app(self) -> web.Application:
        self.made = make_app()
        return self.made

    async def count(self, connector: Connector, reference: str) -> int | None:
        return self.made[BOOKS].counts().get(reference, 0)

    async def test_every_call_leads_on_to_the_next(self) -> None:
        spec = self.spec()
        async with self.talking() as (connector, _):
            receipt = await connector.act(self.call())
            for one in spec.calls[1:]:
                receipt = await connector.act(
                    ActCall(self.action, one.name, "k", "key-a", self.payload, receipt.remote_id)
                )
                assert receipt.state in one.done_in
            assert await self.count(connector, "key-a") == 1

    def spec(self) -> Any:
        return self.connector.spec.action(self.action)


class TestTwinRequisition(TwinSuite):
    action = "purchase_requisition.create"
    payload = {
        "title": "OPS-41",
        "requester": "E1001",
        "needed_by": "2026-06-01",
        "lines": [{"product": "SENSOR-T1", "quantity": "2.5", "unit_price": {"amount": "19.90", "currency": "CNY"}}],
    }


class TestTwinReimbursement(TwinSuite):
    action = "reimbursement.create"
    payload = {"employee": "E1001", "amount": MONEY, "text": "taxi"}
    lookups = 2  # and the one that asks for Tryton's day


class TestTwinAsset(TwinSuite):
    action = "asset.create"
    payload = {"name": "cutter", "category": "equipment", "value": MONEY, "in_use": "2026-01-31"}
    bad_payload = {**payload, "value": {"amount": "1", "currency": "EUR"}}


def projects(count: int) -> web.Application:
    app = make_app()
    for number in range(count):
        app[BOOKS].create("project.work", {"name": f"Project {number}"})
    return app


class TestTwinProject(TrytonTalking, UpdateSuite):
    action, object = "project.update", "1"
    fields = {"name": "Renamed", "status": "Done"}
    other = {"name": "Renamed again"}
    refused = {"status": "no such status"}
    read_methods = frozenset({"GET", "POST"})
    lookups = 1

    def app(self) -> web.Application:
        return projects(1)


class TestTwinPoll(TrytonTalking, PollSuite):
    stream = "project"
    sources = frozenset(str(number) for number in range(1, 121))

    def app(self) -> web.Application:
        return projects(120)

    def empty_app(self) -> web.Application:
        return projects(0)
