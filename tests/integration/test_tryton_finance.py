"""Reimbursements and fixed assets in a real Tryton: made, posted, read back, found, taken back, and never doubled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from connectors.tryton.connector import TrytonConnector
from hub.connector.answers import Receipt, RefusedByTarget
from hub.connector.base import ActCall, Connection, ObjectRef
from hub.connector.http import Http
from hub.model.action import next_call
from tests.tryton_server import Tryton

pytestmark = pytest.mark.real_server
REIMBURSEMENT = {
    "employee": "E1003",
    "amount": {"amount": "1234.56", "currency": "CNY"},
    "text": "出差 trip to the supplier",
}
ASSET = {
    "name": "Pilot line 试点产线",
    "category": "equipment",
    "value": {"amount": "36000.00", "currency": "CNY"},
    "in_use": "2026-01-31",
}


@pytest.fixture
async def erp(tryton: Tryton) -> AsyncIterator[TrytonConnector]:
    settings = {"url": tryton.url, "database": tryton.database, "allow": [tryton.url]}
    connection = Connection("erp", settings, {"key": (tryton.keys["buyer"],)})
    http = Http.of(connection)
    yield TrytonConnector(connection, http)
    await http.close()


async def made(erp: TrytonConnector, action: str, reference: str, payload: Mapping[str, Any]) -> Receipt:
    """Every call of an action, the next chosen by the state read, as the host does."""
    spec = erp.spec.action(action)
    assert spec is not None
    receipt, state = Receipt(str(payload.get("id", ""))), None if action.endswith(".create") else "posted"
    for _ in range(9):
        call = next_call(spec, state)
        if call is None:
            return receipt
        remote = "" if state is None else receipt.remote_id
        receipt = await erp.act(ActCall(action, call.name, reference, reference, payload, remote))
        state = receipt.state
    raise AssertionError(f"{action} never ends: {state}")


async def document(erp: TrytonConnector, action: str, receipt: Receipt) -> Mapping[str, Any]:
    found = await erp.read(ObjectRef(action, receipt.remote_id))
    assert found is not None
    assert found.document is not None
    return found.document


async def test_a_reimbursement_is_a_posted_invoice_of_the_employee(erp: TrytonConnector) -> None:
    receipt = await made(erp, "reimbursement.create", "pay-1", REIMBURSEMENT)
    read = await document(erp, "reimbursement.create", receipt)
    assert {name: read[name] for name in REIMBURSEMENT} == REIMBURSEMENT
    assert (read["state"], read["external_ref"]) == ("posted", "pay-1")
    assert receipt.number
    assert read["number"] == receipt.number


async def test_a_posted_reimbursement_is_told_by_the_invoice_stream_as_its_own_document(erp: TrytonConnector) -> None:
    receipt = await made(erp, "reimbursement.create", "pay-2", REIMBURSEMENT)
    found = await erp.read(ObjectRef("invoice", receipt.remote_id))
    assert found is not None
    assert found.body is not None
    (record,) = erp.decode({}, found.body).records
    assert (record.data["of"], record.data["state"]) == (receipt.remote_id, "posted")
    assert record.data["total"] == REIMBURSEMENT["amount"]


async def test_a_reimbursement_is_taken_back_by_a_cancelled_invoice(erp: TrytonConnector) -> None:
    receipt = await made(erp, "reimbursement.create", "pay-3", REIMBURSEMENT)
    await made(erp, "reimbursement.cancel", "pay-3-undo", {"id": receipt.remote_id})
    assert (await document(erp, "reimbursement.create", receipt))["state"] == "cancelled"


async def test_an_asset_runs_from_its_first_day_and_is_written_off_over_its_months(
    erp: TrytonConnector, tryton: Tryton
) -> None:
    receipt = await made(erp, "asset.create", "asset-1", ASSET)
    read = await document(erp, "asset.create", receipt)
    assert {name: read[name] for name in ASSET} == ASSET
    assert (read["state"], read["external_ref"]) == ("running", "asset-1")
    row = tryton.call("GET", f"account.asset/{receipt.remote_id}?f=end_date&f=lines.depreciation")
    assert row["end_date"] == {"__class__": "date", "year": 2029, "month": 1, "day": 30}
    assert len(row["lines"]) in (36, 37)  # by the month, or one more for the days of the first


async def test_an_asset_is_taken_back_to_a_draft_without_depreciation(erp: TrytonConnector, tryton: Tryton) -> None:
    receipt = await made(erp, "asset.create", "asset-2", ASSET)
    await made(erp, "asset.cancel", "asset-2-undo", {"id": receipt.remote_id})
    assert (await document(erp, "asset.create", receipt))["state"] == "draft"
    assert tryton.call("GET", f"account.asset/{receipt.remote_id}?f=lines.depreciation")["lines"] in ([], None)


@pytest.mark.parametrize(
    ("action", "payload", "words"),
    [
        ("reimbursement.create", {**REIMBURSEMENT, "employee": "E9999"}, "E9999"),
        ("asset.create", {**ASSET, "category": "SENSOR-T1"}, "depreciable"),
        ("asset.create", {**ASSET, "value": {"amount": "1", "currency": "EUR"}}, "kept in CNY"),
    ],
)
async def test_what_tryton_cannot_book_is_refused_with_words_and_nothing_is_made(
    erp: TrytonConnector, action: str, payload: dict[str, Any], words: str
) -> None:
    with pytest.raises(RefusedByTarget, match=words):
        await made(erp, action, "refused", payload)
    assert await erp.find(action, "refused", payload) is None
