"""Who may decide about a closing: its owner, the integration's owner, the approver a step names; nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hub.mapping.compiled import CompiledIntegration
from hub.model.effect import EffectState as S
from hub.model.people import Deputy, People, Person
from tests.engine_stage import PEOPLE, T0, Stage, catalog_of, closed, expense, item, project, rd_close
from tests.unit.loop.test_closing import events_fold_back

CHOICES = ("retry", "waive", "cancel")


def owned(loop: str, integration: str = "ops@example.com") -> CompiledIntegration:
    made = rd_close()
    (one,) = made.loops
    return replace(
        made,
        definition=replace(made.definition, owner=integration),
        loops=(replace(one, definition=replace(one.definition, owner=loop)),),
    )


def failing(integration: CompiledIntegration | None = None, people: People = PEOPLE) -> Stage:
    """A closing whose purchase and reimbursement were refused."""
    made = Stage(replace(catalog_of(integration), people=people, _tables={}, _loops={}))
    made.say(project(), item("7"), expense("8"))
    made.say(closed())
    for effect in made.effects("PLANNED"):
        made.move(effect, S.SENDING, attempts=1)
        made.move(effect, S.REJECTED, reason="no")
    return made


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = failing()
    yield made
    events_fold_back(made)


@pytest.mark.parametrize("choice", CHOICES)
def test_somebody_without_a_part_in_it_is_refused_and_told_who_may(stage: Stage, choice: Any) -> None:
    before = stage.loop()
    answer = stage.person(choice, "" if choice == "cancel" else "reimburse", who="E2")
    assert not answer
    assert answer.message.startswith(f"Wang Fang may not {choice}")
    assert answer.message.endswith("who may: ops@example.com")
    assert (stage.loop(), stage.memory.audits) == (before, [])


@pytest.mark.parametrize("choice", CHOICES)
def test_the_owner_of_the_loop_may(stage: Stage, choice: Any) -> None:
    assert stage.person(choice, "" if choice == "cancel" else "reimburse", who="E3")


def test_the_owner_of_the_integration_may_where_the_loop_has_another(stage: Stage) -> None:
    made = failing(owned("pmo", "ops@example.com"))
    assert made.person("retry", "reimburse", who="E3")
    assert made.person("waive", "reimburse", who="E2", why="paid in cash") is not None
    assert "who may: pmo, ops@example.com" in made.person("retry", "reimburse", who="E1").message


def test_the_approver_of_a_step_may_decide_about_that_step_alone(stage: Stage) -> None:
    assert stage.person("retry", "purchase", who="E1")
    assert "may not retry reimburse" in stage.person("retry", "reimburse", who="E1").message
    assert "may not retry close-out" in stage.person("retry", who="E1").message


def test_money_that_somebody_approves_is_let_go_by_the_approver_alone(stage: Stage) -> None:
    assert stage.person("waive", "purchase", who="E3").message == "Ops may not waive purchase; who may: finance"
    assert stage.person("waive", "purchase", who="E1")
    assert [(one.who, one.action) for one in stage.memory.audits] == [("E1", "loop waive")]


def test_an_owner_nobody_is_lets_nobody_in_and_says_so() -> None:
    made = failing(owned("nobody@example.com", "nobody@example.com"))
    assert made.person("waive", "reimburse", who="E3").message == (
        "Ops may not waive reimburse; who may: nobody@example.com; nobody in people.yaml is nobody@example.com"
    )


def test_a_deputy_stands_in_on_the_days_it_is_written_for() -> None:
    first, last = "2026-01-01", "2026-01-02"
    people = People(
        [
            Person("E1", "Li Wei", roles=frozenset({"finance"}), deputies=(Deputy("E2", first, last),)),
            Person("E2", "Wang Fang"),
            Person("E3", "Ops", "ops@example.com", deputies=(Deputy("E2", first, last),)),
        ]
    )
    made = failing(people=people)
    made.now = T0 + 3600 * 10**6
    assert made.person("waive", "purchase", who="E2")
    assert made.person("retry", "reimburse", who="E2")
    made = failing(people=people)
    made.now = T0 + 5 * 24 * 3600 * 10**6
    assert not made.person("waive", "purchase", who="E2")
    assert not made.person("retry", "reimburse", who="E2")


def test_a_record_set_aside_is_dropped_or_released_by_whoever_owns_the_row_or_what_reads_it() -> None:
    made = Stage()
    made.say(project(status="bad"))
    (row,) = made.rows()
    assert "may not drop this record; who may: finance, ops@example.com" in made.drop(row, who="E2").message
    assert "may not release this record" in made.release(row, who="E2").refused
    assert made.drop(row, who="E1")


def test_the_approver_of_a_step_does_not_take_back_the_whole_closing_by_naming_the_step(stage: Stage) -> None:
    assert not stage.person("cancel", who="E1")
    assert "as a whole" in stage.person("cancel", "purchase", who="E1").message
    assert stage.loop().phase != "undoing"
