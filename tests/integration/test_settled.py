"""What ``settled`` promises: true when only people can move what is left, false when time alone will, later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.cli.settle import until_settled
from tests.integration.bad_input_bodies import expense, project
from tests.integration.bad_input_stage import Stage, shipped, staged

REIMBURSEMENTS = "/api/reimbursements"


def at_once(settle: str = "0s") -> dict[str, str]:
    return {name: text.replace("settle: 5s", f"settle: {settle}") for name, text in shipped().items()}


async def settle(stage: Stage, timeout: float) -> dict[str, Any]:
    return stage.result(await until_settled(stage.serving, timeout))


def kinds(found: dict[str, Any]) -> set[str]:
    return {one["kind"] for one in found["waiting"]}


async def close(stage: Stage) -> None:
    await stage.give(project(10041, "indeterminate"), expense(10042, 10041), project(10041, "done", minutes=1))


async def test_nothing_to_do_is_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged(tmp_path, monkeypatch) as stage:
        found = await settle(stage, 5)
    assert (found["settled"], found["waiting"]) == (True, [])


async def test_a_timer_due_after_the_time_out_is_not_settled_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch, mappings=at_once("1h")) as stage:
        await close(stage)
        found = await settle(stage, 1)
    assert (found["settled"], kinds(found)) == (False, {"timer"})


async def test_an_unknown_result_looked_up_after_the_time_out_is_not_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch, mappings=at_once()) as stage:
        await stage.behave(path=REIMBURSEMENTS, fail=1000)
        await close(stage)
        found = await settle(stage, 1)
    assert found["settled"] is False
    assert kinds(found) & {"unknown", "retry"}


async def test_what_only_a_person_can_move_is_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged(tmp_path, monkeypatch, mappings=at_once()) as stage:
        await stage.give(
            project(10041, "indeterminate"), expense(10042, 10041, "abc"), project(10041, "done", minutes=1)
        )
        found = await stage.settle()
        again = await settle(stage, 5)
    assert found["settled"]
    assert again["settled"]
    assert "quarantine" in kinds(again)
