"""An edit as an operations engineer makes it, start to end; docs/edit-session.md tells the same story."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from hub.mapping.spreadsheet_book import ROWS, VALUES
from tests.integration.workspace import ROOT, Space
from tests.project_history import history

WHY = "--why", "equipment is bought for pilots too"
BODIES = history(20, affected=4, padding=10).bodies


@pytest.fixture
def space(tmp_path: Path) -> Space:
    """One integration with its cases, under governance, no version approved yet."""
    made = Space(tmp_path / "space")
    with (made.folder / "hub.yaml").open("a", encoding="utf-8") as file:
        file.write("governance: on\n")
    (made.folder / "mappings" / "event-budget.yaml").unlink()
    cases = (ROOT / "mappings" / "rd-close.cases.yaml").read_text("utf-8")
    (made.folder / "mappings" / "rd-close.cases.yaml").write_text(cases, "utf-8")
    return made


def ingest(space: Space, name: str, bodies: list[bytes]) -> list[dict[str, Any]]:
    """The deliveries come in and are worked off; gives every event there is."""
    file = space.folder / f"{name}.jsonl"
    file.write_text("\n".join(json.dumps({"headers": {}, "body": json.loads(body)}) for body in bodies), "utf-8")
    space.hub("ingest", "jira", str(file))
    space.json("settle")
    return events(space)


def events(space: Space) -> list[dict[str, Any]]:
    return [json.loads(line) for line in space.hub("events", "--format", "json").stdout.splitlines()]


def go_live(space: Space) -> None:
    space.hub("mapping", "propose", "rd-close", "--as", "E1005", *WHY)
    space.hub("mapping", "approve", "rd-close", "--as", "E1001", *WHY)
    space.hub("mapping", "approve", "rd-close", "--as", "E1003", *WHY)
    space.hub("mapping", "activate", "rd-close", "--as", "E1005", *WHY)


def edited(workbook: Path) -> None:
    """One value map and one owner, as somebody types them into Excel."""
    book = openpyxl.load_workbook(workbook)
    rows, values = book[ROWS], book[VALUES]
    heads = {cell.value: cell.column - 1 for cell in rows[2]}
    for line in rows.iter_rows(min_row=3):
        if (line[1].value, line[2].value) == ("project", "cost_center"):
            line[heads["Owner"]].value = "finance"
    for line in values.iter_rows(min_row=3):
        if line[1].value == "Software":
            line[2].value = "equipment"
    book.save(workbook)


def test_an_edit_from_the_workbook_to_the_roll_back(space: Space) -> None:
    mapping = space.folder / "mappings" / "rd-close.yaml"
    refused = space.hub("settle", expect=1).stderr
    assert "no version of rd-close is live" in refused
    assert "E1001" in refused
    go_live(space)
    first = ingest(space, "first", BODIES)
    [live] = {one["logic"] for one in first if one["stream"].startswith("project/")}

    # Export, edit, import: the patch touches two lines and no comment.
    book = space.folder / "rd-close.xlsx"
    text = mapping.read_text("utf-8")
    space.hub("mapping", "export", str(book))
    space.hub("mapping", "import", str(book))
    assert mapping.read_text("utf-8") == text
    edited(book)
    space.hub("mapping", "import", str(book))
    pairs = zip(text.splitlines(), mapping.read_text("utf-8").splitlines(), strict=True)
    changed = [line for line, other in pairs if line != other]
    assert len(changed) == 2
    assert mapping.read_text("utf-8").count("#") == text.count("#")

    # Check and test: the check says the file is not live; the case that knew better fails and is corrected.
    assert "the hub runs" in space.hub("check").stdout
    assert space.json("mapping", "test", expect=1)
    cases = space.folder / "mappings" / "rd-close.cases.yaml"
    said = cases.read_text("utf-8")
    fixed = said.replace("outcome: null, deliverable: software", "outcome: null, deliverable: equipment")
    assert fixed != said
    cases.write_text(fixed, "utf-8")
    space.hub("mapping", "test")

    # Diff and impact.
    diff = space.json("mapping", "diff", "active", str(mapping), expect=1)
    parts = {one["part"]: one["governance"] for one in diff["changes"]}
    assert parts == {"row project.deliverable": False, "row project.cost_center": True}
    impact = space.json("mapping", "impact", "active", str(mapping), expect=1)
    assert impact["records"]["differ"] == 4 + 1, "the closed one was read again before money moved"
    assert impact["documents"]["added"] >= 1
    assert events(space) == first, "looking at an edit changes nothing"

    # Refused, proposed, approved by others than the author, live.
    why = space.hub("mapping", "activate", "rd-close", "--as", "E1005", *WHY, expect=1).stderr
    assert "pmo (E1001" in why
    assert "finance (E1003" in why
    space.hub("mapping", "propose", "rd-close", "--as", "E1001", *WHY)
    assert "author" in space.hub("mapping", "approve", "rd-close", "--as", "E1001", *WHY, expect=2).stderr
    space.hub("mapping", "approve", "rd-close", "--as", "E1003", *WHY)
    assert "pmo" in space.hub("mapping", "activate", "rd-close", "--as", "E1005", *WHY, expect=1).stderr
    go_live(space)

    # New events under the new hash, old ones untouched.
    moved = json.loads(BODIES[0])
    moved["issue"]["fields"] |= {"summary": "renamed", "updated": "2026-03-06T00:00:00.000+0800"}
    second = ingest(space, "second", [json.dumps(moved).encode()])
    assert second[: len(first)] == first
    acts = [one["type"] for one in second[len(first) :] if one["stream"] == "mapping/rd-close"]
    assert acts[-1] == "mapping.activated"
    assert acts.count("mapping.approved") == 3
    new = {one["logic"] for one in second[len(first) :] if one["stream"].startswith("project/")}
    assert len(new) == 1
    assert live not in new

    # Roll back: the older hash was approved before; who did it is kept.
    space.hub("mapping", "rollback", "rd-close", "--as", "E1007", "--why", "not before the audit")
    moved["issue"]["fields"] |= {"summary": "again", "updated": "2026-03-07T00:00:00.000+0800"}
    third = ingest(space, "third", [json.dumps(moved).encode()])
    assert third[: len(second)] == second
    assert third[-1]["logic"] == live
    last = space.json("mapping", "history", "rd-close")[-1]
    assert (last["choice"], last["who"], last["why"]) == ("activated", "E1007", "not before the audit")
    assert "the hub runs" in space.hub("status").stdout


def test_beyond_the_budget_a_second_approver_is_needed(space: Space) -> None:
    mapping = space.folder / "mappings" / "rd-close.yaml"
    text = mapping.read_text("utf-8").replace("tables:\n", "budget: {entities: 0, amount: 1 CNY}\ntables:\n", 1)
    mapping.write_text(text, "utf-8")
    go_live(space)
    ingest(space, "first", BODIES)
    mapping.write_text(text.replace("Software: software", "Software: equipment"), "utf-8")
    with pytest.raises(AssertionError, match="a second finance"):
        go_live(space)

    space.hub("mapping", "approve", "rd-close", "--as", "E1007", *WHY)
    done = space.json("mapping", "activate", "rd-close", "--as", "E1005", *WHY)

    assert any("entities would differ" in one for one in done["beyond_budget"])
