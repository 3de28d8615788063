"""What time does, with the real command on a real workspace: mails about what is overdue, missed periods, history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.workspace import ROOT, Space

WITHIN = ("within: 4h", "within: 1s")
"""The step's limit as it ships, and one a test can wait for."""
LOOKS = """integration: looks-back
owner: ops@example.com
systems: {erp: erp}
loops:
- loop: look
  for: project
  when: 'project.status == "closed"'
  steps:
  - step: never
    if: 'project.name == "no such project"'
    do: erp.settlement.create
    with:
    - {field: budget, value: '"x"'}
    - {field: text, value: '"x"'}
    - {field: amount, value: 'money("1 CNY")'}
"""


@pytest.fixture
def space(tmp_path: Path) -> Space:
    made = Space(tmp_path)
    (made.folder / "mappings" / "event-budget.yaml").unlink()
    return made


def ready(space: Space) -> None:
    space.hub("ingest", "jira", str(space.story("jira")))
    space.json("settle", "--timeout", "20")


def mails(space: Space) -> list[dict[str, Any]]:
    return [one for one in space.json("effect", "list") if one["action"] == "mail.message.send"]


def test_each_level_is_told_by_one_mail_that_is_read_back(space: Space) -> None:
    file = space.folder / "mappings" / "rd-close.yaml"
    file.write_text(file.read_text("utf-8").replace(*WITHIN), "utf-8")
    ready(space)
    late = {one["id"]: one["overdue"] for one in space.json("loop", "list") if one["overdue"]}
    assert late, "the purchase of OPS-41 waits for finance"
    assert all(steps == ["purchase"] for steps in late.values())
    told = mails(space)
    assert sorted(one["instance"] for one in told) == sorted(late)
    assert {one["state"] for one in told} == {"CONFIRMED"}
    settled = space.json("settle", "--timeout", "5")
    assert {one["loop"] for one in settled["waiting"] if one["kind"] == "timer"} == set(late)
    assert (settled["settled"], mails(space)) == (True, told)
    assert len(list((space.folder / ".hub" / "mail").glob("*.eml"))) == len(told)


def test_missed_periods_are_caught_up_once_and_only_once(space: Space) -> None:
    ready(space)
    since = datetime.now(UTC) - timedelta(days=3)
    text = (ROOT / "mappings" / "monthly-settlement.yaml").read_text("utf-8")
    text = text.replace("{every: month, working_day: 1,", "{every: day,").replace('"active"', '"closed"')
    text = text.replace(
        "  within: 3 working days\n", f"  within: 3 working days\n  starts: {{at: {since:%Y-%m-%d}}}\n"
    )
    (space.folder / "mappings" / "monthly-settlement.yaml").write_text(text, "utf-8")
    for _ in range(2):
        settled = space.json("settle", "--timeout", "20")
        assert settled["settled"]
        made = [one for one in space.json("loop", "list") if one["loop"] == "settle-month"]
        subjects = {one["subject"] for one in made}
        assert len({one["id"] for one in made}) == len(made)
        assert {sum(one["subject"] == subject for one in made) for subject in subjects} <= {3, 4}
        sent = [one for one in space.json("effect", "list") if one["action"] == "erp.settlement.create"]
        assert len({one["subject"] for one in sent}) == len(sent), "an expense is settled in one period alone"
    assert set(space.documents().values()) == {1}


def test_what_was_true_before_a_loop_is_history_of_it(space: Space) -> None:
    ready(space)
    (space.folder / "mappings" / "looks-back.yaml").write_text(LOOKS, "utf-8")
    for _ in range(2):
        space.json("settle", "--timeout", "10")
        states = [one["state"] for one in space.json("loop", "list") if one["loop"] == "look"]
        assert states
        assert set(states) == {"history"}
