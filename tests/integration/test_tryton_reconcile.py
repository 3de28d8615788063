"""A requisition edited by hand in a real Tryton: ``hub reconcile`` tells exactly that field, and changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from tests.tryton_loop import deliveries, hub_json, make_workspace
from tests.tryton_server import Tryton

pytestmark = pytest.mark.real_server


@pytest.fixture
def closed(tmp_path: Path, tryton: Tryton, request: pytest.FixtureRequest) -> Path:
    """A workspace whose project is closed and whose requisition is approved and read back."""
    root = make_workspace(tmp_path / "workspace", tryton)
    project = crc32(request.node.nodeid.encode()) % 10**8 * 10
    hub_json(root, "ingest", "jira", deliveries(root, datetime.now(UTC), project))
    assert hub_json(root, "settle", "--timeout", "90")["settled"]
    return root


def requisition(root: Path, tryton: Tryton) -> dict[str, Any]:
    """Tryton's own record of the document."""
    (created,) = [one for one in hub_json(root, "effect", "list") if one["step"] == "purchase/1-create"]
    (found,) = tryton.requisitions(f"[hub:{created['key']}]")
    return found


def reconcile(root: Path) -> dict[str, Any]:
    (integration,) = {one["integration"] for one in hub_json(root, "effect", "list")}
    found: dict[str, Any] = hub_json(root, "reconcile", integration)
    assert found["not_asked"] == {}
    found["findings"] = [one for one in found["findings"] if one["kind"] != "stray"]  # tests share the server
    return found


def test_a_hand_edit_in_tryton_is_told_as_exactly_that_field(closed: Path, tryton: Tryton) -> None:
    before = reconcile(closed)
    assert (before["findings"], before["checked"]) == ([], 2)
    assert "tryton.purchase_requisition.create" in before["counted"]

    document = requisition(closed, tryton)
    tryton.do("amend", str(document["id"]), "2031-02-03")
    (finding,) = reconcile(closed)["findings"]
    assert (finding["kind"], finding["field"], finding["documents"]) == ("changed", "needed_by", [document["number"]])
    assert finding["now"] == "2031-02-03"
    assert finding["meant"] == finding["confirmed"] != "2031-02-03"
    assert finding["owner"]
    assert requisition(closed, tryton)["state"] == document["state"]


def test_a_second_requisition_under_our_reference_is_a_double(closed: Path, tryton: Tryton) -> None:
    tryton.do("again", str(requisition(closed, tryton)["id"]))
    found = reconcile(closed)
    assert [one["kind"] for one in found["findings"]] == ["double"]
    (health,) = hub_json(closed, "health")["integrations"]
    assert health["status"] == "action_required"
