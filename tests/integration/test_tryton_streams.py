"""Projects, goods receipts and invoices polled from a real Tryton; projects updated there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

import pytest
from aiohttp import web

from connectors.tryton.connector import TrytonConnector
from connectors.tryton.paper import CREATE
from hub.connector.base import ActCall, Connection, Connector, ObjectRef
from hub.connector.http import Http
from hub.connector.suite import UpdateSuite
from hub.connector.suite.meddler import Meddler
from hub.model.record import Record
from tests.tryton_proxy import proxy
from tests.tryton_server import Tryton

pytestmark = pytest.mark.real_server
PATIENCE_SECONDS = 2.0


@pytest.fixture
async def erp(tryton: Tryton) -> AsyncIterator[TrytonConnector]:
    settings = {"url": tryton.url, "database": tryton.database, "allow": [tryton.url]}
    connection = Connection("erp", settings, {"key": (tryton.keys["buyer"],)})
    http = Http.of(connection)
    yield TrytonConnector(connection, http)
    await http.close()


def project(tryton: Tryton, name: str) -> str:
    status = tryton.call("GET", "project.work.status?f=name")
    made = tryton.call(
        "POST", "project.work", {"name": name, "type": "project", "company": 1, "status": status[0]["id"]}
    )
    return str(made["id"])


async def polled(erp: TrytonConnector, stream: str, cursor: str = "") -> tuple[list[Record], str]:
    """Every record to the last page, and the cursor there."""
    found: list[Record] = []
    for _ in range(20):
        page = await erp.poll(stream, cursor)
        for raw in page.deliveries:
            decoded = erp.decode(raw.headers, raw.body)
            assert decoded.rejected is None, decoded.rejected
            found += decoded.records
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError("polling never ends")


async def requisition(erp: TrytonConnector, reference: str) -> str:
    """A requisition of two lines, approved; its id."""
    line = {"quantity": "2", "unit_price": {"amount": "10.00", "currency": "CNY"}}
    payload = {
        "title": "Streams",
        "requester": "E1001",
        "needed_by": "2026-06-01",
        "lines": [{"product": "SENSOR-T1", **line}, {"product": "LAPTOP-14", **line}],
    }
    receipt = await erp.act(ActCall(CREATE, "create", reference, reference, payload))
    for button in ("wait", "approve"):
        await erp.act(ActCall(CREATE, button, reference, reference, payload, receipt.remote_id))
    return receipt.remote_id


async def test_projects_are_polled_once_and_again_when_they_change(erp: TrytonConnector, tryton: Tryton) -> None:
    number = project(tryton, "Pilot line")
    first, cursor = await polled(erp, "project")
    assert [one.data["name"] for one in first if one.source == number] == ["Pilot line"]
    again, cursor = await polled(erp, "project", cursor)
    assert again == []
    tryton.call("PUT", f"project.work/{number}", {"name": "Pilot line 2"})
    changed, _ = await polled(erp, "project", cursor)
    assert [(one.source, one.data["name"]) for one in changed] == [(number, "Pilot line 2")]
    assert changed[0].at > next(one.at for one in first if one.source == number)


async def test_a_project_reads_as_the_bytes_polling_brings(erp: TrytonConnector, tryton: Tryton) -> None:
    number = project(tryton, "Read")
    found = await erp.read(ObjectRef("project", number))
    assert found is not None
    assert found.body is not None
    (record,) = erp.decode({}, found.body).records
    assert (record.stream, record.source, record.data["name"]) == ("project", number, "Read")
    assert await erp.read(ObjectRef("project", "999999")) is None


async def test_goods_that_arrive_tell_their_requisition_and_when_it_is_complete(
    erp: TrytonConnector, tryton: Tryton
) -> None:
    asked = await requisition(erp, "streams-receipt")
    _, cursor = await polled(erp, "goods_receipt")
    tryton.do("buy", asked)
    tryton.do("receive", asked, "1")
    part, cursor = await polled(erp, "goods_receipt", cursor)
    mine = [one for one in part if one.data["requisition"] == asked]
    assert [(one.data["complete"], len(one.data["lines"])) for one in mine] == [(False, 1)]
    tryton.do("receive", asked)
    rest, cursor = await polled(erp, "goods_receipt", cursor)
    (last,) = [one for one in rest if one.data["requisition"] == asked]
    assert last.data["complete"] is True
    arrived = [line for one in (*mine, last) for line in one.data["lines"]]
    assert sorted(line["product"] for line in arrived) == ["LAPTOP-14", "SENSOR-T1"]
    assert {line["quantity"] for line in arrived} == {"2"}
    assert last.source.endswith(f"/{asked}")
    assert (await polled(erp, "goods_receipt", cursor))[0] == []


async def test_a_posted_invoice_tells_the_requisition_it_is_for(erp: TrytonConnector, tryton: Tryton) -> None:
    asked = await requisition(erp, "streams-invoice")
    tryton.do("buy", asked)
    drafts, cursor = await polled(erp, "invoice")
    assert [one.data["state"] for one in drafts if for_requisition(one, asked)] == ["draft"]
    tryton.do("invoice", asked)
    posted, _ = await polled(erp, "invoice", cursor)
    (mine,) = [one for one in posted if for_requisition(one, asked)]
    assert (mine.data["state"], mine.data["party"], mine.data["requisitions"]) == ("posted", "S-100", [asked])
    assert mine.data["total"]["currency"] == "CNY"
    assert mine.data["posted_on"]


def for_requisition(record: Record, number: str) -> bool:
    return (record.data["of_kind"], record.data["of"]) == ("purchase_requisition", number)


class TestTrytonProject(UpdateSuite):
    connector = TrytonConnector
    settings = {"database": "erp"}
    secrets = {"key": ("a key only the proxy's client knows",)}
    action, object = "project.update", ""
    fields = {"name": "Renamed", "comment": "what it is about"}
    other = {"name": "Renamed again"}
    refused = {"status": "no such status"}
    read_methods = frozenset({"GET", "POST"})
    lookups = 1  # the POST that asks for the user's company
    tryton: ClassVar[Tryton]

    @pytest.fixture(autouse=True)
    def _a_project(self, tryton: Tryton) -> None:
        type(self).tryton = tryton
        type(self).object = project(tryton, "Suite")

    def talking(
        self, app: web.Application | None = None, total_seconds: float = 30.0
    ) -> AbstractAsyncContextManager[tuple[Connector, Meddler]]:
        return super().talking(app, max(total_seconds, PATIENCE_SECONDS))

    def app(self) -> web.Application:
        return proxy(self.tryton)

    async def test_a_status_is_set_by_its_name(self) -> None:
        names = [row["name"] for row in self.tryton.call("GET", "project.work.status?f=name")]
        async with self.talking() as (connector, _):
            await connector.act(self.call({"status": names[-1]}))
            found = await connector.find(self.action, "a", self.payload({"status": names[-1]}))
            assert found is not None
            assert found.document is not None
            fields: dict[str, Any] = dict(found.document["fields"])
            assert fields["status"] == names[-1]
