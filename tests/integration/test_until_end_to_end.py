"""Goods received and invoices posted in the ERP finish steps: polled, matched by the document's own id."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hub.model.clock import SECOND
from tests.integration.bad_input_bodies import expense, project, purchase
from tests.integration.bad_input_stage import (
    HUB_YAML,
    ROOT,
    RunningTwin,
    SkippingClock,
    Stage,
    assert_balanced,
    serving,
    shipped,
    twins_running,
    write_workspace,
)

TABLES = """\
- entity: goods_receipt
  source: erp.goods_receipt
  key: id
  label: number
  owner: purchasing
  fields:
  - {field: number, from: number}
  - {field: requisition, from: requisition}
  - {field: complete, from: complete}
- entity: invoice
  source: erp.invoice
  key: id
  label: number
  owner: finance
  fields:
  - {field: of, from: of}
  - {field: state, from: state, values: {draft: draft, posted: posted, paid: paid, cancelled: cancelled}}
loops:
"""
RECEIVED = (
    "    until: {entity: goods_receipt, match: {goods_receipt.requisition: steps.purchase.id},"
    " when: 'goods_receipt.complete'}\n"
)
POSTED = (
    "    until: {entity: invoice, match: {invoice.of: steps.reimburse.id}, when: 'invoice.state == \"posted\"'}\n"
)


def waiting() -> dict[str, str]:
    """rd-close whose purchase ends with the goods, and whose reimbursements end with their invoices."""
    text = shipped()["rd-close.yaml"]
    text = text.replace("loops:\n", TABLES, 1)
    text = text.replace(
        "    undo: erp.purchase_requisition.cancel\n", RECEIVED + "    undo: erp.purchase_requisition.cancel\n"
    )
    return {
        "rd-close.yaml": text.replace(
            "    undo: erp.reimbursement.cancel\n", POSTED + "    undo: erp.reimbursement.cancel\n"
        )
    }


@asynccontextmanager
async def staged(
    folder: Path, patch: pytest.MonkeyPatch, mappings: dict[str, str]
) -> AsyncIterator[tuple[Stage, Any]]:
    write_workspace(folder, HUB_YAML + "  mail: {url: builtin}\n", mappings)
    async with twins_running(folder) as twins:
        patch.setattr("hub.cli.builtin.start_twins", lambda *_: [RunningTwin(*one) for one in twins.items()])
        patch.setattr("hub.cli.builtin.stop_twins", lambda _: None)
        async with aiohttp.ClientSession(twins["erp"]) as erp, serving(folder, SkippingClock(), twins) as stage:
            yield stage, erp


async def polled(stage: Stage) -> dict[str, Any]:
    """The ERP is asked again, and everything that follows is done. A round that is under way ends first: it counts
    from its end when the next one is due."""
    await stage.serving.host.idle()
    stage.clock.skip(3601 * SECOND)
    stage.serving.host.wake()
    await stage.serving.host.idle()
    return await stage.settle()


def waits(found: dict[str, Any]) -> list[str]:
    """What is waited for, limits of time apart."""
    return [one["kind"] for one in found["waiting"] if one["kind"] != "timer"]


async def test_a_closing_ends_with_the_goods_and_the_invoice_and_not_with_the_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch, waiting()) as (stage, erp):
        await stage.give(
            project(10041, "indeterminate"),
            expense(10042, 10041),
            purchase(10043, 10041),
            project(10041, "done", minutes=1),
        )
        found = await stage.settle()
        assert found["status"]["loops"] == {"running": 1}
        assert waits(found) == ["until", "until"]
        assert {one["state"] for one in await stage.effects()} == {"CONFIRMED"}
        made = {one["action"]: one["remote_id"] for one in await stage.effects()}
        await erp.post("/api/goods_receipts", json={"requisition": made["erp.purchase_requisition.create"]})
        found = await polled(stage)
        assert waits(found) == ["until"]
        await erp.post("/api/invoices", json={"of": made["erp.reimbursement.create"]})
        found = await polled(stage)
        assert_balanced(found)
        assert (found["status"]["loops"], waits(found)) == ({"done": 1}, [])
        shown = await stage.hub("loop", "show", "OPS-41")
        assert shown["steps"]["tell"] == "done"


async def test_a_closing_that_waits_for_goods_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged(tmp_path, monkeypatch, waiting()) as (stage, _):
        await stage.give(project(10041, "indeterminate"), purchase(10043, 10041), project(10041, "done", minutes=1))
        await stage.settle()
        await stage.hub("loop", "cancel", "OPS-41", "--as", "E1007", "--why", "not needed")
        found = await stage.settle()
        assert (found["status"]["loops"], waits(found)) == ({"cancelled": 1}, [])
        assert await stage.counts() == {}


async def test_the_shipped_three_way_match_waits_for_the_invoice_of_what_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "mappings" / "goods-in.yaml").read_text("utf-8")
    order = {
        "title": "OPS-41",
        "requester": "E1001",
        "needed_by": "2026-03-01",
        "lines": [{"product": "PCB-4L", "quantity": "2", "unit_price": {"amount": "10.00", "currency": "CNY"}}],
    }
    async with staged(tmp_path, monkeypatch, {"goods-in.yaml": text}) as (stage, erp):
        await erp.post("/api/purchase_requisitions", json=order)
        await erp.post("/api/goods_receipts", json={"requisition": "1"})
        found = await polled(stage)
        assert found["status"]["loops"] == {"running": 1}, found
        assert waits(found) == ["until"]
        await erp.post("/api/invoices", json={"of": "1"})
        found = await polled(stage)
        assert (found["status"]["loops"], waits(found)) == ({"done": 1}, [])
