"""Warnings about a crossing: once each, whatever flaps, and again only after what arms them anew."""

from __future__ import annotations

from typing import Any

import pytest

from hub.mapping.compiled import ExpressionError
from hub.model.clock import SECOND
from hub.model.values import CurrencyMismatch
from tests.engine_stage import T0, Stage, catalog_of, project
from tests.unit.loop.test_clocked import DAY, adopt, before_the_loop, loop_of
from tests.unit.loop.test_closing import events_fold_back


def over(scope: Any) -> bool:
    return float(scope["project"]["actual_cost"]["amount"]) > 100


def well_below(scope: Any) -> bool:
    return float(scope["project"]["actual_cost"]["amount"]) < 80


def crossing(settle: int = 0, **more: Any) -> Stage:
    return Stage(catalog_of(loop_of(over, {"once": "crossing", "settle": settle * SECOND}, starts_at=T0, **more)))


def cost(stage: Stage, amount: int, wait: float = 60) -> None:
    stage.say(project("1", at=stage.now / SECOND, actual_cost={"amount": f"{amount}.00", "currency": "CNY"}))
    stage.pass_time(wait)


def numbers(stage: Stage) -> list[str]:
    return [one.occurrence for one in sorted(stage.memory.loops.values(), key=lambda one: one.number)]


def test_a_crossing_counts_once_however_long_it_lasts() -> None:
    stage = crossing()
    for amount in (90, 110, 120, 130):
        cost(stage, amount)
    assert numbers(stage) == ["1"]
    assert len(stage.effects()) == 1


def test_a_true_re_crossing_is_a_new_occurrence_and_asks_nobody() -> None:
    stage = crossing()
    for amount in (110, 90, 110, 90, 110):
        cost(stage, amount)
    assert numbers(stage) == ["1", "2", "3"]
    assert len(stage.effects()) == 3
    events_fold_back(stage)


def test_what_flaps_within_the_settling_time_is_the_same_crossing() -> None:
    stage = crossing(settle=600)
    cost(stage, 110, 601)
    for _ in range(5):
        cost(stage, 90, 60)
        cost(stage, 110, 60)
    assert numbers(stage) == ["1"]
    cost(stage, 90, 601)
    cost(stage, 110, 601)
    assert numbers(stage) == ["1", "2"]
    assert len(stage.effects()) == 2
    events_fold_back(stage)


def test_what_falls_back_while_it_settles_leaves_no_trace_outside() -> None:
    stage = crossing(settle=600)
    cost(stage, 110, 60)
    cost(stage, 90, 600)
    assert (stage.effects(), stage.loop().state) == ([], "cancelled")
    cost(stage, 110, 601)
    assert (numbers(stage), len(stage.effects())) == (["1"], 1)


def test_a_crossing_counts_anew_only_after_what_rearms_it() -> None:
    stage = crossing(rearm=well_below)
    for amount in (110, 90, 110, 85, 110):
        cost(stage, amount)
    assert numbers(stage) == ["1"]
    cost(stage, 70)
    cost(stage, 90)
    cost(stage, 110)
    assert numbers(stage) == ["1", "2"]
    events_fold_back(stage)


@pytest.mark.parametrize("problem", [ExpressionError("no-such-name", "no gap"), CurrencyMismatch("CNY and EUR")])
def test_a_rearm_without_a_value_is_written_down_and_arms_nothing(problem: Exception) -> None:
    def silent(scope: Any) -> bool:
        raise problem

    stage = crossing(rearm=silent)
    for amount in (110, 70, 110):
        cost(stage, amount)
    assert numbers(stage) == ["1"]
    assert [(row.reason, row.row, row.message) for row in stage.rows()] == [("condition", "rearm", str(problem))]


def test_a_clock_that_goes_back_makes_no_crossing_of_a_flap() -> None:
    stage = crossing(settle=600)
    cost(stage, 110, 601)
    cost(stage, 90, -DAY)
    stage.say(project("1", at=stage.now / SECOND + 2 * DAY, actual_cost={"amount": "110.00", "currency": "CNY"}))
    assert numbers(stage) == ["1"]


def test_who_was_over_the_threshold_before_the_loop_is_warned_at_the_next_crossing_only() -> None:
    stage = before_the_loop(project("1", actual_cost={"amount": "110.00", "currency": "CNY"}))
    stage.catalog = crossing().catalog
    adopt(stage)
    cost(stage, 120)
    assert (numbers(stage), stage.effects()) == (["1"], [])
    cost(stage, 90)
    cost(stage, 110)
    assert [one.state for one in stage.memory.loops.values()] == ["history", "running"]
    assert len(stage.effects()) == 1
