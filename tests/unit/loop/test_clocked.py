"""Loops that a clock starts: schedules, moments, crossings, and what was there before the loop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.loop import clocked
from hub.mapping.calendar import AT_ONCE, Calendar, CalendarDef, Span
from hub.mapping.compiled import CompiledIntegration, CompiledLoop
from hub.mapping.literals import point_in_time
from hub.mapping.table import DueDef, ScheduleDef
from hub.model.changes import PAGE
from hub.model.clock import SECOND, Micros, micros
from hub.model.fact import TimerDue
from hub.model.values import instant_of
from tests.engine_stage import HERE, T0, Stage, catalog_of, expense, path, project, rd_close, related, step
from tests.unit.loop.test_closing import events_fold_back

DAY = 24 * 3600
CHINA = Calendar(CalendarDef("CN", "Asia/Shanghai", HERE))
COMMENT = step(
    "tell",
    "issue.comment",
    lambda scope, link: {"issue": "1", "body": str(scope["closing"])},
    connection="jira",
    uses=("project",),
)


def at(text: str) -> Micros:
    return point_in_time(text, "Asia/Shanghai")


def loop_of(when: Any, definition: dict[str, Any], **more: Any) -> CompiledIntegration:
    made = rd_close(steps=(COMMENT,))
    loop = made.loops[0]
    own = replace(loop.definition, **{"settle": 0, "starts_of": None, **definition})
    more = {"related": (), "require": (), "starts_of": lambda scope: None, "calendar": CHINA, **more}
    compiled: CompiledLoop = replace(loop, definition=own, when=when, **more)
    return CompiledIntegration(made.definition, made.tables, (compiled,))


def active(scope: Any) -> bool:
    return bool(scope["project"]["status"] == "active")


MONTHLY = ScheduleDef("month", HERE, shift=1)


def monthly(plan: ScheduleDef = MONTHLY, starts: str = "2026-01-05", **more: Any) -> Stage:
    """A stage on 2 January 2026 with a monthly loop over active projects, its first timer set."""
    stage = Stage(catalog_of(loop_of(active, {"schedule": plan, "once": "period"}, starts_at=at(starts), **more)))
    seed(stage)
    return stage


def seed(stage: Stage) -> None:
    loop = stage.catalog.integrations["rd-close"].loops[0]
    timer = clocked.seeded(loop, None, loop.starts_at)
    assert timer is not None
    stage.memory.timers[timer.id] = timer


def until(stage: Stage, text: str) -> None:
    """Let time pass to a moment, and fire until nothing is due."""
    stage.now = at(text)
    while any(timer.due <= stage.now for timer in stage.memory.timers.values()):
        stage.pass_time(0)


def told(stage: Stage) -> list[tuple[str, str]]:
    return sorted((one.subject, stage.memory.loops[one.loop].occurrence) for one in stage.effects())


def next_timers(stage: Stage) -> list[str]:
    return sorted(timer.step for timer in stage.memory.timers.values())


def test_every_entity_for_which_when_holds_gets_its_turn_once_a_period() -> None:
    stage = monthly()
    stage.say(project("1"), project("2"), project("3", status="closed"))
    until(stage, "2026-02-02T08:59:59+08:00")
    assert told(stage) == []
    until(stage, "2026-02-02T09:00:00+08:00")  # 1 February is a Sunday
    assert told(stage) == [("jira:1", "2026-02"), ("jira:2", "2026-02")]
    assert next_timers(stage) == ["2026-03"]
    events_fold_back(stage)


def test_the_period_and_its_time_are_what_steps_see() -> None:
    stage = monthly()
    stage.say(project("1"))
    until(stage, "2026-02-20T00:00:00+08:00")
    body = stage.effects()[0].payload["body"]
    assert "'period': '2026-02'" in body
    assert "'at': '2026-02-02T01:00:00.000Z'" in body


def test_what_was_missed_is_caught_up_in_order_each_period_once() -> None:
    stage = monthly()
    stage.say(project("1"))
    until(stage, "2026-06-15T00:00:00+08:00")
    occurrences = [one.occurrence for one in sorted(stage.memory.loops.values(), key=lambda one: one.number)]
    assert occurrences == ["2026-02", "2026-03", "2026-04", "2026-05", "2026-06"]
    assert [one.closed_at for one in stage.memory.loops.values()] == sorted(
        one.closed_at for one in stage.memory.loops.values()
    )
    assert next_timers(stage) == ["2026-07"]
    events_fold_back(stage)


def test_no_period_before_the_start_is_made() -> None:
    stage = monthly(starts="2026-03-05")
    stage.say(project("1"))
    until(stage, "2026-05-15T00:00:00+08:00")
    assert [period for _, period in told(stage)] == ["2026-04", "2026-05"]


def test_a_timer_that_comes_again_starts_nothing_again() -> None:
    stage = monthly()
    stage.say(project("1"))
    timer = next(iter(stage.memory.timers.values()))
    until(stage, "2026-02-10T00:00:00+08:00")
    events = len(stage.memory.events)
    stage.memory.timers[timer.id] = timer
    until(stage, "2026-02-10T00:00:01+08:00")
    assert (len(stage.memory.events), len(told(stage)), next_timers(stage)) == (events, 1, ["2026-03"])


@pytest.mark.parametrize("back", [1, 300, DAY])
def test_a_clock_that_goes_back_over_a_period_does_not_repeat_it(back: int) -> None:
    stage = monthly()
    stage.say(project("1"))
    until(stage, "2026-02-02T09:00:01+08:00")
    stage.now -= back * SECOND
    stage.pass_time(0)
    until(stage, "2026-02-03T09:00:01+08:00")
    assert told(stage) == [("jira:1", "2026-02")]


def test_an_entity_that_came_after_its_period_was_gone_through_waits_for_the_next() -> None:
    stage = monthly()
    until(stage, "2026-02-03T00:00:00+08:00")
    stage.say(project("1"))
    until(stage, "2026-03-03T00:00:00+08:00")
    assert told(stage) == [("jira:1", "2026-03")]


def test_a_kind_of_many_entities_is_gone_through_page_by_page() -> None:
    stage = monthly()
    stage.say(*(project(f"{number:04}") for number in range(PAGE + 3)))
    until(stage, "2026-02-03T00:00:00+08:00")
    assert len(told(stage)) == PAGE + 3
    assert next_timers(stage) == ["2026-03"]


def test_a_schedule_that_is_no_longer_wanted_ends_quietly() -> None:
    stage = monthly()
    stage.say(project("1"))
    stage.catalog = catalog_of(loop_of(active, {}))
    until(stage, "2026-03-03T00:00:00+08:00")
    assert (stage.memory.timers, stage.memory.loops) == ({}, {})


def test_a_bug_in_one_entitys_turn_is_written_down_and_the_others_have_theirs() -> None:
    def broken(scope: Any) -> bool:
        if scope["project"]["name"] == "P2" and broken.armed:  # type: ignore[attr-defined]
            raise RuntimeError("boom")
        return True

    broken.armed = False  # type: ignore[attr-defined]
    stage = Stage(catalog_of(loop_of(broken, {"schedule": MONTHLY, "once": "period"}, starts_at=at("2026-01-05"))))
    seed(stage)
    stage.say(project("1"), project("2"), project("3"))
    stage.now = at("2026-02-03")
    stage.pass_time(0)
    broken.armed = True  # type: ignore[attr-defined]
    until(stage, "2026-02-03T00:00:01+08:00")
    assert told(stage) == [("jira:1", "2026-02"), ("jira:3", "2026-02")]
    assert [(one.who, one.why) for one in stage.memory.audits] == [("hub", "RuntimeError: boom")]


# --- moments


def planned_end(scope: Any) -> Micros | None:
    found = instant_of(scope["project"]["closed_at"])
    return None if found is None else micros(found)


def deadline(lead: Span = AT_ONCE, lag: Span = AT_ONCE, starts: str = "2026-01-01", **more: Any) -> Stage:
    """A stage whose active projects are warned about before ``closed_at``, which stands for a planned end here."""
    definition = {"due": DueDef(path("project.closed_at"), HERE, lead, lag), "once": "crossing", **more}
    return Stage(catalog_of(loop_of(active, definition, due_of=planned_end, starts_at=at(starts))))


def ends(text: str, source: str = "1", when: float = 10, **fields: Any) -> dict[str, Any]:
    return project(source, when, closed_at=f"{text}T01:00:00.000Z", **fields)


def test_a_moment_fires_without_any_event_and_once() -> None:
    stage = deadline(lead=Span(days=2))
    stage.say(ends("2026-02-25"))  # 09:00 in Shanghai; the Spring Festival ends on the 23rd
    until(stage, "2026-02-14T08:59:59+08:00")
    assert told(stage) == []
    until(stage, "2026-02-24T08:59:59+08:00")
    assert told(stage) == [("jira:1", "2026-02-25T01:00:00.000Z")]
    until(stage, "2026-04-01")
    assert (len(told(stage)), stage.memory.timers) == (1, {})
    events_fold_back(stage)


def test_a_moment_may_be_past_by_a_lag() -> None:
    stage = deadline(lag=Span(wall=DAY * SECOND))
    stage.say(ends("2026-02-25"))
    until(stage, "2026-02-26T08:59:00+08:00")
    assert told(stage) == []
    until(stage, "2026-02-26T09:00:00+08:00")
    assert len(told(stage)) == 1


def test_a_moment_that_moves_takes_its_timer_along() -> None:
    stage = deadline()
    stage.say(ends("2026-02-25"))
    stage.say(ends("2026-03-25", when=11))
    assert len(stage.memory.timers) == 1
    until(stage, "2026-03-01")
    assert told(stage) == []
    until(stage, "2026-03-26")
    assert told(stage) == [("jira:1", "2026-03-25T01:00:00.000Z")]


def test_a_new_moment_after_the_first_is_a_new_crossing_and_the_first_never_comes_again() -> None:
    stage = deadline()
    stage.say(ends("2026-02-25"))
    until(stage, "2026-03-01")
    stage.say(ends("2026-03-25", when=11))
    until(stage, "2026-04-01")
    stage.say(ends("2026-02-25", when=12))
    stage.say(ends("2026-03-25", when=13))
    until(stage, "2026-05-01")
    assert [moment[:10] for _, moment in told(stage)] == ["2026-02-25", "2026-03-25"]
    events_fold_back(stage)


def test_what_is_over_before_the_moment_is_not_warned_about() -> None:
    stage = deadline()
    stage.say(ends("2026-02-25"))
    stage.say(ends("2026-02-25", when=11, status="closed", outcome="delivered"))
    until(stage, "2026-03-01")
    assert (told(stage), stage.memory.loops) == ([], {})


def test_what_turns_true_after_the_moment_fires_at_once() -> None:
    stage = deadline()
    stage.say(ends("2026-02-25", status="planned"))
    until(stage, "2026-03-01")
    stage.say(ends("2026-02-25", when=11))
    assert len(told(stage)) == 1


def test_a_moment_before_the_start_is_history() -> None:
    stage = deadline(starts="2026-01-02")
    stage.say(ends("2025-12-25"))
    assert [one.state for one in stage.memory.loops.values()] == ["history"]
    assert stage.effects() == []


@pytest.mark.parametrize("back", [1, 300, DAY])
def test_a_clock_that_goes_back_warns_nobody_twice(back: int) -> None:
    stage = deadline()
    stage.say(ends("2026-02-25"))
    until(stage, "2026-02-25T09:00:01+08:00")
    stage.now -= back * SECOND
    stage.say(ends("2026-02-25", when=11, cost_center="CC2"))
    until(stage, "2026-03-01")
    assert len(told(stage)) == 1


def test_a_moment_on_the_night_the_clock_changes_has_one_time() -> None:
    berlin = Calendar(CalendarDef("DE", "Europe/Berlin", HERE))
    plan = ScheduleDef("day", HERE, time="02:30")
    stage = monthly(plan, starts="2026-03-28T00:00:00+01:00", calendar=berlin)
    stage.say(project("1"))
    until(stage, "2026-03-31T00:00:00+02:00")
    assert [period for _, period in told(stage)] == ["2026-03-28", "2026-03-29", "2026-03-30"]


# --- what was there before the loop


def adopt(stage: Stage) -> None:
    timer = clocked.adopting(stage.catalog.integrations["rd-close"].loops[0], stage.now)
    stage.memory.timers[timer.id] = timer
    while stage.memory.timers and any(one.due <= stage.now for one in stage.memory.timers.values()):
        stage.pass_time(0)


def before_the_loop(*records: Any) -> Stage:
    """A stage that knew these records before it had any loop."""
    made = loop_of(active, {})
    stage = Stage(catalog_of(CompiledIntegration(made.definition, made.tables, ())))
    stage.say(*records)
    return stage


def test_what_was_true_before_the_loop_is_history_and_nothing_is_done() -> None:
    stage = before_the_loop(project("1"), project("2", status="closed"))
    stage.catalog = catalog_of(loop_of(active, {}, starts_at=T0))
    adopt(stage)
    assert [(one.subject, one.state) for one in stage.memory.loops.values()] == [("jira:1", "history")]
    adopt(stage)
    assert (len(stage.memory.loops), stage.effects()) == (1, [])
    events_fold_back(stage)


def test_moments_still_to_come_get_their_timers_and_those_gone_by_are_history() -> None:
    stage = before_the_loop(ends("2026-02-25"), ends("2025-12-25", "2"))
    stage.catalog = deadline(starts="2026-01-02").catalog
    adopt(stage)
    assert [(one.subject, one.state) for one in stage.memory.loops.values()] == [("jira:2", "history")]
    until(stage, "2026-03-01")
    assert told(stage) == [("jira:1", "2026-02-25T01:00:00.000Z")]


def test_a_schedule_makes_no_history_of_what_was_there() -> None:
    stage = before_the_loop(project("1"))
    stage.catalog = monthly().catalog
    adopt(stage)
    assert stage.memory.loops == {}


def test_many_entities_from_before_are_looked_at_page_by_page() -> None:
    stage = before_the_loop(*(project(f"{number:04}") for number in range(PAGE + 3)))
    stage.catalog = catalog_of(loop_of(active, {}))
    adopt(stage)
    assert len(stage.memory.loops) == PAGE + 3
    assert stage.memory.timers == {}


def test_a_fact_for_a_loop_that_is_gone_does_nothing() -> None:
    stage = before_the_loop(project("1"))
    assert stage.fact(TimerDue("adopt/x/y/z", "adopt", "x/y"))
    assert stage.memory.loops == {}


def monthly_expenses() -> Stage:
    """A stage whose monthly loop settles the approved expenses of each active project."""
    settle = step(
        "settle",
        "asset.create",
        lambda scope, link: {"name": " ".join(one["text"] for one in scope["expenses"])},
        applies=lambda scope: len(scope["expenses"]) > 0,
        uses=("expenses",),
    )
    definition = {"schedule": MONTHLY, "once": "period"}
    expenses = (related("expenses", "expense", "approved"),)
    made = loop_of(active, definition, starts_at=at("2026-01-05"), related=expenses, steps=(settle,))
    stage = Stage(catalog_of(made))
    seed(stage)
    return stage


def test_each_period_takes_what_no_earlier_one_took_and_nothing_is_late() -> None:
    stage = monthly_expenses()
    stage.say(project("1"), expense("7", text="taxi"))
    until(stage, "2026-02-03")
    stage.erp()
    stage.say(expense("8", text="train"))
    assert stage.loop().late == ()
    until(stage, "2026-03-03")
    stage.erp()
    until(stage, "2026-04-02")
    sent = [(stage.memory.loops[one.loop].occurrence, one.payload["name"]) for one in stage.effects()]
    assert sent == [("2026-02", "taxi"), ("2026-03", "train")]
    assert {one.state for one in stage.memory.loops.values()} == {"done"}
    events_fold_back(stage)
