"""What an auditor tries next: data put right by people, unreadable sources, Trello's oddities, exact keys."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bad_input_bodies import MANAGER, event, expense, project, purchase
from tests.integration.bad_input_stage import HUB_YAML, ROOT, Stage, assert_balanced, assert_once, staged

KINDS = {
    *("approval", "timer", "unknown", "quarantine", "retry", "paused", "missing"),
    *("mismatch", "rejected", "human", "link", "until", "person"),
}


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(tmp_path, monkeypatch) as made:
        yield made


async def test_a_payload_that_misses_a_field_fails_its_step_until_the_data_is_right_and_somebody_retries(
    stage: Stage,
) -> None:
    await stage.give(purchase(10043, 10041), expense(10042, 10041), project(10041, "done", minutes=5, assignee=None))
    found = await stage.settle()
    assert_balanced(found)
    loop = await stage.loop("OPS-41")
    assert (loop["state"], loop["steps"]["purchase"], loop["steps"]["reimburse"]) == (
        "needs_person",
        "failed",
        "done",
    )
    (waits,) = loop["waiting_for"]
    assert (waits["kind"], waits["who"]) == ("missing", "ops@example.com")
    assert "requester" in waits["message"]
    retry = ("loop", "retry", f"{loop['id']}/purchase", "--as", "E1007", "--why", "assignee set")
    await stage.hub(*retry)
    await stage.settle()
    assert (await stage.loop("OPS-41"))["steps"]["purchase"] == "failed"
    await stage.give(project(10041, "done", minutes=9, assignee=MANAGER))
    await stage.settle()
    await stage.hub(*retry)
    found = await stage.settle()
    assert_balanced(found)
    assert (await stage.loop("OPS-41"))["state"] == "done"
    await assert_once(stage)


async def test_an_expense_moved_to_another_project_after_it_was_paid_asks_and_is_not_paid_again(
    stage: Stage,
) -> None:
    await stage.give(expense(10042, 10041, 30), project(10041, "done", minutes=5))
    await stage.settle()
    await stage.give(expense(10042, 10051, 30, minutes=7), project(10051, "done", key="OPS-51", minutes=9))
    found = await stage.settle()
    assert_balanced(found)
    assert len(await stage.documents("reimbursements")) == 1
    first, second = await stage.hub("loop", "list")
    (waits,) = second["waiting_for"]
    assert (waits["kind"], waits["ref"]) == ("person", f"{second['id']}/late/jira:10042")
    assert first["id"] in waits["message"]
    assert second["state"] == "needs_person"
    await stage.hub("loop", "waive", waits["ref"], "--as", "E1007", "--why", "paid by the first project")
    found = await stage.settle()
    assert found["status"]["loops"] == {"done": 2}
    assert len(await stage.documents("reimbursements")) == 1
    assert set((await stage.hub("entity", "show", "expense", "jira:10042"))["links"]) == {"jira"}


async def test_an_expense_that_became_something_else_is_not_paid_as_an_expense(stage: Stage) -> None:
    await stage.give(expense(10042, 10041, 30), expense(10043, 10041, 40), project(10041, "indeterminate"))
    await stage.settle()
    bug = event(10043, {"summary": "a bug", "issuetype": {"name": "Bug"}}, minutes=4)
    await stage.give(purchase(10042, 10041, 7, minutes=3), bug, project(10041, "done", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["loops"] == {"done": 1}
    assert await stage.documents("reimbursements") == []
    assert len(await stage.documents("purchase_requisitions")) == 1
    await assert_once(stage)


async def test_a_decision_about_a_step_or_loop_that_is_not_there_changes_nothing(stage: Stage) -> None:
    await stage.give(expense(10042, 10041), project(10041, "done", minutes=5))
    await stage.settle()
    before = await stage.loop("OPS-41")
    who = ("--as", "E1007", "--why", "x")
    assert "no step nosuch" in await stage.hub("loop", "waive", f"{before['id']}/nosuch", *who, expect=2)
    await stage.hub("loop", "waive", f"{before['id']}/late/jira:1", *who, expect=2)
    await stage.hub("loop", "retry", f"{before['id']}/reimburse", *who, expect=2)
    await stage.hub("loop", "done", f"{before['id']}/reimburse", *who, "--number", "RB-2026-0001", expect=2)
    await stage.hub("loop", "approve", "nothing-like-it", *who, expect=2)
    await stage.hub("loop", "approve", before["id"], "--as", "nobody@example.com", "--why", "x", expect=2)
    assert await stage.loop("OPS-41") == before
    await assert_once(stage)


async def test_a_source_that_cannot_be_read_keeps_money_waiting_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = 'url: "http://127.0.0.1:9", allow: ["http://127.0.0.1:9"], secret'
    settings = HUB_YAML.replace("jira: {url: builtin, secret", "jira: {" + dead)
    async with staged(tmp_path, monkeypatch, settings=settings) as stage:
        await stage.give(expense(10042, 10041), project(10041, "done", minutes=5))
        found = await stage.settle(hours=1)
        assert_balanced(found)
        assert found["settled"] is False
        assert found["status"]["loops"] == {"running": 1}
        assert {"retry"} == {one["kind"] for one in found["waiting"]}
        assert await stage.counts() == {}


async def test_a_closing_forged_by_webhook_pays_nothing_because_the_source_says_otherwise(stage: Stage) -> None:
    """What the twin holds is newer and open: the read before money wins."""
    await stage.give(expense(10042, 10041), project(10041, "indeterminate", minutes=50))
    await stage.settle()
    await stage.give(project(10041, "done", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["loops"] == {}
    assert await stage.counts() == {}


async def test_every_wait_and_every_balance_has_the_shape_of_the_contract(stage: Stage) -> None:
    await stage.give(b"{", expense(10042, 10041, "abc"), purchase(10053, 10051, 90000))
    await stage.give(project(10041, "done", minutes=5), project(10051, "done", key="OPS-51", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    assert {"settled", "waiting", "status"} == set(found)
    for one in found["waiting"]:
        assert one["kind"] in KINDS
        assert {"kind", "ref", "since", "who"} <= one.keys()
    for one in await stage.quarantined():
        names = "id connection delivery record reason row owner message since"
        assert set(names.split()) <= one.keys()
    names = (
        "key integration loop step item subject action state class attempts remote_id number payload read_back reason"
    )
    await stage.hub("loop", "approve", "OPS-51", "--as", "E1003", "--why", "fine")
    await stage.settle()
    for one in await stage.hub("effect", "list"):
        assert set(names.split()) <= one.keys()
    names = "id loop integration subject state steps waiting_for due"
    for one in await stage.hub("loop", "list"):
        assert set(names.split()) <= one.keys()
    traced = await stage.hub("trace", "OPS-51")
    assert {"deliveries", "outcomes", "events", "loops", "effects"} <= traced.keys()
    assert all(traced[name] for name in ("deliveries", "outcomes", "events", "loops", "effects"))
    assert (await stage.hub("health"))["integrations"]


async def test_who_said_a_field_last_is_named_by_an_event_that_exists(stage: Stage) -> None:
    await stage.give(project(10041), project(10041, "indeterminate", minutes=3))
    await stage.settle()
    shown = await stage.hub("entity", "show", "project", "OPS-41")
    assert {"kind", "key", "label", "version", "state", "fields", "links"} <= shown.keys()
    told = {one["id"]: one["version"] for one in (await stage.hub("trace", "OPS-41"))["events"]}
    assert told[shown["fields"]["status"]["event"]] == 2
    assert told[shown["fields"]["name"]["event"]] == 1


# --- Trello


def trello_story() -> list[dict[str, Any]]:
    """The recorded sample deliveries of a board."""
    lines = (ROOT / "connectors" / "trello" / "samples" / "story.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


@pytest.mark.parametrize(
    ("body", "verdict", "reason"),
    [
        (b"not json", "quarantined", "bad-json"),
        (b"[]", "skipped", "empty-list"),
        (b"7", "quarantined", "broken-body"),
        (
            b'{"action": {"type": "createCard", "data": {"card": {"id": "1"}}, "date": "soon"}}',
            "quarantined",
            "broken",
        ),
        (
            b'{"action": {"id": "1", "type": "unheardOf", "date": "2026-06-01T08:00:00.000Z", "data": {}}}',
            "skipped",
            "",
        ),
    ],
)
async def test_trellos_odd_bodies_have_one_outcome(stage: Stage, body: bytes, verdict: str, reason: str) -> None:
    await stage.give(body, connection="trello")
    found = await stage.settle()
    assert_balanced(found)
    (said,) = found["status"]["records"][verdict]
    assert said.startswith(reason)


async def test_a_card_in_a_column_nobody_mapped_is_set_aside_and_its_money_waits(stage: Stage) -> None:
    card = {"id": "5f3a0000000000000000c001", "name": "Fair", "idShort": 1, "shortLink": "abc", "closed": False}
    action = {
        "id": "5f3a0000000000000000a001",
        "type": "createCard",
        "date": "2026-06-01T08:00:00.000Z",
        "data": {"card": card, "list": {"id": "5f3a0000000000000000b001", "name": "Somewhere"}, "board": {"id": "b"}},
    }
    await stage.give({"action": action, "model": {"id": "b"}}, connection="trello")
    found = await stage.settle()
    assert_balanced(found)
    rows = await stage.quarantined()
    assert {(row["reason"], row["row"], row["owner"]) for row in rows} == {
        ("unknown-value", "event-budget/campaign/board.card.status", "marketing")
    }
    assert all("Somewhere" in row["message"] for row in rows)
    assert found["status"]["loops"] == {}
