"""I13: every command that takes ``--as PERSON`` leaves an audit row with who, when, what and why."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from hub.cli.app import build
from tests.integration.bad_input_bodies import expense, project, purchase
from tests.integration.bad_input_stage import Stage, staged

OWNER, PMO, FINANCE = "E1007", "E1001", "E1003"
ELSEWHERE = {
    "backup": "tests/integration/test_backup.py::test_who_restored_what_and_why_is_kept",
    "replay": "tests/integration/test_replay_verify.py"
    "::test_a_replay_that_is_killed_is_finished_by_the_next_and_is_in_the_audit",
    "entity resolve": "tests/unit/twoway/test_decisions.py::test_a_person_takes_one_side_and_the_other_gets_it",
}
"""Commands whose audit row another test looks at."""


class Acts:
    """Runs commands and remembers which of them were audited."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.seen = stage, set[str]()

    def rows(self) -> list[Any]:
        with sqlite3.connect(self.stage.workspace.store.path) as db:
            found = db.execute("SELECT id, at, who, action, object, why, result FROM audit ORDER BY id").fetchall()
        db.close()
        return found

    async def do(self, command: str, *words: str, who: str, expect: int = 0) -> Any:
        """The command by that person, for a reason of its own: exactly that stands in a new audit row."""
        why, before = f"because of {command} number {len(self.seen)}", len(self.rows())
        said = await self.stage.hub(*command.split(), *words, "--as", who, "--why", why, expect=expect)
        mine = [row for row in self.rows()[before:] if row[2] == who and row[5] == why]
        assert mine, f"{command}: {self.rows()[before:]}"
        assert all(row[1] and row[3] and row[4] and row[6] for row in mine), mine
        self.seen.add(command)
        await self.stage.settle(hours=1)
        return said


@pytest.fixture
async def acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Acts]:
    async with staged(tmp_path, monkeypatch) as stage:
        yield Acts(stage)


async def refused(acts: Acts, epic: int) -> str:
    """A closing whose reimbursement the ERP refused; gives its place."""
    await acts.stage.behave(path="/api/reimbursements", fail=1, status=422)
    await acts.stage.give(expense(epic + 1, epic, 30), project(epic, "done", minutes=5))
    await acts.stage.settle(hours=1)
    return f"OPS-{epic - 10000}/reimburse"


async def decide_about_closings(acts: Acts) -> None:
    stage = acts.stage
    await acts.do("loop retry", await refused(acts, 10041), who=OWNER)
    place = await refused(acts, 10141)
    await stage.give(expense(10142, 10141, 31, minutes=9))
    await stage.settle(hours=1)
    await acts.do("loop fix", place, who=OWNER)
    body = {"employee": "E1002", "amount": {"amount": "30.00", "currency": "CNY"}, "text": "Expense 10242"}
    async with stage.http.post(f"{stage.twins['erp']}/api/reimbursements", json=body) as answer:
        number = (await answer.json())["number"]
    await acts.do("loop done", await refused(acts, 10241), "--number", number, who=OWNER)
    await acts.do("loop waive", await refused(acts, 10341), who=OWNER)
    await stage.give(purchase(10442, 10441, 30_000, 2), project(10441, "done", minutes=5))
    await stage.settle(hours=1)
    await acts.do("loop approve", "OPS-441/purchase", who=FINANCE)
    await acts.do("loop cancel", "OPS-441", who=OWNER)


async def decide_about_records(acts: Acts) -> None:
    stage = acts.stage
    await stage.give(expense(10901, 10900, name="Weird"), expense(10902, 10900, name="Odd"))
    await stage.settle(hours=0.1)
    first, second = (one["id"] for one in await stage.quarantined())
    await acts.do("quarantine release", first, who=FINANCE, expect=1)
    await acts.do("quarantine drop", second, who=FINANCE)
    await acts.do("entity unlink", "project", "OPS-41", "jira", who=PMO)
    await acts.do("entity link", "project", "OPS-41", "jira", "10041", who=PMO)
    number = next(one["number"] for one in await stage.effects() if one["state"] == "CONFIRMED")
    edit = {"number": number, "set": {"text": "taxi home"}}
    async with stage.http.post(f"{stage.twins['erp']}/_twin/edit", json=edit) as answer:
        assert answer.status == 200
    found = (await stage.hub("reconcile", "rd-close", expect=1))["findings"]
    await acts.do("reconcile", "rd-close", "--accept", found[0]["id"], who=FINANCE, expect=int(len(found) > 1))


async def decide_about_the_hub(acts: Acts) -> None:
    await acts.do("pause", "rd-close", who=FINANCE)
    await acts.do("resume", "rd-close", who=FINANCE)
    file = acts.stage.folder / "mappings" / "rd-close.yaml"
    file.write_text(file.read_text("utf-8").replace("means: {zh: 项目名称,", "means: {zh: 项目的名称,"), "utf-8")
    await acts.do("mapping propose", "rd-close", who=OWNER)
    await acts.do("mapping approve", "rd-close", who=PMO)
    await acts.do("mapping approve", "rd-close", who=FINANCE)
    await acts.do("mapping activate", "rd-close", who=OWNER)
    await acts.do("mapping rollback", "rd-close", who=OWNER)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that takes a person."""
    for name, one in getattr(group, "commands", {}).items():
        yield from commands(one, (*path, name))
    if any("--as" in option.opts for option in group.params):
        yield " ".join(path)


async def test_every_command_of_a_person_is_in_the_audit(acts: Acts) -> None:
    await decide_about_closings(acts)
    await decide_about_records(acts)
    await decide_about_the_hub(acts)
    assert sorted(acts.seen | set(ELSEWHERE)) == sorted(commands(get_command(build())))
