"""``hub reconcile`` against the built-in ERP: what a person changed there, what was lost sight of, what is twice."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bad_input_bodies import expense, project
from tests.integration.bad_input_stage import Stage, assert_once, run_command_line, staged


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
async def closed(stage: Stage) -> Stage:
    await stage.give(expense(10042, 10041, 30), expense(10043, 10041, 45), project(10041, "done", minutes=5))
    await stage.settle()
    assert [one["state"] for one in await stage.effects()] == ["CONFIRMED", "CONFIRMED"]
    return stage


async def reconcile(stage: Stage, *words: str, expect: int = 0) -> dict[str, Any]:
    return dict(await stage.hub("reconcile", "rd-close", *words, expect=expect))


def sql(stage: Stage, statement: str, *values: object) -> None:
    with sqlite3.connect(stage.workspace.store.path) as db:
        db.execute(statement, values)
    db.close()


async def edit(stage: Stage, number: str, **fields: Any) -> None:
    """A person at the ERP's own screen."""
    async with stage.http.post(f"{stage.twins['erp']}/_twin/edit", json={"number": number, "set": fields}) as answer:
        assert answer.status == 200, await answer.text()


async def test_documents_as_they_were_left_are_no_finding(closed: Stage) -> None:
    found = await reconcile(closed)
    assert (found["checked"], found["findings"], found["adopted"]) == (3, [], [])
    assert "erp.reimbursement.create" in found["counted"]


async def test_a_document_edited_by_hand_is_told_with_field_three_values_and_owner(closed: Stage) -> None:
    (first, _) = await closed.effects()
    await edit(closed, first["number"], text="taxi home")
    (finding,) = (await reconcile(closed, expect=1))["findings"]
    assert (finding["kind"], finding["field"], finding["documents"]) == ("changed", "text", [first["number"]])
    assert (finding["meant"], finding["confirmed"], finding["now"]) == (
        first["payload"]["text"], first["read_back"]["text"], "taxi home",
    )  # fmt: skip
    assert finding["owner"]
    assert (await closed.effects())[0]["payload"] == first["payload"]
    documents = {one["number"]: one["text"] for one in await closed.documents("reimbursements")}
    assert documents[first["number"]] == "taxi home"


async def test_an_accepted_edit_stays_closed_until_the_target_says_something_else(closed: Stage) -> None:
    (first, _) = await closed.effects()
    await edit(closed, first["number"], text="taxi home")
    (finding,) = (await reconcile(closed, expect=1))["findings"]
    accepted = await reconcile(closed, "--accept", finding["id"], "--as", "E1003", "--why", "finance corrected it")
    assert accepted["findings"] == []
    assert (await reconcile(closed))["findings"] == []
    await edit(closed, first["number"], text="train home")
    (again,) = (await reconcile(closed, expect=1))["findings"]
    assert again["now"] == "train home"
    await edit(closed, first["number"], text=first["payload"]["text"])
    assert (await reconcile(closed))["findings"] == []


async def test_accepting_needs_a_known_person_and_a_reason(closed: Stage) -> None:
    assert "--as" in await closed.hub("reconcile", "rd-close", "--accept", "x", expect=2)
    words = ("reconcile", "rd-close", "--accept", "nothing", "--as", "E1003", "--why", "because")
    assert "there is no finding nothing" in await closed.hub(*words, expect=2)


async def test_a_cancelled_document_is_told_and_not_made_again(closed: Stage) -> None:
    (first, _) = await closed.effects()
    path = f"{closed.twins['erp']}/api/reimbursements/{first['number']}/cancel"
    async with closed.http.post(path, json={"why": "wrong person"}) as answer:
        assert answer.status == 200
    (finding,) = (await reconcile(closed, expect=1))["findings"]
    assert (finding["field"], finding["now"]) == ("state", "cancelled")
    await closed.settle()
    assert len(await closed.documents("reimbursements")) == 2


async def test_two_live_documents_of_one_obligation_stop_the_sending(closed: Stage) -> None:
    (first, _) = await closed.effects()
    await closed.behave(no_keys=True)
    body = {**first["payload"], "external_ref": first["reference"]}
    async with closed.http.post(f"{closed.twins['erp']}/api/reimbursements", json=body) as answer:
        assert answer.status == 201
    (finding,) = (await reconcile(closed, expect=1))["findings"]
    assert (finding["kind"], len(finding["documents"])) == ("double", 2)
    await edit(closed, first["number"], text="and changed as well")
    found = (await reconcile(closed, expect=1))["findings"]
    assert sorted(one["kind"] for one in found) == ["changed", "double"]
    (health,) = (await closed.hub("health", "rd-close"))["integrations"]
    assert health["status"] == "action_required"
    assert "I3" in health["reason"]["en"]


async def test_a_document_with_a_reference_nobody_here_knows_is_a_stray(closed: Stage) -> None:
    (first, _) = await closed.effects()
    body = {**first["payload"], "external_ref": "f" * 64}
    async with closed.http.post(f"{closed.twins['erp']}/api/reimbursements", json=body) as answer:
        number = (await answer.json())["number"]
    (finding,) = (await reconcile(closed, expect=1))["findings"]
    assert (finding["kind"], finding["documents"]) == ("stray", [number])


async def test_effects_that_a_backup_forgot_are_adopted_not_made_again(stage: Stage) -> None:
    """F29: the books hold the document, a day-old store still plans it; the class A key is long forgotten."""
    await stage.hub("pause", "rd-close", "--as", "E1003", "--why", "restored from a backup")
    await stage.give(expense(10042, 10041, 30), project(10041, "done", minutes=5))
    await stage.settle(hours=1)
    (planned,) = await stage.effects()
    assert planned["state"] == "PLANNED"
    body = {**planned["payload"], "external_ref": planned["reference"]}
    async with stage.http.post(f"{stage.twins['erp']}/api/reimbursements", json=body) as answer:
        number = (await answer.json())["number"]
    found = await reconcile(stage)
    assert [one["number"] for one in found["adopted"]] == [number]
    await stage.hub("resume", "rd-close", "--as", "E1003", "--why", "reconciled")
    await stage.settle()
    (effect,) = await stage.effects()
    assert (effect["state"], effect["number"]) == ("CONFIRMED", number)
    await assert_once(stage)


async def test_a_target_that_cannot_be_asked_closes_nothing_and_is_said(closed: Stage) -> None:
    (first, _) = await closed.effects()
    await edit(closed, first["number"], text="taxi home")
    await reconcile(closed, expect=1)
    await closed.behave(methods=["GET"], fail=100)
    found = await reconcile(closed, expect=1)
    assert "erp.reimbursement.create" in found["not_asked"]
    assert [one["field"] for one in found["findings"]] == ["text"]


async def test_drift_shows_in_health_without_its_values(closed: Stage) -> None:
    (first, _) = await closed.effects()
    await edit(closed, first["number"], text="a private word")
    await reconcile(closed, expect=1)
    (health,) = (await closed.hub("health", "rd-close"))["integrations"]
    assert (health["status"], health["reason"]["en"][:28]) == ("degraded", "Reconciliation sees 1 differ")
    page = closed.folder / "page.html"
    words = ("health", "rd-close", "--format", "html", "--out", str(page), "-w", str(closed.folder))
    assert (await asyncio.to_thread(run_command_line, words))[0] == 0
    assert first["number"] in page.read_text("utf-8")
    assert "a private word" not in page.read_text("utf-8")
