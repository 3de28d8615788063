"""Mapping files that are wrong: every problem at its line and column, with why and fix."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bad_input_bodies import expense, project, purchase
from tests.integration.bad_input_stage import (
    assert_balanced,
    assert_once,
    run_command_line,
    serving,
    shipped,
    staged,
    write_workspace,
)

RD = shipped()["rd-close.yaml"]


def findings(folder: Path, text: str) -> list[dict[str, Any]]:
    """What ``hub check`` says of the file in a workspace."""
    write_workspace(folder, mappings={"rd-close.yaml": text})
    code, said, _ = run_command_line(("check", "-w", str(folder), "--format", "json"))
    found: list[dict[str, Any]] = json.loads(said)
    assert code == (1 if any(one["level"] == "error" for one in found) else 0)
    return found


def line_of(text: str, words: str) -> int:
    return text[: text.index(words)].count("\n") + 1


BROKEN = {
    "a duplicate key": ("every: change  ", "every: change\nevery: 5m  ", "duplicate-key", "every", "every: 5m"),
    "an anchor": ("systems: {pm", "systems: &s {pm", "anchor", "", "systems: &s"),
    "a tag": ("zone: Asia/Shanghai", "zone: !!str Asia/Shanghai", "tag", "", "zone: !!str"),
    "NO as text": ("values: {new: planned,", "values: {NO: planned,", "ambiguous-scalar", "NO", "values: {NO"),
    "12:30 as text": ("every: change  ", "every: 12:30  ", "ambiguous-scalar", "12:30", "every: 12:30"),
    "an unknown key": ("required: true, means", "requierd: true, means", "unknown-key", "required", "requierd"),
    "no such field": ("{field: cost_center,", "{field: cost_centre,", "unknown-field", "cost_center", "cost_centre"),
    "no owner": ("owner: ops@example.com  ", "# owner  ", "missing-owner", "owner", "loop: close-out"),
    "a payload without amount": (
        "{field: amount, from: expense.amount}, ",
        "",
        "payload-missing-field",
        "amount",
        "do: erp.reimbursement.create",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_mapping_mistake_is_found_at_its_place_with_why_and_fix(tmp_path: Path, name: str) -> None:
    before, after, rule, words, place = BROKEN[name]
    assert before in RD
    text = RD.replace(before, after, 1)
    found = [one for one in findings(tmp_path, text) if one["rule"] == rule]
    assert found, findings(tmp_path, text)
    one = next((each for each in found if abs(each["line"] - line_of(text, place)) <= 1), None)
    assert one, found
    assert one["file"].endswith("rd-close.yaml")
    assert one["column"] >= 1
    assert one["end_column"] >= one["column"]
    assert all(one[part] for part in ("message", "why", "fix"))
    assert words in one["message"] + one["fix"], one


def test_all_mistakes_of_a_file_are_reported_in_one_run(tmp_path: Path) -> None:
    text = RD
    for before, after, *_ in (BROKEN["an unknown key"], BROKEN["no such field"], BROKEN["a payload without amount"]):
        text = text.replace(before, after, 1)
    rules = {one["rule"] for one in findings(tmp_path, text)}
    assert {"unknown-key", "unknown-field", "payload-missing-field"} <= rules


def test_a_row_without_owner_is_an_error_that_names_the_row(tmp_path: Path) -> None:
    text = RD.replace("owner: ops@example.com  ", "# owner  ", 1).replace(
        "  key: id\n  owner: purchasing\n", "  key: id\n"
    )
    found = [one for one in findings(tmp_path, text) if one["rule"] == "missing-owner"]
    assert {line_of(text, "{field: product"), line_of(text, "{field: quantity")} <= {one["line"] for one in found}


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe",
        b"integration: a\n\tb: c",
        b"integration: [",
        b"a: b\n---\nc: d",
        b"",
        b"- 1",
        b"integration: \x00",
        b"a: " * 50,
    ],
)
def test_a_file_that_is_no_mapping_is_a_finding_and_never_an_exception(tmp_path: Path, text: bytes) -> None:
    write_workspace(tmp_path, mappings={})
    (tmp_path / "mappings" / "odd.yaml").write_bytes(text)
    code, said, complaint = run_command_line(("check", "-w", str(tmp_path), "--format", "json"))
    found = json.loads(said)
    assert code == 1, complaint
    assert found
    assert all(one["file"].endswith("odd.yaml") and one["message"] and one["fix"] for one in found), found


def test_a_broken_mapping_stops_settle_with_its_findings_and_loses_nothing(tmp_path: Path) -> None:
    write_workspace(
        tmp_path, mappings={"rd-close.yaml": RD.replace("{field: cost_center,", "{field: cost_centre,", 1)}
    )
    body = tmp_path / "one.json"
    body.write_text(json.dumps(project(10041)), "utf-8")
    code, said, complaint = run_command_line(("ingest", "jira", str(body), "-w", str(tmp_path), "--format", "json"))
    assert (code, json.loads(said)["received"]) == (0, 1), complaint
    code, said, complaint = run_command_line(("settle", "-w", str(tmp_path), "--format", "json"))
    assert (code, said) == (1, "")
    assert "cost_center" in complaint
    code, said, _ = run_command_line(("status", "-w", str(tmp_path), "--format", "json"))
    assert code == 0
    assert json.loads(said)["records"]["in_flight"] == 1


async def test_a_mapping_edited_mid_loop_leaves_the_running_instance_its_own_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An approval waits while the file changes: the old instance sends what its own version says (I10)."""
    async with staged(tmp_path, monkeypatch, mappings={"rd-close.yaml": RD}) as stage:
        await stage.give(purchase(10043, 10041, 30000), expense(10042, 10041), project(10041, "done", minutes=5))
        await stage.settle()
        assert (await stage.loop("OPS-41"))["steps"]["purchase"] == "asking"
        await stage.give(project(10051, key="OPS-51"), purchase(10053, 10051, 20))
        await stage.settle()
        clock, twins = stage.clock, stage.twins
        await stage.serving.__aexit__(None, None, None)
        changed = RD.replace('project.label + " " + project.name', '"NEW " + project.name').replace(
            '"ERP: "', '"NEW: "'
        )
        write_workspace(tmp_path, mappings={"rd-close.yaml": changed})
        async with serving(tmp_path, clock, twins) as again:
            await again.hub("loop", "approve", "OPS-41", "--as", "E1003", "--why", "fine")
            await again.give(project(10051, "done", key="OPS-51", minutes=9))
            found = await again.settle()
            assert_balanced(found)
            assert found["status"]["loops"] == {"done": 2}
            titles = sorted(one["title"] for one in await again.documents("purchase_requisitions"))
            assert titles == ["NEW Project 10051", "OPS-41 Project 10041"]
            comments = {one["subject"]: one["payload"]["body"][:4] for one in await again.effects("jira")}
            assert comments == {"jira:10041": "ERP:", "jira:10051": "NEW:"}
            await assert_once(again)


