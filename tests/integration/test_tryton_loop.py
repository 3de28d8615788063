"""The whole loop with a real Tryton: a project is closed in Jira, a requisition is approved, the issue is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from tests.tryton_loop import ITEMS, TOTAL, deliveries, hub, hub_json, make_workspace
from tests.tryton_server import Tryton

pytestmark = pytest.mark.real_server
SETTLES_WITHIN = "90"


@pytest.fixture
def workspace(tmp_path: Path, tryton: Tryton, request: pytest.FixtureRequest) -> Path:
    """A workspace that has received the closing of a project; nothing is decided yet.

    The project is another one in each test: they share the server, and the same project would mean the same
    effect keys, whose document the hub would rightly find there.
    """
    root = make_workspace(tmp_path / "workspace", tryton)
    project = crc32(request.node.nodeid.encode()) % 10**8 * 10
    received = hub_json(root, "ingest", "jira", deliveries(root, datetime.now(UTC), project))
    assert (received["received"], received["refused"]) == (len(ITEMS) + 1, [])
    return root


def settle(root: Path) -> dict[str, dict[str, Any]]:
    """Work until nothing is due; the effects by step."""
    settled = hub_json(root, "settle", "--timeout", SETTLES_WITHIN)
    assert settled["settled"], settled
    assert settled["waiting"] == []
    assert settled["status"]["records"]["unaccounted"] == 0
    return {effect["step"]: effect for effect in hub_json(root, "effect", "list")}


def one_approved_requisition(tryton: Tryton, effects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Tryton's own account: exactly one document carries the reference of our first call."""
    found = tryton.requisitions(f"[hub:{effects['purchase/1-create']['key']}]")
    assert len(found) == 1
    assert found[0]["state"] in ("approved", "processing")
    assert found[0]["total_amount"] == {"__class__": "Decimal", "decimal": TOTAL}
    return found[0]


def test_a_closed_project_becomes_one_approved_requisition_and_a_comment(workspace: Path, tryton: Tryton) -> None:
    effects = settle(workspace)
    assert list(effects) == ["purchase/1-create", "purchase/2-wait", "purchase/3-approve", "tell"]
    assert {effect["state"] for effect in effects.values()} == {"CONFIRMED"}
    document = one_approved_requisition(tryton, effects)
    approved = effects["purchase/3-approve"]
    assert approved["number"] == document["number"]
    assert approved["read_back"]["total"] == {"amount": TOTAL, "currency": "CNY"}
    assert effects["tell"]["payload"]["body"].endswith(document["number"])
    assert [loop["state"] for loop in hub_json(workspace, "loop", "list")] == ["done"]


@pytest.mark.crash
@pytest.mark.parametrize("boundary", ["B13", "B14", "B16", "B16:2"])
def test_a_kill_between_send_and_settle_or_between_calls_leaves_one_requisition(
    workspace: Path, tryton: Tryton, boundary: str
) -> None:
    killed = hub(workspace, "settle", "--timeout", SETTLES_WITHIN, crash_at=boundary)
    assert killed.returncode == -9, killed.stderr
    one_approved_requisition(tryton, settle(workspace))


def test_settling_again_changes_nothing_in_tryton(workspace: Path, tryton: Tryton) -> None:
    first = one_approved_requisition(tryton, settle(workspace))
    hub_json(workspace, "ingest", "jira", workspace / "closing.jsonl")
    assert one_approved_requisition(tryton, settle(workspace)) == first
