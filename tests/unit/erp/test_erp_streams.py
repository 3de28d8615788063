"""What happens in the built-in ERP by itself: goods, invoices, projects; polled, read, and projects updated."""

from __future__ import annotations

from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from connectors.erp.books import Refused
from connectors.erp.connector import ErpConnector
from connectors.erp.happenings import Happenings
from connectors.erp.twin import BOOKS, HAPPENINGS, make_app
from hub.connector.base import ObjectRef
from hub.connector.suite import PollSuite, ReadSuite, UpdateSuite
from hub.connector.suite.base import TalkingSuite

NOW = "2026-03-02T08:00:00.000Z"
MANY = 150


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def requisition(app: web.Application, quantity: str = "2") -> dict[str, Any]:
    line = {"product": "PCB-4L", "quantity": quantity, "unit_price": money("10.00")}
    other = {"product": "SENSOR-T", "quantity": "1", "unit_price": money("5.00")}
    body = {"title": "OPS-41", "requester": "E1001", "needed_by": "2026-03-01", "lines": [line, other]}
    row, _ = app[BOOKS].create("purchase_requisitions", body, "", NOW)
    return row


def happened(count: int = 0) -> web.Application:
    app = make_app()
    for number in range(count):
        app[HAPPENINGS].open_project({"code": f"P-{number}", "name": f"Project {number}"}, NOW)
    return app


class ErpTalking(TalkingSuite):
    connector = ErpConnector
    secrets = {"api_token": ("t0ken-of-the-erp",)}


class TestPolling(ErpTalking, PollSuite):
    stream = "project"
    sources = frozenset(str(number) for number in range(1, MANY + 1))

    def app(self) -> web.Application:
        return happened(MANY)

    def empty_app(self) -> web.Application:
        return happened()

    async def test_a_row_that_changes_between_two_pages_is_told_in_its_new_form(self) -> None:
        app = self.app()
        async with self.talking(app) as (connector, _):
            first = await connector.poll("project", "")
            app[HAPPENINGS].edit_project("3", {"name": "renamed"}, "2026-03-02T08:00:01.000Z")
            rest = await connector.poll("project", first.cursor)
            names = [connector.decode({}, raw.body).records[0].data["name"] for raw in rest.deliveries]
            assert "renamed" in names
            again = await connector.poll("project", rest.cursor)
            assert self.found(connector, again.deliveries) == []

    async def test_a_row_whose_change_became_visible_late_is_still_found(self) -> None:
        app = happened(1)
        async with self.talking(app) as (connector, _):
            page = await connector.poll("project", "")
            app[HAPPENINGS].open_project({"code": "late", "name": "late"}, "2026-03-02T07:59:30.000Z")
            again = await connector.poll("project", page.cursor)
            assert self.found(connector, again.deliveries) == ["2"]


class TestReading(ErpTalking, ReadSuite):
    known = ObjectRef("project", "1")
    unknown = ObjectRef("project", "77")

    def app(self) -> web.Application:
        return happened(1)


class TestUpdate(ErpTalking, UpdateSuite):
    action, object = "project.update", "1"
    fields = {"name": "Pilot line 2", "budget": money("90000.00"), "status": "active"}
    other = {"name": "Pilot line 3"}
    refused = {"status": "half done"}

    def app(self) -> web.Application:
        return happened(1)


async def test_a_receipt_tells_for_which_requisition_and_whether_all_has_come() -> None:
    app = make_app()
    asked, happenings = requisition(app), app[HAPPENINGS]
    part = [{"product": "PCB-4L", "quantity": "1.5"}]
    first = happenings.receive({"requisition": asked["number"], "lines": part}, NOW)
    second = happenings.receive({"requisition": asked["id"]}, NOW)
    assert (first["requisition"], first["complete"]) == (asked["id"], False)
    assert (second["requisition"], second["complete"]) == (asked["id"], True)
    assert second["lines"] == [{"product": "PCB-4L", "quantity": "0.5"}, {"product": "SENSOR-T", "quantity": "1"}]
    with pytest.raises(Refused, match="arrived already"):
        happenings.receive({"requisition": asked["id"]}, NOW)
    app[BOOKS].close()


async def test_an_invoice_is_posted_paid_and_tells_its_document() -> None:
    app = make_app()
    asked, happenings = requisition(app), app[HAPPENINGS]
    draft = happenings.invoice({"of": asked["id"], "state": "draft"}, NOW)
    assert (draft["of"], draft["total"], draft["posted_at"]) == (asked["id"], money("25.00"), None)
    with pytest.raises(Refused, match="pay works from posted"):
        happenings.move_invoice(draft["id"], "pay", NOW)
    posted = happenings.move_invoice(draft["id"], "post", "2026-03-03T08:00:00.000Z")
    assert posted["posted_at"] == posted["updated_at"] == "2026-03-03T08:00:00.000Z"
    assert happenings.move_invoice(draft["id"], "pay", NOW)["state"] == "paid"
    app[BOOKS].close()


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"null", b'{"kind": "projects"}', b'{"kind": "projects", "id": 5, "updated_at": "2026-01-01"}',
     b'{"kind": "projects", "id": "5", "updated_at": "2026-01-01"}', b'{"kind": ["projects"]}', b"{"],
)  # fmt: skip
def test_a_body_that_is_no_row_is_rejected_with_a_reason(body: bytes) -> None:
    decoded = ErpConnector.decode(object.__new__(ErpConnector), {}, body)
    assert decoded.rejected is not None
    assert decoded.rejected.message


async def test_what_happens_is_no_document_of_ours_and_is_never_counted(aiohttp_client_of: Any) -> None:
    client = await aiohttp_client_of(make_app())
    order = {"title": "t", "requester": "E1", "needed_by": "2026-03-01", "external_ref": "r1"}
    line = {"product": "A", "quantity": "1", "unit_price": money("1")}
    await client.post("/api/purchase_requisitions", json={**order, "lines": [line]})
    for path, body in (("goods_receipts", {"requisition": "1"}), ("invoices", {"of": "1"})):
        answer: aiohttp.ClientResponse = await client.post(f"/api/{path}", json=body)
        assert answer.status == 201, await answer.text()
    counts = orjson.loads(await (await client.get("/api/_counts")).read())
    assert counts["references"] == {"r1": 1}
    assert sum(counts["documents"].values()) == 1


def test_happenings_survive_a_restart(tmp_path: Any) -> None:
    for name in ("A", "B"):
        app = make_app(tmp_path / "erp.db")
        happenings: Happenings = app[HAPPENINGS]
        happenings.open_project({"code": name, "name": name}, NOW)
        rows, after = happenings.listed("projects", "", "", 10)
        app[BOOKS].close()
    assert ([row["code"] for row in rows], after) == (["A", "B"], "")
