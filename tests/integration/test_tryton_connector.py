"""The tryton connector against a real Tryton 8.2: what the ERP really does with our calls."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest

from connectors.tryton.connector import TrytonConnector
from connectors.tryton.paper import CANCEL, CREATE
from hub.connector.answers import Receipt, RefusedByTarget, Unauthorized
from hub.connector.base import ActCall, Connection, ObjectRef
from hub.connector.http import Http
from hub.model.action import next_call
from tests.tryton_server import Tryton

pytestmark = [pytest.mark.real_server, pytest.mark.asyncio(loop_scope="function")]


def connect(tryton: Tryton, login: str = "buyer", **settings: Any) -> TrytonConnector:
    known = {"url": tryton.url, "database": tryton.database, "allow": [tryton.url], **settings}
    connection = Connection("erp", known, {"key": (tryton.keys.get(login, login),)})
    return TrytonConnector(connection, Http.of(connection))


@contextlib.asynccontextmanager
async def opened(connector: TrytonConnector) -> AsyncIterator[TrytonConnector]:
    try:
        yield connector
    finally:
        await connector.http.close()


@pytest.fixture
async def erp(tryton: Tryton) -> AsyncIterator[TrytonConnector]:
    async with opened(connect(tryton)) as connector:
        yield connector


@pytest.fixture
def reference(request: pytest.FixtureRequest) -> str:
    return sha256(request.node.nodeid.encode()).hexdigest()


def line(
    product: str = "LAPTOP-14", quantity: str = "2", price: str = "1234.56", currency: str = "CNY"
) -> dict[str, Any]:
    return {"product": product, "quantity": quantity, "unit_price": {"amount": price, "currency": currency}}


def payload(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    known = {"title": "OPS-41 试点 Pilot line", "requester": "E1002", "needed_by": "2026-03-05"}
    return {**known, **fields, "lines": list(lines) or [line()]}


async def call(
    erp: TrytonConnector, name: str, reference: str, sent: dict[str, Any], remote: str = "", action: str = CREATE
) -> Receipt:
    return await erp.act(ActCall(action, name, f"key-{name}", reference, sent, remote))


async def create(erp: TrytonConnector, reference: str, *lines: dict[str, Any], **fields: Any) -> Receipt:
    return await call(erp, "create", reference, payload(*lines, **fields))


async def test_three_calls_lead_to_an_approved_requisition_each_chosen_from_the_state(
    erp: TrytonConnector, reference: str
) -> None:
    action = erp.spec.action(CREATE)
    assert action is not None
    made, remote, state = [], "", None
    while step := next_call(action, state):
        receipt = await call(erp, step.name, reference, payload(), remote)
        made.append(step.name)
        found = await erp.read(ObjectRef(CREATE, receipt.remote_id))
        assert found is not None
        remote, state = receipt.remote_id, found.state
    assert made == ["create", "wait", "approve"]
    assert state in ("approved", "processing")


async def test_the_document_reads_back_as_it_was_asked_for_to_the_cent(erp: TrytonConnector, reference: str) -> None:
    receipt = await create(erp, reference, line(), line("CABLE-M", "2.5", "0.3333"))
    found = await erp.read(ObjectRef(CREATE, receipt.remote_id))
    assert found is not None
    assert found.document == {
        "number": receipt.number,
        "state": "draft",
        "external_ref": reference,
        "title": "OPS-41 试点 Pilot line",
        "requester": "E1002",
        "needed_by": "2026-03-05",
        "total": {"amount": "2469.95", "currency": "CNY"},
        "lines": [
            {**line(), "amount": {"amount": "2469.12", "currency": "CNY"}},
            {**line("CABLE-M", "2.5", "0.3333"), "amount": {"amount": "0.83", "currency": "CNY"}},
        ],
    }


async def test_the_same_reference_sent_again_makes_no_second_document(
    tryton: Tryton, erp: TrytonConnector, reference: str
) -> None:
    first = await create(erp, reference)
    assert await create(erp, reference) == first
    assert len(tryton.requisitions(reference)) == 1


async def test_a_reference_is_found_whole_or_not_at_all(erp: TrytonConnector, reference: str) -> None:
    receipt = await create(erp, reference)
    found = await erp.find(CREATE, reference, payload())
    assert found is not None
    assert found.remote_id == receipt.remote_id
    for other in (reference[:-1], reference[1:], reference.upper(), reference[:-1] + "_", "%"):
        assert await erp.find(CREATE, other, payload()) is None


async def test_a_requisition_is_found_by_the_number_people_see(erp: TrytonConnector, reference: str) -> None:
    receipt = await create(erp, reference)
    found = await erp.find_number(CREATE, receipt.number)
    assert found is not None
    assert found.remote_id == receipt.remote_id
    assert await erp.find_number(CREATE, "no such number") is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"lines": [line("NO-SUCH"), line()]}, "product 'NO-SUCH' is not known"),
        ({"requester": "E9999"}, "employee 'E9999' is not known"),
        ({"lines": [line(currency="XTS")]}, "currency 'XTS' is not known"),
        ({"lines": [line(), line(currency="EUR")]}, "one currency, these lines have CNY, EUR"),
        ({"lines": [line(quantity="1.5")]}, "digits"),
        ({"lines": [line(price="1.23456")]}, "digits"),
        ({"lines": [line(quantity="12345678901.123456")]}, "keeps 15 digits"),
    ],
    ids=["product", "employee", "currency", "two-currencies", "half-a-laptop", "price-digits", "quantity-digits"],
)
async def test_what_tryton_cannot_take_is_refused_in_words_and_leaves_nothing(
    tryton: Tryton, erp: TrytonConnector, reference: str, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(RefusedByTarget, match=words):
        await call(erp, "create", reference, {**payload(), **wrong})
    assert tryton.requisitions(reference) == []


async def test_a_button_pressed_twice_is_taken_as_done(erp: TrytonConnector, reference: str) -> None:
    receipt = await create(erp, reference)
    for name in ("wait", "wait", "approve", "approve"):
        again = await call(erp, name, reference, payload(), receipt.remote_id)
        assert again.remote_id == receipt.remote_id


async def test_a_user_without_the_right_to_approve_is_refused_in_tryton_s_words(
    tryton: Tryton, erp: TrytonConnector, reference: str
) -> None:
    async with opened(connect(tryton, "clerk")) as clerk:
        receipt = await create(clerk, reference, requester="E1001")
        await call(clerk, "wait", reference, payload(), receipt.remote_id)
        with pytest.raises(RefusedByTarget, match=r"approve.*is not allowed.*is waiting"):
            await call(clerk, "approve", reference, payload(), receipt.remote_id)


async def test_a_user_asks_only_in_the_own_name_unless_tryton_lets_it_approve(tryton: Tryton, reference: str) -> None:
    async with opened(connect(tryton, "clerk")) as clerk:
        with pytest.raises(RefusedByTarget, match="Own requisition"):
            await create(clerk, reference, requester="E1002")


async def test_a_cancelled_requisition_is_not_submitted(erp: TrytonConnector, reference: str) -> None:
    receipt = await create(erp, reference)
    await call(erp, "cancel", "other", {"id": receipt.remote_id}, action=CANCEL)
    with pytest.raises(RefusedByTarget, match="is cancelled"):
        await call(erp, "wait", reference, payload(), receipt.remote_id)


async def test_a_waiting_requisition_is_taken_back_and_cancelled(erp: TrytonConnector, reference: str) -> None:
    receipt = await create(erp, reference)
    await call(erp, "wait", reference, payload(), receipt.remote_id)
    undo = {"id": receipt.remote_id, "why": "not needed"}
    before = await erp.find(CANCEL, "undo", undo)
    states = [(await call(erp, name, "undo", undo, action=CANCEL)).state for name in ("draft", "cancel")]
    assert states == ["draft", "cancelled"]
    after = await erp.find(CANCEL, "undo", undo)
    assert (before and before.state, after and after.state) == ("waiting", "cancelled")
    assert after is not None
    assert after.document is not None
    assert after.document["external_ref"] is None


async def test_what_is_not_there_reads_as_nothing(erp: TrytonConnector) -> None:
    assert await erp.read(ObjectRef(CREATE, "999999")) is None
    assert await erp.read(ObjectRef(CREATE, "../res.user/1")) is None


async def test_a_probe_says_what_is_wrong(tryton: Tryton) -> None:
    for connector, ok, words in (
        (connect(tryton), True, "accepts the key"),
        (connect(tryton, "no such key"), False, "401"),
        (connect(tryton, database="nowhere"), False, "nowhere"),
        (connect(tryton, company="Nobody Ltd"), False, "Nobody Ltd"),
        (connect(tryton, company="Example Instruments Ltd", warehouse="WH"), True, "accepts"),
        (connect(tryton, url="http://127.0.0.1:1", allow=["http://127.0.0.1:1"]), False, "127.0.0.1"),
    ):
        async with opened(connector):
            probe = await connector.probe()
        assert (probe.ok, words in probe.detail) == (ok, True), probe


async def test_a_wrong_key_pauses_instead_of_refusing_each_document(tryton: Tryton, reference: str) -> None:
    async with opened(connect(tryton, "no such key")) as connector:
        with pytest.raises(Unauthorized):
            await create(connector, reference)
