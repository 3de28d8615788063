"""A condition that gives no value is written down where people look; it is never a silent no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hub.mapping.compiled import CompiledLoop, ExpressionError
from hub.model.changes import Quarantine
from hub.model.clock import SECOND
from tests.engine_stage import Stage, catalog_of, closed, expense, item, project, rd_close
from tests.unit.loop.test_closing import events_fold_back


def with_loop(change: Any, **more: Any) -> Stage:
    made = rd_close(**more)
    (loop,) = made.loops
    return Stage(catalog_of(replace(made, loops=(change(loop),))))


def picky(loop: CompiledLoop) -> CompiledLoop:
    """``when`` compares the name; a name of ``?`` is something it can say nothing about."""

    def when(scope: Any) -> bool:
        if scope["project"]["name"] == "?":
            raise ExpressionError("type-error", "? is no name")
        return loop.when(scope)

    return replace(loop, when=when)


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = with_loop(picky)
    yield made
    events_fold_back(made)


def only(stage: Stage) -> Quarantine:
    (row,) = stage.rows()
    return row


def test_a_when_without_a_value_starts_nothing_and_is_written_down(stage: Stage) -> None:
    stage.say(closed(name="?"))
    row = only(stage)
    assert (row.reason, row.row, row.owner, row.message) == ("condition", "when", "ops@example.com", "? is no name")
    assert (row.kind, row.key, row.table, row.connection) == ("project", "jira:1", "rd-close/close-out", "jira")
    assert (stage.memory.loops, stage.balanced()) == ({}, True)


def test_the_same_trouble_again_is_one_note_and_counted_once(stage: Stage) -> None:
    stage.say(closed(name="?"))
    first = only(stage)
    stage.now += 60 * SECOND
    stage.say(closed(name="?", at=30, cost_center="CC2"))
    assert only(stage) == first
    assert stage.memory.measures["rd-close", "conditions_without_value"] == 1


def test_when_it_gives_a_value_again_the_note_is_closed_and_the_loop_starts(stage: Stage) -> None:
    stage.say(closed(name="?"))
    stage.say(closed(at=30))
    assert stage.rows() == []
    assert [row.closed_by for row in stage.memory.quarantines.values()] == ["it gives a value again"]
    assert stage.loop().state == "running"


def test_a_person_may_drop_the_note_but_there_is_no_record_to_release(stage: Stage) -> None:
    stage.say(closed(name="?"))
    assert stage.drop(only(stage), who="E3")
    assert stage.rows() == []


def test_a_closing_that_has_begun_waits_instead_of_ending_silently() -> None:
    stage = with_loop(picky, settle=5 * SECOND)
    stage.say(project(), item("7"))
    stage.say(closed())
    stage.say(closed(name="?", at=30))
    stage.pass_time(6)
    assert (stage.loop().state, stage.waits()) == ("blocked", [("missing", "ops@example.com")])
    assert stage.loop().waiting[0].message == "? is no name"
    stage.say(closed(at=40))
    assert (stage.loop().state, stage.steps()["purchase"]) == ("running", "running")
    events_fold_back(stage)


def test_a_closing_time_that_is_no_moment_is_written_down_and_the_records_time_counts() -> None:
    def no_moment(loop: CompiledLoop) -> CompiledLoop:
        def starts_of(scope: Any) -> int | None:
            raise ExpressionError("type-error", "no moment at project.closed_at")

        return replace(loop, starts_of=starts_of)

    stage = with_loop(no_moment)
    stage.say(closed())
    assert (only(stage).row, only(stage).message) == ("starts.of", "no moment at project.closed_at")
    assert stage.loop().state == "running"


def test_a_note_about_a_condition_holds_no_money_back(stage: Stage) -> None:
    stage.say(project(), item("7"))
    stage.say(project(name="?", at=12))
    stage.say(closed())
    assert stage.steps()["purchase"] == "running"


def test_a_where_without_a_value_makes_nobody_late_and_is_written_down() -> None:
    def choosy(loop: CompiledLoop) -> CompiledLoop:
        items, expenses = loop.related

        def where(scope: Any) -> bool:
            if scope["expense"]["text"] == "?":
                raise ExpressionError("type-error", "? is no text")
            return expenses.where(scope)

        return replace(loop, related=(items, replace(expenses, where=where)))

    stage = with_loop(choosy)
    stage.say(project(), item("7"))
    stage.say(closed())
    stage.say(expense("9", at=40, text="?"))
    assert (only(stage).row, stage.loop().late) == ("where", ())
    stage.say(expense("9", at=50))
    assert (stage.rows(), stage.loop().late) == ([], ("jira:9",))
    events_fold_back(stage)
