"""A workspace is upgraded to ``schemas/project/v2.json`` while it holds v1 projects and closings under way."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.workspace import ROOT, Space

STEP = {
    "from": "project/v1",
    "fields": {
        "cost_centre": {"from": "cost_center"},
        "status": {"from": "status", "values": {"active": "running"}},
        "portfolio": {"const": "general"},
    },
    "drops": ["sponsor"],
}
BLOCKED, ASKING = "close-out-2acabf6711", "close-out-a8af3870f0"


@pytest.fixture
def space(tmp_path: Path) -> Space:
    """The sample story has run: one closing lacks its cost centre, one waits for approvals."""
    made = Space(tmp_path / "space")
    shutil.copytree(ROOT / "schemas", made.folder / "schemas")
    (made.folder / "mappings" / "event-budget.yaml").unlink()
    file = made.folder / "hub.yaml"
    file.write_text(file.read_text("utf-8").replace(f"{ROOT}/schemas", "schemas"), "utf-8")
    made.hub("ingest", "jira", str(made.story("jira")))
    made.json("settle")
    return made


def upgrade(space: Space, step: dict[str, Any] | None) -> None:
    """A new version of the schema, its step, and the mapping that feeds it."""
    folder = space.folder / "schemas" / "project"
    text = (folder / "v1.json").read_text("utf-8").replace('"cost_center"', '"cost_centre"')
    new = json.loads(text.replace('"planned", "active", "closed"', '"planned", "running", "closed"'))
    del new["properties"]["sponsor"]
    new["properties"]["portfolio"] = {"type": ["string", "null"]}
    (folder / "v2.json").write_text(json.dumps(new), "utf-8")
    if step is not None:
        (folder / "v2.upcast.json").write_text(json.dumps(step), "utf-8")
    mapping = space.folder / "mappings" / "rd-close.yaml"
    text = mapping.read_text("utf-8").replace("indeterminate: active", "indeterminate: running", 1)
    mapping.write_text(text.replace("cost_center", "cost_centre"), "utf-8")


def events(space: Space) -> list[str]:
    return space.hub("events", "--format", "json").stdout.splitlines()


def with_cost_centre(space: Space) -> Path:
    """The blocked project's newest record, its cost centre filled in."""
    bodies = [
        json.loads(base64.b64decode(json.loads(line)["body_base64"]))
        for line in space.story("jira").read_text("utf-8").splitlines()
    ]
    found = [one for one in bodies if isinstance(one, dict) and one.get("issue", {}).get("id") == "10095"][-1]
    found["issue"]["fields"]["customfield_10201"] = {"value": "CC-9"}
    found["issue"]["fields"]["updated"] = "2099-01-01T00:00:00.000+0000"
    file = space.folder / "filled.json"
    file.write_text(json.dumps(found), "utf-8")
    return file


def test_entities_are_read_in_the_new_version_and_closings_go_on_as_they_began(space: Space) -> None:
    before = events(space)
    states = {one: space.json("entity", "show", "project", one)["state"] for one in ("OPS-41", "OPS-95")}
    upgrade(space, STEP)
    space.json("settle")

    after = space.json("entity", "show", "project", "OPS-41")["state"]
    assert after["cost_centre"] == states["OPS-41"]["cost_center"]
    assert after["portfolio"] == "general"
    assert {"cost_center", "sponsor"}.isdisjoint(after)
    assert events(space)[: len(before)] == before

    for step in ("purchase", "asset"):
        space.hub("loop", "approve", f"{ASKING}/{step}", "--as", "E1003", "--why", "within budget")
    space.hub("ingest", "jira", str(with_cost_centre(space)))
    space.json("settle")
    loops = {one["id"]: one for one in space.json("loop", "list")}
    assert loops[ASKING]["state"] == "done"
    assert loops[BLOCKED]["state"] in ("done", "needs_person"), loops[BLOCKED]
    assert loops[BLOCKED]["phase"] == "taken"
    assert space.json("entity", "show", "project", "OPS-95")["state"]["cost_centre"] == "CC-9"
    told = [json.loads(line) for line in events(space)]
    assert {one["schema"] for one in told[len(before) :] if one["stream"].startswith("project/")} == {"project/v2"}
    assert all(count == 1 for count in space.documents().values())


def test_a_missing_step_is_found_by_the_check_and_nothing_starts(space: Space) -> None:
    upgrade(space, None)
    found = space.json("check", expect=1)
    assert [one["rule"] for one in found if one["level"] == "error"] == ["bad-upcast"]
    said = space.hub("settle", expect=None)
    assert said.returncode != 0
    assert "v2.upcast.json is missing" in said.stderr + said.stdout


def test_a_version_that_was_in_use_does_not_go_away(space: Space) -> None:
    mapping = space.folder / "mappings" / "rd-close.yaml"
    old = mapping.read_text("utf-8")
    upgrade(space, STEP)
    space.json("settle")
    mapping.write_text(old, "utf-8")
    for name in ("v2.json", "v2.upcast.json"):
        (space.folder / "schemas" / "project" / name).unlink()
    said = space.hub("settle", expect=None)
    assert said.returncode != 0
    assert "stored as v2" in said.stderr + said.stdout


def test_a_table_may_go_on_feeding_the_version_it_was_written_for(space: Space) -> None:
    mapping = space.folder / "mappings" / "rd-close.yaml"
    old = mapping.read_text("utf-8")
    upgrade(space, STEP)
    tables, loops = old.partition("\nloops:")[::2]
    loops = loops.replace("cost_center", "cost_centre")
    mapping.write_text(tables.replace("- entity: project ", "- entity: project/v1 ", 1) + "\nloops:" + loops, "utf-8")
    assert space.json("check", expect=None) == []
    space.json("settle")
    space.hub("ingest", "jira", str(with_cost_centre(space)))
    space.json("settle")
    assert space.json("entity", "show", "project", "OPS-95")["state"]["cost_centre"] == "CC-9"
