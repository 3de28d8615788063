"""``hub loop retry`` on what only waits for its next attempt: done now, by whom and why is kept, no rule skipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from hub.model.clock import SECOND
from hub.model.effect import Effect
from hub.model.effect import EffectState as S
from tests.engine_stage import Stage, catalog_of, closed, expense, project, rd_close
from tests.unit.loop.test_closing import events_fold_back
from tests.unit.loop.test_undo import ACTIONS, steps


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(catalog_of(rd_close(steps=steps()), actions=ACTIONS))
    yield made
    events_fold_back(made)


def later(stage: Stage, state: S = S.PLANNED, hours: int = 10) -> Effect:
    """A reimbursement whose target was away, or said nothing clear: the executor comes back in hours."""
    stage.say(project(), expense("8"))
    stage.say(closed())
    effect = next(one for one in stage.effects("PLANNED") if one.item == "jira:8")
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, state, reason="no route", due=stage.now + hours * 3600 * SECOND)
    return stage.memory.effects[effect.key]


def test_what_waits_for_its_next_attempt_is_due_now_and_it_is_told_by_whom(stage: Stage) -> None:
    effect = later(stage)
    assert stage.person("retry", "reimburse", why="the ERP is back")
    after = stage.memory.effects[effect.key]
    assert (after.state, after.due, after.attempts) == (S.PLANNED, stage.now, 1)
    assert replace(after, due=effect.due, version=effect.version) == effect
    (audit,) = [one for one in stage.memory.audits if one.action == "loop retry"]
    assert (audit.who, audit.why) == ("E3", "the ERP is back")
    assert stage.loop().touched


def test_without_a_step_everything_that_waits_is_tried(stage: Stage) -> None:
    effect = later(stage)
    assert stage.person("retry")
    assert stage.person("retry").ok is False  # it is due already
    assert stage.memory.effects[effect.key].due == stage.now


def test_a_second_time_is_told_as_well(stage: Stage) -> None:
    effect = later(stage)
    assert stage.person("retry", "reimburse")
    stage.move(stage.memory.effects[effect.key], S.PLANNED, reason="no route", due=stage.now + 3600 * SECOND)
    assert stage.person("retry", "reimburse")
    assert [event.type for event in stage.memory.events].count("loop.retried") == 2


def test_an_unknown_result_of_a_target_that_keeps_our_key_is_looked_up_now(stage: Stage) -> None:
    effect = later(stage, S.UNKNOWN)
    assert effect.target == "A"
    assert stage.person("retry", "reimburse")
    assert stage.memory.effects[effect.key].state is S.UNKNOWN
    assert stage.memory.effects[effect.key].due == stage.now


def test_the_quiesce_time_of_another_target_is_not_cut_short(stage: Stage) -> None:
    effect = later(stage, S.UNKNOWN)
    stage.memory.effects[effect.key] = replace(effect, target="B")
    answer = stage.person("retry", "reimburse")
    assert not answer
    assert "may still be doing it" in answer.message
    assert stage.memory.effects[effect.key].due == effect.due
    stage.memory.effects[effect.key] = effect


def test_nobody_without_a_part_in_it_hurries_anything(stage: Stage) -> None:
    effect = later(stage)
    assert not stage.person("retry", "reimburse", who="E2")
    assert stage.memory.effects[effect.key].due == effect.due
