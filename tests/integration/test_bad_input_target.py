"""A target that fails, lies or changes what it was given: one document at most, never confirmed unread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bad_input_bodies import expense, project, purchase
from tests.integration.bad_input_stage import HUB_YAML, Stage, assert_balanced, assert_once, staged

PATH = "/api/reimbursements"


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(tmp_path, monkeypatch) as made:
        yield made


async def closed_with_claim(stage: Stage, hours: float = 100) -> dict[str, Any]:
    await stage.give(expense(10042, 10041, 30), project(10041, "done", minutes=5))
    return await stage.settle(hours)


async def claim(stage: Stage) -> dict[str, Any]:
    (found,) = [one for one in await stage.effects() if one["step"] == "reimburse"]
    return found


async def moves(stage: Stage, key: str) -> list[str]:
    """The states an effect went through, by its events."""
    traced = await stage.hub("trace", "OPS-41")
    return [one["type"].removeprefix("effect.") for one in traced["events"] if one["stream"] == f"effect/{key}"]


@pytest.mark.parametrize("order", [{"fail": 3}, {"lose_answer": 1}, {"html": 1}, {"no_id": 1}])
async def test_a_target_that_gives_no_clear_answer_is_asked_and_gets_one_document(
    stage: Stage, order: dict[str, int]
) -> None:
    await stage.behave(path=PATH, **order)
    found = await closed_with_claim(stage)
    assert_balanced(found)
    effect = await claim(stage)
    assert effect["state"] == "CONFIRMED", effect["reason"]
    assert found["status"]["loops"] == {"done": 1}
    assert any("unknown" in one for one in await moves(stage, effect["key"])), await moves(stage, effect["key"])
    assert len(await stage.documents("reimbursements")) == 1
    await assert_once(stage)


async def test_a_target_that_fails_for_ever_ends_at_a_person_with_its_words(stage: Stage) -> None:
    await stage.behave(path=PATH, fail=1000)
    found = await closed_with_claim(stage, hours=1000)
    assert_balanced(found)
    effect = await claim(stage)
    assert effect["state"] == "HUMAN", effect
    assert "500" in effect["reason"]
    assert found["status"]["loops"] == {"needs_person": 1}
    (waits,) = found["waiting"]  # said once, by the loop
    assert (waits["kind"], waits["who"]) == ("human", "ops@example.com")
    await stage.behave(reset=True)
    loop = await stage.loop("OPS-41")
    await stage.hub("loop", "retry", f"{loop['id']}/reimburse", "--as", "E1007", "--why", "it is back")
    found = await stage.settle()
    assert found["status"]["loops"] == {"done": 1}
    assert len(await stage.documents("reimbursements")) == 1
    await assert_once(stage)


async def test_a_target_that_times_out_after_committing_gets_no_second_document(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aiohttp

    stage.workspace.connector("erp").http._timeout = aiohttp.ClientTimeout(total=0.3)
    await stage.behave(path=PATH, methods=["POST"], slow_ms=500)
    await stage.give(expense(10042, 10041, 30), project(10041, "done", minutes=5))
    await stage.settle(hours=0.01)
    await stage.behave(reset=True)
    found = await stage.settle()
    assert_balanced(found)
    effect = await claim(stage)
    assert effect["state"] == "CONFIRMED", effect
    assert len(await stage.documents("reimbursements")) == 1
    await assert_once(stage)


async def test_a_document_that_differs_when_read_back_is_a_mismatch_for_a_person_and_never_sent_again(
    stage: Stage,
) -> None:
    await stage.behave(path=PATH, alter={"amount": {"amount": "3.00", "currency": "CNY"}})
    found = await closed_with_claim(stage)
    assert_balanced(found)
    effect = await claim(stage)
    assert effect["state"] == "MISMATCH"
    assert "3.00" in effect["reason"]
    assert "30.00" in effect["reason"]
    loop = await stage.loop("OPS-41")
    assert (loop["state"], loop["waiting_for"][0]["kind"]) == ("needs_person", "mismatch")
    await stage.behave(reset=True)
    retry = ("loop", "retry", f"{loop['id']}/reimburse", "--as", "E1007", "--why", "again")
    assert "never sent again" in await stage.hub(*retry, expect=2)
    (document,) = await stage.documents("reimbursements")
    done = ("loop", "done", f"{loop['id']}/reimburse", "--as", "E1007", "--why", "as corrected", "--number")
    assert "no document" in await stage.hub(*done, "RB-999999", expect=2)
    assert "amount" in await stage.hub(*done, document["number"], expect=2)
    assert (await claim(stage))["state"] == "MISMATCH"
    await stage.hub("loop", "waive", f"{loop['id']}/reimburse", "--as", "E1007", "--why", "settled in cash")
    found = await stage.settle()
    assert (await stage.loop("OPS-41"))["state"] == "done"
    assert len(await stage.documents("reimbursements")) == 1


async def test_a_refusal_of_the_target_waits_for_a_person_and_can_be_done_by_hand(stage: Stage) -> None:
    await stage.behave(path=PATH, fail=1, status=422)
    found = await closed_with_claim(stage)
    assert_balanced(found)
    assert (await claim(stage))["state"] == "REJECTED"
    loop = await stage.loop("OPS-41")
    body = {
        "employee": "E1002",
        "amount": {"amount": "30.00", "currency": "CNY"},
        "text": "by hand",
        "external_ref": "hand-1",
    }
    async with stage.http.post(stage.twins["erp"] + PATH, json=body) as answer:
        number = (await answer.json())["number"]
    wrong = {**body, "amount": {"amount": "31.00", "currency": "CNY"}, "external_ref": "hand-2"}
    async with stage.http.post(stage.twins["erp"] + PATH, json=wrong) as answer:
        other = (await answer.json())["number"]
    done = ("loop", "done", f"{loop['id']}/reimburse", "--as", "E1007", "--why", "typed in", "--number")
    await stage.hub(*done, "RB-424242", expect=2)
    await stage.hub(*done, other)
    assert ((await claim(stage))["state"], (await claim(stage))["number"]) == ("MISMATCH", other)
    await stage.hub(*done, number)
    found = await stage.settle()
    assert (await stage.loop("OPS-41"))["state"] == "done"
    assert (await claim(stage))["number"] == number
    assert len(await stage.documents("reimbursements")) == 2


async def test_credentials_that_are_refused_pause_the_connection_and_nothing_is_lost(stage: Stage) -> None:
    await stage.behave(path=PATH, fail=1, status=401)
    found = await closed_with_claim(stage, hours=0.01)
    assert any(one["kind"] == "paused" for one in found["waiting"]), found["waiting"]
    found = await stage.settle()
    assert (await claim(stage))["state"] == "CONFIRMED"
    assert found["status"]["loops"] == {"done": 1}
    await assert_once(stage)


async def test_a_throttled_target_is_waited_for(stage: Stage) -> None:
    await stage.behave(path=PATH, fail=2, status=429, headers={"Retry-After": "30"})
    found = await closed_with_claim(stage)
    assert found["status"]["loops"] == {"done": 1}
    assert len(await stage.documents("reimbursements")) == 1
    await assert_once(stage)


async def test_an_approval_by_the_wrong_role_changes_nothing_and_the_right_one_sends_what_was_seen(
    stage: Stage,
) -> None:
    await stage.give(purchase(10043, 10041, 30000, 2), project(10041, "done", minutes=5))
    await stage.settle()
    loop = await stage.loop("OPS-41")
    assert loop["steps"]["purchase"] == "asking"
    name = f"{loop['id']}/purchase"
    assert "role finance" in await stage.hub("loop", "approve", name, "--as", "E1004", "--why", "mine", expect=2)
    await stage.hub("loop", "approve", name, "--as", "E1003", "--why", " ", expect=2)
    assert await stage.counts() == {}
    await stage.give(purchase(10043, 10041, 99999, 2, minutes=9))
    await stage.settle()
    await stage.hub("loop", "approve", name, "--as", "E1003", "--why", "fine")
    found = await stage.settle()
    assert_balanced(found)
    (document,) = await stage.documents("purchase_requisitions")
    assert document["total"]["amount"] == "60000.00"
    await stage.hub("loop", "approve", name, "--as", "E1003", "--why", "twice", expect=2)
    await assert_once(stage)


async def test_a_step_that_is_waived_is_not_done_and_the_rest_goes_on(stage: Stage) -> None:
    await stage.give(purchase(10043, 10041, 30000, 2), expense(10042, 10041), project(10041, "done", minutes=5))
    await stage.settle()
    loop = await stage.loop("OPS-41")
    await stage.hub("loop", "waive", f"{loop['id']}/purchase", "--as", "E1003", "--why", "bought already")
    found = await stage.settle()
    assert_balanced(found)
    loop = await stage.loop("OPS-41")
    assert (loop["state"], loop["steps"]["purchase"], loop["steps"]["tell"]) == ("done", "waived", "done")
    assert await stage.documents("purchase_requisitions") == []
    await assert_once(stage)


def test_settle_prints_one_json_document_whatever_is_logged(tmp_path: Path) -> None:
    from tests.integration.workspace import Space

    space = Space(tmp_path / "space")
    text = HUB_YAML.replace(
        '{url: builtin, secret: "file:secret"}',
        '{url: "http://127.0.0.1:1", allow: ["http://127.0.0.1:1"], secret: "file:secret"}',
    )
    (space.folder / "hub.yaml").write_text(
        text.replace("erp: {url: builtin}", 'erp: {url: "http://127.0.0.1:1", allow: ["http://127.0.0.1:1"]}'),
        "utf-8",
    )
    space.hub("ingest", "jira", str(space.story("jira")))
    found = space.json("settle", "--timeout", "1")
    assert found["settled"] is False
    assert {"retry"} <= {one["kind"] for one in found["waiting"]}
