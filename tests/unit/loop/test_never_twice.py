"""One expense, two projects: whichever closing took it first holds it until its obligation is let go."""

from __future__ import annotations

import pytest

from hub.model.effect import EffectState as S
from tests.engine_stage import Stage, catalog_of, closed, expense, item, project, rd_close


def moved(stage: Stage, *more: object) -> Stage:
    """Project 1 took expense 9; then it points at project 2, which closes too."""
    stage.say(project(), project("2"), expense("9"), *more)
    stage.say(closed())
    stage.say(expense("9", at=50, project="jira:2"))
    stage.say(closed("2", at=60))
    return stage


def paid(stage: Stage):
    """Effects that move money."""
    return [one for one in stage.effects() if one.connection == "erp"]


def second(stage: Stage):
    return stage.loop(subject="jira:2")


def test_the_second_project_leaves_it_out_and_says_who_took_it():
    stage = moved(Stage())
    assert [(one.subject, one.item) for one in paid(stage)] == [("jira:1", "jira:9")]
    (asks,) = [one for one in second(stage).waiting if one.kind == "person"]
    assert asks.message == f"expense EXP-9 was taken by {stage.loop().id} of project OPS-1"
    assert (asks.ref, second(stage).late) == (f"{second(stage).id}/late/jira:9", ("jira:9",))


def test_it_is_not_approved_here_while_it_is_held_there():
    stage = moved(Stage())
    said = stage.person("approve", "late", "jira:9", who="E3", loop=second(stage).id)
    assert "waive it there first" in said.message
    stage.erp()
    said = stage.person("approve", "late", "jira:9", who="E3", loop=second(stage).id)
    assert "waive it there first" in said.message
    assert len([one for one in stage.effects() if one.step == "reimburse"]) == 1


def test_a_waiver_here_ends_the_question():
    stage = moved(Stage())
    assert stage.person("waive", "late", "jira:9", who="E3", loop=second(stage).id)
    stage.erp()
    assert second(stage).state == "done"


def test_a_waiver_there_lets_it_be_paid_here():
    stage = moved(Stage())
    effect = stage.effects()[0]
    stage.move(effect, S.SENDING)
    stage.move(effect, S.REJECTED, reason="no")
    assert stage.person("waive", "reimburse")
    assert stage.person("approve", "late", "jira:9", who="E3", loop=second(stage).id)
    assert [(one.subject, one.state) for one in stage.effects() if one.step == "reimburse"] == [
        ("jira:1", S.CANCELLED),
        ("jira:2", S.PLANNED),
    ]


def test_what_was_waived_before_the_second_closing_is_taken_by_it():
    stage = Stage()
    stage.say(project(), project("2"), expense("9", employee=None))
    stage.say(closed())
    assert stage.person("waive", "reimburse")
    stage.say(expense("9", at=50, project="jira:2"))
    stage.say(closed("2", at=60))
    assert [(one.subject, one.item) for one in paid(stage)] == [("jira:2", "jira:9")]


def test_a_list_in_one_document_is_held_as_a_whole():
    stage = Stage()
    stage.say(project(), project("2"), item("7"), item("8"))
    stage.say(closed())
    stage.say(item("7", at=50, project="jira:2"))
    stage.say(closed("2", at=60))
    assert [one.subject for one in stage.effects() if one.step == "purchase"] == ["jira:1"]
    assert second(stage).late == ("jira:7",)


def test_an_approved_late_entity_is_held_too():
    stage = Stage()
    stage.say(project(), project("2"))
    stage.say(closed())
    stage.say(expense("9", at=30))
    assert stage.person("approve", "late", "jira:9", who="E3")
    stage.say(expense("9", at=50, project="jira:2"))
    stage.say(closed("2", at=60))
    assert [(one.subject, one.item) for one in stage.effects() if one.step == "reimburse"] == [("jira:1", "jira:9")]


def test_a_move_before_the_first_project_took_it_is_no_question():
    stage = Stage()
    stage.say(project(), project("2"), expense("9"))
    stage.say(expense("9", at=10, project="jira:2"))
    stage.say(closed())
    stage.say(closed("2", at=60))
    assert [(one.subject, one.item) for one in paid(stage)] == [("jira:2", "jira:9")]


@pytest.mark.parametrize("known", [True, False])
def test_a_version_of_the_mapping_nobody_knows_any_more_holds_what_it_took(known):
    old = rd_close()
    stage = Stage(catalog_of(old))
    stage.say(project(), project("2"), expense("9", employee=None))
    stage.say(closed())
    stage.person("waive", "reimburse")
    older = (lambda name, logic: old) if known else (lambda name, logic: None)
    stage.catalog = catalog_of(rd_close(logic="logic-2"), older=older)
    stage.say(expense("9", at=50, project="jira:2"))
    stage.say(closed("2", at=60))
    assert [one.subject for one in paid(stage)] == (["jira:2"] if known else [])


def test_what_was_let_go_with_a_document_is_not_paid_elsewhere_unasked():
    stage = Stage()
    stage.say(project(), project("2"), expense("9"))
    stage.say(closed())
    (effect,) = stage.effects("PLANNED")
    stage.move(effect, S.SENDING)
    stage.move(effect, S.SENT, remote_id="77", number="R-77")
    stage.move(effect, S.MISMATCH, reason="amount: expected 20.00 CNY, got 19.99 CNY", read_back={})
    assert stage.person("waive", "reimburse")
    stage.say(expense("9", at=50, project="jira:2"))
    stage.say(closed("2", at=60))
    assert [one.subject for one in paid(stage)] == ["jira:1"]
    assert second(stage).late == ("jira:9",)
    assert stage.person("approve", "late", "jira:9", who="E3", loop=second(stage).id)
    assert [one.subject for one in paid(stage)] == ["jira:1", "jira:2"]
