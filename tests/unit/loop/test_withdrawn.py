"""Opened again, or deleted in its source, while the closing runs: it holds, asks its owner, takes nothing back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.engine_stage import Stage, catalog_of, closed, expense, item, money, project, rd_close
from tests.unit.loop.test_closing import events_fold_back
from tests.unit.loop.test_undo import ACTIONS, send, steps, undo_all


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(catalog_of(rd_close(steps=steps()), actions=ACTIONS))
    yield made
    events_fold_back(made)


def begun(stage: Stage, *things: Any) -> None:
    """A closing whose documents are on their way."""
    stage.say(project(), *things)
    stage.say(closed())


def made(stage: Stage) -> None:
    for effect in stage.effects("PLANNED"):
        send(stage, effect)


def gone(record: dict[str, Any], at: float = 60) -> dict[str, Any]:
    return {**record, "op": "delete", "at": record["at"] + int(at * 10**6)}


def asks(stage: Stage) -> list[str]:
    return [one.ref.partition("/")[2] for one in stage.loop().waiting if one.kind == "person"]


def test_a_project_opened_again_after_the_list_was_taken_asks_the_owner(stage: Stage) -> None:
    begun(stage, item("7"))
    stage.say(project(at=30))
    assert (stage.loop().state, asks(stage)) == ("running", ["subject"])
    assert stage.loop().waiting[0].message == "project OPS-1 is open again; go on all the same?"


def test_what_is_sent_is_settled_and_nothing_new_is_started(stage: Stage) -> None:
    begun(stage, item("7"))
    stage.say(project(at=30))
    made(stage)
    assert stage.steps() == {"purchase": "done", "reimburse": "skipped", "asset": "skipped", "tell": "waiting"}
    assert (stage.loop().state, stage.effects("PLANNED")) == ("needs_person", [])


def test_closed_again_it_goes_on_as_the_same_closing(stage: Stage) -> None:
    begun(stage, item("7"))
    stage.say(project(at=30))
    made(stage)
    stage.say(closed(at=40))
    assert (len(stage.memory.loops), asks(stage)) == (1, [])
    assert stage.steps()["tell"] == "running"


def test_the_owner_may_let_it_go_on_and_is_not_asked_again(stage: Stage) -> None:
    begun(stage, item("7"))
    stage.say(project(at=30))
    made(stage)
    assert "may not let this closing go on" in stage.person("approve", who="E1").message
    assert stage.person("approve", who="E3", why="the documents are right")
    assert stage.steps()["tell"] == "running"
    stage.say(project(at=50, name="renamed"))
    assert asks(stage) == []


def test_the_owner_may_take_it_back(stage: Stage) -> None:
    begun(stage, item("7"))
    made(stage)
    stage.say(project(at=30))
    assert stage.person("cancel", who="E3")
    assert undo_all(stage) == ["purchase"]
    assert stage.loop().state == "cancelled"


def test_a_deleted_project_holds_too(stage: Stage) -> None:
    begun(stage, item("7"))
    stage.say(gone(closed()))
    assert stage.loop().waiting[0].message == "project OPS-1 was deleted in its source; go on all the same?"
    made(stage)
    assert stage.steps()["tell"] == "waiting"


def test_nothing_is_approved_or_tried_again_while_it_holds(stage: Stage) -> None:
    begun(stage, item("7", price=money("60000.00")))
    stage.say(project(at=30))
    assert "holds until its owner has decided" in stage.person("approve", "purchase").message
    assert stage.person("approve", who="E3")
    assert stage.person("approve", "purchase")
    assert [one.step for one in stage.effects("PLANNED")] == ["purchase"]


def test_what_is_done_asks_nobody(stage: Stage) -> None:
    begun(stage, item("7"))
    stage.erp()
    assert stage.loop().state == "done"
    stage.say(project(at=30))
    stage.say(gone(item("7")))
    assert (stage.loop().state, asks(stage)) == ("done", [])


def test_an_item_deleted_before_the_list_is_taken_is_not_taken(stage: Stage) -> None:
    stage.say(project(), item("7"), expense("8"))
    stage.say(gone(expense("8"), 1))
    stage.say(closed())
    assert [one.step for one in stage.effects()] == ["purchase"]


def test_an_item_deleted_after_it_was_taken_asks_and_is_named(stage: Stage) -> None:
    begun(stage, expense("8"), expense("9"))
    stage.say(gone(expense("8")))
    assert asks(stage) == ["gone/jira:8"]
    assert "expense EXP-8 was deleted after it was taken" in stage.loop().waiting[0].message
    made(stage)
    assert (stage.steps()["reimburse"], stage.steps()["tell"]) == ("done", "waiting")
    assert stage.person("approve", who="E3", why="paid is paid")
    assert stage.steps()["tell"] == "running"


def test_an_item_that_is_there_again_asks_nobody_any_more(stage: Stage) -> None:
    begun(stage, expense("8"))
    stage.say(gone(expense("8")))
    stage.say(expense("8", at=100))
    assert asks(stage) == []


def test_what_is_not_made_yet_can_be_made_without_the_deleted_item() -> None:
    late = [
        replace(one, definition=replace(one.definition, after=("purchase",)))
        if one.definition.name == "reimburse"
        else one
        for one in steps()
    ]
    stage = Stage(catalog_of(rd_close(steps=late), actions=ACTIONS))
    begun(stage, item("7"), expense("8"), expense("9"))
    stage.say(gone(expense("8")))
    made(stage)
    assert stage.steps()["reimburse"] == "waiting"
    assert "is not gone" in stage.person("waive", "gone", "jira:9", who="E3").message
    assert stage.person("waive", "gone", "jira:8", who="E3", why="never happened")
    assert [one.item for one in stage.effects("PLANNED")] == ["jira:9"]
    events_fold_back(stage)


def test_a_list_that_asks_for_approval_asks_anew_without_the_deleted_item(stage: Stage) -> None:
    begun(stage, item("7", price=money("60000.00")), item("8"))
    stage.say(gone(item("8")))
    assert stage.person("waive", "gone", "jira:8", who="E3", why="not needed")
    assert stage.steps()["purchase"] == "asking"
    assert stage.person("approve", "purchase")
    (effect,) = stage.effects("PLANNED")
    assert len(effect.payload["lines"]) == 1
