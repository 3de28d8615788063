"""People decide: whose value of a field holds, and which object of a system an entity is."""

from __future__ import annotations

from typing import Any

from hub.model.effect import EffectState
from hub.model.fact import FieldResolved, LinkDecided
from tests.twoway_stage import TwoWays, linked


def asked() -> TwoWays:
    """Both sides changed the name; the policy is to ask."""
    stage = linked("ask")
    stage.edit("jira", fields__summary="J")
    stage.edit("erp", name="E")
    stage.run()
    return stage


def resolve(take: str, **more: Any) -> FieldResolved:
    said = {"decision": "d1", "kind": "project", "key": "P-1", "field": "name", "who": "E1", "why": "I asked them"}
    return FieldResolved(**{**said, "take": take, **more})


def link(connection: str, target: str, **more: Any) -> LinkDecided:
    said = {"decision": "d2", "kind": "project", "key": "P-1", "who": "E1", "why": "same thing"}
    return LinkDecided(**{**said, "connection": connection, "object": target, **more})


def test_a_conflict_stops_the_field_and_nothing_else() -> None:
    stage = asked()
    assert stage.calls == 0
    assert stage.both() == ("J", "J", "E")
    assert list(stage.known.conflicts) == ["name"]
    stage.edit("jira", state="doing")
    stage.run()
    assert stage.both("status") == ("doing", "active", "active")
    assert stage.calls == 1


def test_a_person_takes_one_side_and_the_other_gets_it() -> None:
    stage = asked()
    assert stage.fact(resolve("erp"))
    stage.run()
    assert stage.both() == ("E", "E", "E")
    assert stage.calls == 1
    assert not stage.known.conflicts
    assert [(one.who, one.action, one.why) for one in stage.audits] == [("E1", "entity resolve", "I asked them")]


def test_what_the_hub_holds_can_be_taken_too() -> None:
    stage = asked()
    assert stage.fact(resolve("hub"))
    stage.run()
    assert stage.both() == ("J", "J", "J")


def test_systems_that_come_to_agree_end_the_conflict_by_themselves() -> None:
    stage = asked()
    stage.edit("jira", fields__summary="E")
    stage.run()
    assert stage.both() == ("E", "E", "E")
    assert stage.calls == 0
    assert "sync.agreed" in stage.types()


def test_only_who_answers_for_the_row_decides_and_says_why() -> None:
    stage = asked()
    assert stage.fact(resolve("erp", who="E2")).message == "Wang Fang may not decide name; who may: pmo"
    assert stage.fact(resolve("erp", who="nobody")).message == "nobody in people.yaml is called nobody"
    assert stage.fact(resolve("erp", why=" ")).message == "say why: --why TEXT"
    assert "has said nothing of name; take one of: erp, jira, hub" in stage.fact(resolve("trello")).message
    assert not stage.audits


def test_nothing_to_decide_is_said_so() -> None:
    stage = linked("ask")
    assert "waits for a decision" in stage.fact(resolve("erp")).message
    assert "name, status" in stage.fact(resolve("erp", field="note")).message
    assert stage.fact(resolve("erp", key="P-2")).message == "there is no project P-2"


def refused(stage: TwoWays) -> str:
    """The name's update was refused by the ERP; its key."""
    stage.edit("jira", fields__summary="Two")
    stage.hear_all()
    (effect,) = stage.open()
    stage.step(effect.key)
    stage.move(effect.key, EffectState.REJECTED, reason="too long")
    return effect.key


def test_a_refused_field_keeps_no_other_field_back_and_is_not_sent_again_by_itself() -> None:
    stage = linked()
    key = refused(stage)
    stage.edit("jira", state="doing")
    stage.run()
    assert stage.both() == ("Two", "Two", "One")
    assert stage.both("status") == ("doing", "active", "active")
    assert stage.memory.effects[key].state is EffectState.REJECTED
    assert stage.calls == 1


def test_a_newer_value_takes_the_place_of_a_refused_one() -> None:
    stage = linked()
    key = refused(stage)
    stage.edit("jira", fields__summary="2")
    stage.run()
    assert stage.both() == ("2", "2", "2")
    assert stage.memory.effects[key].state is EffectState.SUPERSEDED


def test_a_refused_update_that_somebody_retries_is_followed_to_its_end() -> None:
    stage = linked()
    key = refused(stage)
    stage.move(key, EffectState.PLANNED, reason="retry")
    assert stage.known.side("erp/7").effect == key
    stage.run()
    assert stage.both() == ("Two", "Two", "Two")
    assert stage.memory.effects[key].state is EffectState.CONFIRMED
    assert not stage.known.side("erp/7").failed


def test_a_person_can_have_a_refused_value_tried_again_or_take_the_other_side() -> None:
    for take, name in (("hub", "Two"), ("erp", "One")):
        stage = linked()
        key = refused(stage)
        assert stage.open() == []
        assert stage.fact(resolve(take))
        stage.run()
        assert stage.memory.effects[key].state is EffectState.SUPERSEDED
        assert stage.both() == (name, name, name)


def test_an_unlinked_object_is_not_written_any_more_and_a_linked_one_is_heard_first() -> None:
    stage = linked()
    assert stage.fact(link("erp", ""))
    stage.edit("jira", fields__summary="Two")
    stage.run()
    assert stage.calls == 0
    assert stage.fact(link("erp", "7", decision="d3"))
    assert [reading.object for reading in stage.memory.readings.values()] == ["7"]
    stage.run()
    assert stage.both() == ("Two", "Two", "Two")
    assert [one.action for one in stage.audits] == ["entity unlink", "entity link"]


def test_a_link_that_makes_no_sense_is_refused_in_words() -> None:
    stage = linked()
    assert "is that object already" in stage.fact(link("erp", "7")).message
    assert "hub.yaml has no connection crm" in stage.fact(link("crm", "7")).message
    assert "there is no project P-9" in stage.fact(link("erp", "9", key="P-9")).message
    assert stage.fact(link("erp", ""))
    assert "has no link there" in stage.fact(link("erp", "", decision="d9")).message
