"""Predictions beside what happened: exact where nothing came between, and every miss with what did."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.cli.backtest import compared
from hub.history.backtest_report import lines
from tests.closings import Closings

CLOSINGS = int(os.environ.get("HUB_CLOSINGS", "150"))
"""How many closings are simulated; ``make soak`` says 1,000."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Closings]:
    made = Closings(tmp_path)
    yield made
    made.close_store()


def told(stage: Closings) -> dict[str, Any]:
    return compared(stage.store, stage.catalog, 0)


def missed(said: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    return [(one["step"], one["item"], one["kind"]) for one in said["misses"]]


def because(miss: dict[str, Any]) -> list[str]:
    return [reason["what"] for reason in miss["because"]]


def test_every_prediction_comes_true_where_nothing_changed_in_between(stage: Closings) -> None:
    for number in range(CLOSINGS):
        stage.project(number)
    stage.settle()
    for number in range(CLOSINGS):
        stage.close(number)
    stage.settle()
    said = told(stage)
    assert (said["closings"], said["precision"], said["recall"], said["misses"]) == (CLOSINGS, "1.0", "1.0", [])
    assert said["right"] > CLOSINGS * 2


def test_an_amount_that_changes_with_the_closing_is_named_with_its_delivery(stage: Closings) -> None:
    stage.issue(10_000, "Epic", **stage._project(0))
    stage.settle()
    stage.close(0, customfield_10203=4321)
    stage.settle()
    said = told(stage)
    (miss,) = said["misses"]
    assert (miss["step"], miss["kind"], miss["fields"]) == ("asset", "differs", ["value", "@amount"])
    assert [(one["fields"], bool(one["delivery"])) for one in miss["because"]] == [(["actual_cost"], True)]
    assert said["unexplained"] == 0


def test_an_expense_that_comes_before_the_list_is_taken_was_not_foreseen_and_is_named(stage: Closings) -> None:
    stage.issue(10_000, "Epic", **stage._project(1))
    stage.settle()
    stage.close(0, customfield_10202={"value": "Software"})
    stage.expense(10_005, 10_000, 77)
    stage.settle()
    said = told(stage)
    assert missed(said) == [("reimburse", "jira:10005", "not_foreseen"), ("tell", None, "differs")]
    assert any(one.get("entity") == "expense/jira:10005" for one in said["misses"][0]["because"])
    assert said["unexplained"] == 0


def test_a_waived_step_is_a_miss_explained_by_who_waived_it(stage: Closings) -> None:
    stage.issue(10_000, "Epic", **stage._project(0))
    stage.settle()
    stage.close(0)
    stage.settle(approve=False)
    stage.person("waive", stage.loop_of(0), "asset")
    stage.settle()
    said = told(stage)
    assert missed(said) == [("asset", None, "not_made"), ("tell", None, "differs")]
    assert all("waived" in because(miss) for miss in said["misses"])
    assert said["misses"][0]["because"][0]["who"] == "E1007"


def test_an_open_approval_explains_what_is_not_there_yet(stage: Closings) -> None:
    stage.issue(10_000, "Epic", **stage._project(0))
    stage.settle()
    stage.close(0)
    stage.settle(approve=False)
    said = told(stage)
    assert missed(said) == [("asset", None, "not_made"), ("tell", None, "not_made")]
    assert "waits for approval" in because(said["misses"][0])
    assert (said["precision"], said["recall"]) == ("0.0000", "1.0")


def test_a_requirement_that_was_missing_is_the_reason_for_what_was_not_foreseen(stage: Closings) -> None:
    stage.issue(10_000, "Epic", **{**stage._project(1), "customfield_10201": None})
    stage.item(10_001, 10_000, 1)
    stage.settle()
    stage.close(0, customfield_10201=None, customfield_10202={"value": "Software"})
    stage.settle()
    stage.close(0, customfield_10202={"value": "Software"})
    stage.settle()
    said = told(stage)
    assert missed(said) == [("purchase", None, "not_foreseen"), ("tell", None, "not_foreseen")]
    assert all("blocked" in because(miss) for miss in said["misses"])
    assert any("cost_center" in one.get("fields", ()) for one in said["misses"][0]["because"])


def test_a_project_first_seen_closed_could_not_be_foreseen(stage: Closings) -> None:
    stage.close(0)
    stage.settle()
    said = told(stage)
    assert {miss["kind"] for miss in said["misses"]} == {"not_foreseen"}
    assert all("first_sight" in because(miss) for miss in said["misses"])


def test_the_state_before_a_closing_knows_nothing_that_came_later(stage: Closings) -> None:
    """An item that is bought after the closing was in the list then, whatever it says today."""
    stage.issue(10_000, "Epic", **stage._project(1))
    stage.item(10_001, 10_000, 2)
    stage.settle()
    stage.close(0, customfield_10202={"value": "Software"})
    stage.settle()
    stage.item(10_001, 10_000, 2, status="done")
    stage.issue(10_000, "Epic", **{**stage._project(1), "customfield_10203": 9})
    stage.settle()
    said = told(stage)
    assert (said["precision"], said["recall"], said["misses"]) == ("1.0", "1.0", [])


@pytest.mark.parametrize(("language", "word"), [("en", "precision 1.0"), ("zh", "精确率 1.0")])
def test_the_figures_are_told_in_both_languages(stage: Closings, language: str, word: str) -> None:
    stage.project(1)
    stage.settle()
    stage.close(1)
    stage.settle()
    assert word in "\n".join(lines(told(stage), language))
