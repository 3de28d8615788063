"""Deliveries out of order, doubled, moved, deleted, very old: one end state, one document each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path

import pytest

from tests.integration.bad_input_bodies import at, deleted, event, expense, project, purchase, status
from tests.integration.bad_input_stage import Stage, assert_balanced, assert_once, shipped, staged

STORY = (
    lambda: project(10041, "new", minutes=0, summary="one"),
    lambda: project(10041, "indeterminate", minutes=1, summary="two"),
    lambda: expense(10042, 10041, 120, minutes=2),
    lambda: project(10041, "done", minutes=3, summary="three"),
)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.parametrize("order", list(permutations(range(4)))[1::5])
async def test_reordered_versions_end_as_those_in_order(stage: Stage, order: tuple[int, ...]) -> None:
    for place in order:
        await stage.give(STORY[place]())
    found = await stage.settle()
    assert_balanced(found)
    state = await stage.state("project", "OPS-41")
    assert (state["name"], state["status"]) == ("three", "closed")
    assert found["status"]["loops"] == {"done": 1}
    assert len(await stage.documents("reimbursements")) == 1
    await assert_once(stage)


async def test_an_older_version_that_comes_later_is_stale_and_changes_nothing(stage: Stage) -> None:
    await stage.give(project(10041, "indeterminate", minutes=5, summary="new"))
    await stage.settle()
    await stage.give(project(10041, "new", minutes=1, summary="old"))
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["records"]["stale"] == 1
    assert (await stage.state("project", "OPS-41"))["name"] == "new"
    traced = await stage.hub("trace", "OPS-41")
    assert len(traced["events"]) == 1


async def test_an_update_before_the_create_is_completed_by_it_and_not_undone(stage: Stage) -> None:
    update = project(10041, "indeterminate", minutes=5, summary="after")
    create = project(10041, "new", minutes=0, summary="before")
    create["webhookEvent"] = "jira:issue_created"
    await stage.give(update, create)
    found = await stage.settle()
    assert_balanced(found)
    assert (await stage.state("project", "OPS-41"))["name"] == "after"


async def test_a_partial_first_sight_waits_in_quarantine_until_the_whole_was_read(stage: Stage) -> None:
    comment = {
        "timestamp": 1780300800000,
        "webhookEvent": "comment_created",
        "comment": {"id": "900", "body": "hello", "created": at(1), "updated": at(1)},
        "issue": {"id": "10041", "key": "OPS-41", "fields": {"issuetype": {"name": "Epic"}, **status("new")}},
    }
    await stage.give(comment)  # the twin knows no more than this, so what it is asked for is not whole either
    await stage.settle()
    rows = await stage.quarantined()
    assert {(row["reason"], row["row"], row["owner"]) for row in rows} == {
        ("missing-field", "rd-close/project/pm.issue.name", "pmo")
    }
    assert [row["quarantined"] for row in [await stage.hub("trace", "OPS-41")]]
    await stage.give(project(10041, "new", minutes=10))
    found = await stage.settle()
    assert_balanced(found)
    assert not await stage.quarantined()
    assert (await stage.state("project", "OPS-41"))["status"] == "planned"


async def test_a_deleted_expense_is_not_paid(stage: Stage) -> None:
    await stage.give(expense(10042, 10041), expense(10043, 10041, 70))
    await stage.give(deleted(10042, minutes=2), project(10041, "done", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    assert (await stage.hub("entity", "show", "expense", "jira:10042"))["deleted"] is True
    assert [one["amount"]["amount"] for one in await stage.documents("reimbursements")] == ["70.00"]
    await assert_once(stage)


async def test_a_deletion_of_something_never_seen_is_accounted_for(stage: Stage) -> None:
    await stage.give(deleted(10099, minutes=2))
    found = await stage.settle()
    assert_balanced(found)
    assert not found["status"]["loops"]


async def test_a_deleted_project_starts_nothing(stage: Stage) -> None:
    await stage.give(project(10041, "indeterminate"), expense(10042, 10041))
    gone = event(10041, {"summary": "x", "issuetype": {"name": "Epic"}}, minutes=2, kind="deleted")
    await stage.give(gone, project(10041, "done", minutes=1))
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["loops"] == {}
    assert await stage.counts() == {}


async def test_a_first_poll_of_1000_long_closed_projects_makes_no_document(stage: Stage) -> None:
    old = "2019-02-15T19:01:52.971-0800"
    fields = {"resolutiondate": old, "updated": old}
    issues = [project(20000 + n, "done", key=f"OLD-{n}", **fields)["issue"] for n in range(1000)]
    await stage.give(expense(10042, 20000), *({"issues": issues[n : n + 100]} for n in range(0, 1000, 100)))
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["records"]["applied"] == 1001
    assert found["status"]["loops"] == {"history": 1000}
    assert found["status"]["effects"] == {}
    assert await stage.counts() == {}
    assert found["waiting"] == []


async def test_a_close_whose_webhook_was_lost_still_fires_at_first_sight(stage: Stage) -> None:
    await stage.give(expense(10042, 10041), {"issues": [project(10041, "done", minutes=5)["issue"]]})
    found = await stage.settle()
    assert found["status"]["loops"] == {"done": 1}
    await assert_once(stage)


async def test_an_issue_moved_to_another_project_stays_the_same_entity(stage: Stage) -> None:
    by_label = expense(10042, 10041, 30)
    by_label["issue"]["fields"]["parent"] = None
    by_label["issue"]["fields"]["customfield_10014"] = "OPS-41"
    await stage.give(project(10041, "new"), by_label, expense(10043, 10041, 40))
    await stage.give(project(10041, "indeterminate", key="RD-7", minutes=2))
    await stage.give(project(10041, "done", key="RD-7", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    loops = await stage.hub("loop", "list")
    assert [(one["subject"], one["label"], one["state"]) for one in loops] == [("jira:10041", "RD-7", "done")]
    assert (await stage.hub("trace", "OPS-41"))["key"] == "jira:10041"
    assert len(await stage.documents("reimbursements")) == 2
    await assert_once(stage)


async def reclosed(stage: Stage) -> dict[str, object]:
    """Closed and paid, reopened with one more expense, closed again."""
    await stage.give(expense(10042, 10041, 30), project(10041, "done", minutes=5))
    await stage.settle()
    await stage.give(project(10041, "indeterminate", minutes=10))
    await stage.settle()
    await stage.give(expense(10043, 10041, 40, minutes=11), project(10041, "done", minutes=12))
    return await stage.settle()


async def test_a_project_closed_again_asks_its_owner_and_pays_nothing_by_itself(stage: Stage) -> None:
    found = await reclosed(stage)
    assert_balanced(found)
    first, second = await stage.hub("loop", "list")
    assert [one["ref"] for one in first["waiting_for"]] == [f"{first['id']}/late/jira:10043"]
    assert (second["closing"], second["waiting_for"][0]["who"]) == (2, "ops@example.com")
    assert len(await stage.documents("reimbursements")) == 1
    await stage.hub("loop", "approve", second["id"], "--as", "E1006", "--why", "not mine", expect=2)
    await stage.hub("loop", "approve", second["id"], "--as", "E1007", "--why", "one more claim")
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["loops"] == {"done": 2}
    paid = sorted(one["amount"]["amount"] for one in await stage.documents("reimbursements"))
    assert paid == ["30.00", "40.00"]
    await assert_once(stage)


async def test_a_close_taken_back_before_anything_was_planned_is_cancelled_and_can_come_again(stage: Stage) -> None:
    await stage.give(expense(10042, 10041, 30), project(10041, "done", minutes=5))
    await stage.give(project(10041, "indeterminate", minutes=6))
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["loops"] == {"cancelled": 1}
    assert await stage.counts() == {}
    await stage.give(project(10041, "done", minutes=8))
    found = await stage.settle()
    assert found["status"]["loops"] == {"done": 1}
    await assert_once(stage)


async def test_a_late_expense_asks_and_is_paid_once_when_the_owner_agrees(stage: Stage) -> None:
    await stage.give(expense(10042, 10041, 30), project(10041, "done", minutes=5))
    await stage.settle()
    await stage.give(expense(10043, 10041, 40, minutes=11))
    found = await stage.settle()
    assert_balanced(found)
    loop = await stage.loop("OPS-41")
    assert (loop["state"], loop["late"]) == ("needs_person", ["jira:10043"])
    assert len(await stage.documents("reimbursements")) == 1
    name = f"{loop['id']}/late/jira:10043"
    await stage.hub("loop", "approve", name, "--as", "E1006", "--why", "not mine", expect=2)
    await stage.hub("loop", "approve", name, "--as", "E1007", "--why", "belongs to it")
    await stage.hub("loop", "approve", name, "--as", "E1007", "--why", "twice", expect=2)
    found = await stage.settle()
    assert_balanced(found)
    assert (await stage.loop("OPS-41"))["state"] == "done"
    assert len(await stage.documents("reimbursements")) == 2
    await assert_once(stage)


async def test_a_late_expense_that_is_waived_is_never_paid_even_by_the_next_closing(stage: Stage) -> None:
    await stage.give(expense(10042, 10041, 30), project(10041, "done", minutes=5))
    await stage.settle()
    await stage.give(expense(10043, 10041, 40, minutes=11))
    await stage.settle()
    loop = await stage.loop("OPS-41")
    await stage.hub("loop", "waive", f"{loop['id']}/late/jira:10043", "--as", "E1007", "--why", "paid in cash")
    await stage.give(expense(10043, 10041, 40, minutes=15, summary="again"))
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["loops"] == {"done": 1}
    await stage.give(project(10041, "indeterminate", minutes=20), project(10041, "done", minutes=21))
    await stage.settle()
    await stage.hub("loop", "approve", "OPS-41", "--as", "E1007", "--why", "more claims")
    found = await stage.settle()
    assert found["status"]["loops"] == {"done": 2}
    assert len(await stage.documents("reimbursements")) == 1


async def test_once_closing_makes_documents_for_each_closing_and_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shipped()["rd-close.yaml"].replace("once: life", "once: closing")
    async with staged(tmp_path, monkeypatch, mappings={"rd-close.yaml": text}) as stage:
        await stage.give(purchase(10042, 10041, 30), project(10041, "done", minutes=5))
        await stage.settle()
        await stage.give(project(10041, "done", minutes=6, resolutiondate=at(5)))
        await stage.give(project(10041, "indeterminate", minutes=7), project(10041, "done", minutes=8))
        found = await stage.settle()
        assert_balanced(found)
        loops = await stage.hub("loop", "list")
        assert [one["closing"] for one in loops] == [1, 2]
        assert {one["state"] for one in loops} == {"done"}
        await assert_once(stage)
        assert len(await stage.documents("purchase_requisitions")) == 1


async def test_a_project_with_very_many_claims_pays_each_once_and_a_retry_takes_them_all(stage: Stage) -> None:
    await stage.behave(path="/api/reimbursements", fail=1000, status=422)
    await stage.give(*(expense(30000 + n, 10041, n + 1) for n in range(90)), project(10041, "done", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["effects"] == {"REJECTED": 90}
    await stage.behave(reset=True)
    loop = await stage.loop("OPS-41")
    await stage.hub("loop", "retry", f"{loop['id']}/reimburse", "--as", "E1007", "--why", "they take it now")
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["effects"] == {"CONFIRMED": 91}
    paid = [one["amount"]["amount"] for one in await stage.documents("reimbursements")]
    assert sorted(paid) == sorted(f"{n + 1}.00" for n in range(90))
    await assert_once(stage)
