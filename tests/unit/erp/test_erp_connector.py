"""The built-in ERP passes the SDK's action suite, for every kind of document it makes."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from connectors.erp.connector import ErpConnector
from connectors.erp.twin import make_app
from hub.connector.answers import AlreadyThere, ReadFailed
from hub.connector.base import ActCall, Connector, ObjectRef
from hub.connector.suite import ActionSuite


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


REQUISITION = {
    "title": "OPS-41 激光切割",
    "requester": "E1001",
    "needed_by": "2026-03-01",
    "lines": [
        {"product": "LASER-CUT-40", "quantity": "2", "unit_price": money("1234.50")},
        {"product": "PCB-4L", "quantity": "1.5", "unit_price": money("0.10")},
    ],
}


class ErpSuite(ActionSuite):
    connector = ErpConnector
    secrets = {"api_token": ("t0ken-of-the-erp",)}

    def app(self) -> web.Application:
        return make_app()

    async def count(self, connector: Connector, reference: str) -> int | None:
        answer = await connector.http.read("/api/_count", params={"reference": reference})
        return answer.json["count"] if answer else None


class TestRequisition(ErpSuite):
    action, payload = "purchase_requisition.create", REQUISITION
    bad_payload = {**REQUISITION, "lines": []}

    async def test_the_erp_totals_by_itself(self) -> None:
        async with self.talking() as (connector, _):
            receipt = await connector.act(self.call())
            found = await connector.read(ObjectRef(self.action, receipt.number))
            assert found is not None
            assert found.document is not None
            assert found.document["total"] == money("2469.15")
            assert receipt.number.startswith("PR-")
            assert found.url.endswith(receipt.number)

    async def test_a_used_reference_under_another_key_is_already_there(self) -> None:
        async with self.talking() as (connector, _):
            await connector.act(self.call())
            spec_call = ActCall(self.action, "create", "other-key", "key-a", self.payload)
            with pytest.raises(AlreadyThere):
                await connector.act(spec_call)

    async def test_without_its_memory_two_sends_are_two_documents(self) -> None:
        async with self.talking() as (connector, _):
            await connector.http.write("POST", "/_twin/behave", json={"no_keys": True})
            await connector.act(self.call())
            await connector.act(self.call())
            assert await self.count(connector, "key-a") == 2

    async def test_cancelling_is_found_by_its_own_reference(self) -> None:
        async with self.talking() as (connector, _):
            receipt = await connector.act(self.call())
            cancel = ActCall("purchase_requisition.cancel", "cancel", "undo", "undo", {"id": receipt.remote_id})
            assert (await connector.act(cancel)).state == "cancelled"
            found = await connector.find("purchase_requisition.cancel", "undo", cancel.payload)
            assert found is not None
            assert found.document is not None
            assert found.document["external_ref"] == "undo"
            assert await self.count(connector, "key-a") == 0

    async def test_a_document_of_another_id_is_never_taken_for_the_one_asked(self) -> None:
        async with self.talking() as (connector, meddler):
            receipt = await connector.act(self.call())
            meddler.plan("body", body=b'{"id": "77", "number": "PR-2026-0077"}')
            with pytest.raises(ReadFailed):
                await connector.read(ObjectRef(self.action, receipt.remote_id))


class TestReimbursement(ErpSuite):
    action = "reimbursement.create"
    payload = {"employee": "E1002", "amount": money("88.80"), "text": "taxi"}
    bad_payload = {"employee": "E1002", "amount": money("-1"), "text": "taxi"}


class TestAsset(ErpSuite):
    action = "asset.create"
    payload = {"name": "laser cutter", "category": "equipment", "value": money("52000.00"), "in_use": "2026-02-01"}
    bad_payload = {**payload, "in_use": "soon"}


class TestSettlement(ErpSuite):
    action = "settlement.create"
    payload = {"budget": "EVT-2026", "amount": money("1000.00"), "text": "booth"}
    bad_payload = {**payload, "amount": {"amount": "12,345.60", "currency": "CNY"}}

    async def test_the_budget_says_what_it_has_left(self) -> None:
        async with self.talking() as (connector, _):
            await connector.act(self.call("a"))
            receipt = await connector.act(self.call("b"))
            found = await connector.read(ObjectRef(self.action, receipt.remote_id))
            assert found is not None
            assert found.document is not None
            assert found.document["remaining"] == money("498000.00")


@pytest.mark.parametrize(
    ("order", "answer"),
    [({"fail": 1, "status": 503}, 503), ({"html": 1}, 200), ({"no_id": 1}, 200)],
)
async def test_the_twin_misbehaves_as_told_and_only_so_often(
    order: dict[str, Any], answer: int, aiohttp_client_of: Any
) -> None:
    client = await aiohttp_client_of(make_app())
    await client.post("/_twin/behave", json={"path": "/api/reimbursements", **order})
    body = TestReimbursement.payload
    first = await client.post("/api/reimbursements", json=body)
    again = await client.post("/api/reimbursements", json=body)
    assert first.status == answer
    assert again.status == 201


async def test_documents_survive_a_restart(tmp_path: Any, aiohttp_client_of: Any) -> None:
    body = {**TestReimbursement.payload, "external_ref": "r1"}
    first = await aiohttp_client_of(make_app(tmp_path / "erp.db"))
    made = await (await first.post("/api/reimbursements", json=body, headers={"Idempotency-Key": "k"})).json()
    await first.close()
    second = await aiohttp_client_of(make_app(tmp_path / "erp.db"))
    again = await (await second.post("/api/reimbursements", json=body, headers={"Idempotency-Key": "k"})).json()
    assert again["number"] == made["number"]
    assert (await (await second.get("/api/_counts")).json())["references"] == {"r1": 1}
    following = await (await second.post("/api/reimbursements", json=TestReimbursement.payload)).json()
    assert following["number"].endswith("0002")


async def test_strict_books_refuse_codes_they_do_not_know(aiohttp_client_of: Any) -> None:
    client = await aiohttp_client_of(make_app(strict=True))
    refused = await client.post("/api/reimbursements", json={**TestReimbursement.payload, "employee": "E9"})
    assert refused.status == 422
    await client.post("/api/employees", json={"code": "E9", "name": "new"})
    taken = await client.post("/api/reimbursements", json={**TestReimbursement.payload, "employee": "E9"})
    assert taken.status == 201


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_page_shows_documents_and_escapes_what_people_wrote(language: str, aiohttp_client_of: Any) -> None:
    client = await aiohttp_client_of(make_app())
    body = {**TestReimbursement.payload, "text": "<script>alert(1)</script>"}
    made = await (await client.post("/api/reimbursements", json=body)).json()
    for path in ("/", f"/documents/{made['number']}"):
        text = await (await client.get(path, params={"lang": language})).text()
        assert made["number"] in text
        assert "¥88.80" in text
        assert "<script>" not in text
