"""``hub quarantine release`` on a served workspace: what was put right runs again, and the balance stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.engine import conclude
from tests.integration.bad_input_bodies import expense, project
from tests.integration.bad_input_stage import Stage, assert_balanced, assert_once, staged

WHO = ("--as", "E1007", "--why", "put right")


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(tmp_path, monkeypatch) as made:
        yield made


async def test_a_value_added_to_the_mapping_lets_the_expense_be_paid(stage: Stage) -> None:
    await stage.give(expense(10042, 10041, 50, name="Genehmigt"), project(10041, "done", minutes=5))
    await stage.settle()
    (row,) = await stage.quarantined()
    still = await stage.hub("quarantine", "release", row["id"], *WHO, expect=1)
    assert (still[0]["open"], still[0]["outcomes"][0]["verdict"]) == (True, "quarantined")
    assert_balanced(await stage.settle())
    file = stage.folder / "mappings" / "rd-close.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("Approved: approved", "Approved: approved, Genehmigt: approved"), "utf-8")
    still = await stage.hub("quarantine", "release", row["id"], *WHO, expect=1)
    assert still[0]["open"], "an edited file is not in force yet"
    await stage.hub("mapping", "activate", "rd-close", *WHO)
    (done,) = await stage.hub("quarantine", "release", row["id"], *WHO)
    assert (done["open"], done["outcomes"][0]["verdict"]) == (False, "applied")
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["loops"] == {"done": 1}
    assert [one["amount"]["amount"] for one in await stage.documents("reimbursements")] == ["50.00"]
    await assert_once(stage)
    told = (await stage.hub("trace", "jira:10042", "--kind", "expense"))["events"]
    assert [one["type"] for one in told] == ["expense.created", "quarantine.released"]
    assert "closed already" in await stage.hub("quarantine", "release", row["id"], *WHO, expect=2)


async def test_a_lane_stopped_by_a_bug_drains_when_the_bug_is_gone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = conclude.fold

    def broken(entity: Any, mapped: Any, *more: Any) -> Any:
        if mapped.fields.get("name") == "Project 10041":
            raise ZeroDivisionError("a bug")
        return right(entity, mapped, *more)

    with monkeypatch.context() as patch:
        patch.setattr(conclude, "fold", broken)
        await stage.give(
            project(10041), project(10041, minutes=2, summary="B"), project(10041, "done", minutes=5, summary="C")
        )
        found = await stage.settle()
        assert (found["status"]["records"]["held"], found["status"]["loops"]) == (2, {})
        assert_balanced(found)
    done = await stage.hub("quarantine", "release", "--reason", "exception", *WHO)
    assert [one["outcomes"][0]["verdict"] for one in done] == ["applied"] * 3
    found = await stage.settle()
    assert_balanced(found)
    assert (found["status"]["records"]["held"], await stage.quarantined()) == (0, [])
    assert found["status"]["loops"] == {"done": 1}


async def test_a_bug_that_is_given_up_lets_the_records_behind_it_follow(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(conclude, "fold", broken)
        await stage.give(project(10041), project(10041, minutes=2, summary="B"))
        await stage.settle()
    row = next(one for one in await stage.quarantined() if one["reason"] == "exception")
    await stage.hub("quarantine", "drop", row["id"], *WHO)
    assert_balanced(await stage.settle())
    assert await stage.quarantined() == []
    assert (await stage.state("project", "OPS-41"))["name"] == "B"


async def test_another_body_under_one_id_counts_when_a_person_says_so(stage: Stage) -> None:
    await stage.give(project(10041), project(10041, minutes=2, summary="B"), ids=["d-1", "d-1"])
    await stage.settle()
    (row,) = await stage.quarantined()
    await stage.hub("quarantine", "release", row["id"], *WHO)
    assert_balanced(await stage.settle())
    assert (await stage.state("project", "OPS-41"))["name"] == "B"
