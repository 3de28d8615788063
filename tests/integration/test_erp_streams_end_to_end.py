"""Goods that arrive in the ERP become entities of the hub, by polling alone and only where a table reads them."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from tests.integration.bad_input_stage import (
    HUB_YAML,
    RunningTwin,
    SkippingClock,
    serving,
    twins_running,
    write_workspace,
)

MAPPING = """\
integration: receipts
title: {en: Goods receipts, zh: 收货}
owner: ops@example.com
every: 5m
systems: {erp: erp}
tables:
- entity: goods_receipt
  source: erp.goods_receipt
  key: id
  label: number
  owner: purchasing
  fields:
  - {field: number, from: number}
  - {field: requisition, from: requisition}
  - {field: requisition_number, from: requisition_number}
  - {field: received_at, from: received_at, as: instant}
  - {field: complete, from: complete}
"""
ORDER = {
    "title": "OPS-41",
    "requester": "E1001",
    "needed_by": "2026-03-01",
    "lines": [{"product": "PCB-4L", "quantity": "2", "unit_price": {"amount": "10.00", "currency": "CNY"}}],
}


async def test_a_goods_receipt_is_polled_into_an_entity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_workspace(tmp_path, HUB_YAML)
    (tmp_path / "mappings" / "receipts.yaml").write_text(MAPPING, "utf-8")
    async with twins_running(tmp_path) as twins:
        monkeypatch.setattr("hub.cli.builtin.start_twins", lambda *_: [RunningTwin(*one) for one in twins.items()])
        monkeypatch.setattr("hub.cli.builtin.stop_twins", lambda _: None)
        async with aiohttp.ClientSession(twins["erp"]) as erp:
            await erp.post("/api/purchase_requisitions", json=ORDER)
            await erp.post("/api/goods_receipts", json={"requisition": "1"})
            await erp.post("/api/projects", json={"code": "P-1", "name": "read by no table"})
        async with serving(tmp_path, SkippingClock(), twins) as stage:
            found = await stage.settle()
            with stage.workspace.store.reader() as db:
                polled = [row[0] for row in db.execute("SELECT stream FROM cursor WHERE connection = 'erp'")]
                state = db.execute("SELECT key FROM entity WHERE kind = 'goods_receipt'").fetchall()
    assert found["status"]["records"]["applied"] == 1, (found, polled)
    assert polled == ["goods_receipt"]
    assert state == [("erp:1",)]