async def test_two_integrations_on_one_connection_each_get_their_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bugs = """\
integration: bugs
title: {en: Bugs, zh: 缺陷}
owner: ops
zone: Asia/Shanghai
systems: {pm: jira, erp: erp}
tables:
- entity: campaign
  source: pm.issue
  only: 'fields.issuetype.name in ["Epic", "Bug"]'
  key: id
  label: key
  fields:
  - {field: name, from: fields.summary, required: true}
  - {field: status, from: fields.status.statusCategory.key, values: {new: planned, indeterminate: active, done: done}}
loops:
- loop: asset
  for: campaign
  when: 'campaign.status == "done"'
  starts: {at: 2026-01-01}
  settle: 0s
  steps:
  - step: settle
    do: erp.settlement.create
    with: [{field: budget, const: B-1}, {field: amount, value: 'money("5 CNY")'}, {field: text, from: campaign.name}]
    expect: {amount: 'money("5 CNY")'}
"""
    async with staged(tmp_path, monkeypatch, mappings={"rd-close.yaml": RD, "bugs.yaml": bugs}) as stage:
        await stage.give(expense(10042, 10041), project(10041, "done", minutes=5))
        found = await stage.settle()
        assert_balanced(found)
        assert found["status"]["loops"] == {"done": 2}
        assert found["status"]["records"]["applied"] == 3
        assert len(await stage.documents("settlements")) == 1
        assert len(await stage.documents("reimbursements")) == 1
        await assert_once(stage)


async def test_commands_beside_a_served_workspace_read_decide_and_deliver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(
        tmp_path, monkeypatch, mappings={"rd-close.yaml": RD.replace("settle: 5s", "settle: 0s")}
    ) as stage:
        stage_file = tmp_path / "bodies.jsonl"
        bodies = [expense(10042, 10041), purchase(10043, 10041, 30000), project(10041, "done", minutes=5)]
        stage_file.write_text("\n".join(json.dumps({"body": body}) for body in bodies), "utf-8")
        assert (await stage.hub("ingest", "jira", str(stage_file)))["received"] == 3
        found = await settled_beside(tmp_path)
        assert found["settled"] is True
        assert_balanced(found)
        assert [one["kind"] for one in found["waiting"]] == ["approval"]
        await stage.hub("loop", "approve", "OPS-41", "--as", "E1003", "--why", "fine")
        found = await settled_beside(tmp_path)
        assert found["status"]["loops"] == {"done": 1}
        await assert_once(stage)
        code, said, complaint = await beside(tmp_path, "run")
        assert (code, said) == (2, "")
        assert "served already" in complaint
        assert "run.lock" in complaint


async def settled_beside(folder: Path) -> dict[str, Any]:
    """``hub settle`` of another process."""
    code, said, complaint = await beside(folder, "settle", "--timeout", "10", "--format", "json")
    assert code == 0, complaint
    found: dict[str, Any] = json.loads(said)
    return found


async def beside(folder: Path, *words: str) -> tuple[int, str, str]:
    """A command in a process of its own, on a workspace that is being served."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.cli", *words, "-w", str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode or 0, said.decode(), complaint.decode()
