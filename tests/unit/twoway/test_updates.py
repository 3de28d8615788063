"""What an update carries, when it is sent, and what its outcome means."""

from __future__ import annotations

import pytest

from hub.model.effect import EffectState
from hub.model.fact import ReadFailed
from hub.store.documents import load_twoway, twoway_row
from tests.twoway_stage import TwoWays, linked

_S = EffectState


def states(stage: TwoWays) -> list[str]:
    return [effect.state.value for effect in stage.memory.effects.values()]


def test_one_record_that_changes_two_fields_makes_one_update_of_both() -> None:
    stage = linked()
    stage.edit("jira", fields__summary="Two", state="doing")
    stage.hear_all()
    (effect,) = stage.open()
    assert effect.payload == {"object": "7", "fields": {"name": "Two", "status": "active"}}
    assert (effect.connection, effect.action, effect.step, effect.item) == (
        "erp",
        "project.update",
        "sync/project",
        "7",
    )


def test_what_was_not_sent_yet_gives_way_and_carries_its_other_fields_on() -> None:
    stage = linked()
    stage.edit("jira", fields__summary="Two")
    stage.hear_all()
    stage.edit("jira", fields__summary="Three", state="doing")
    stage.hear_all()
    assert states(stage) == ["SUPERSEDED", "PLANNED"]
    (effect,) = stage.open()
    assert effect.payload["fields"] == {"name": "Three", "status": "active"}
    stage.run()
    assert stage.calls == 1


def test_a_value_that_is_taken_back_before_it_was_sent_is_never_sent() -> None:
    stage = linked()
    stage.edit("jira", fields__summary="Two")
    stage.hear_all()
    stage.edit("jira", fields__summary="One")
    stage.hear_all()
    assert states(stage) == ["SUPERSEDED"]
    assert stage.calls == 0


def test_while_one_is_on_its_way_the_next_waits_whatever_became_of_it() -> None:
    stage = linked()
    stage.edit("jira", fields__summary="Two")
    stage.hear_all()
    (first,) = stage.open()
    stage.step(first.key)
    stage.step(first.key, lost=True)
    stage.edit("jira", fields__summary="Three")
    stage.hear_all()
    assert [one.key for one in stage.open()] == [first.key]
    stage.run()
    assert stage.both() == ("Three", "Three", "Three")
    assert states(stage) == ["CONFIRMED", "CONFIRMED"]


def test_an_unknown_update_that_did_not_arrive_gives_way_to_a_newer_one() -> None:
    stage = linked()
    stage.edit("jira", fields__summary="Two")
    stage.hear_all()
    (first,) = stage.open()
    stage.move(first.key, _S.SENDING)
    stage.move(first.key, _S.UNKNOWN)
    stage.edit("erp", name="E")
    stage.hear_all()
    stage.run()
    assert stage.both() == ("E", "E", "E")
    assert stage.memory.effects[first.key].state is _S.SUPERSEDED
    assert stage.erp.calls == 0


def test_an_object_is_read_before_it_is_written_so_a_change_nobody_told_is_no_victim() -> None:
    stage = linked("newest", reads=True)
    stage.edit("jira", fields__summary="J")
    stage.edit("erp", name="E")
    stage.erp.told.clear()  # a system that is only asked from time to time
    stage.hear("jira")
    assert stage.open() == []
    stage.run()
    assert stage.both() == ("E", "E", "E")
    assert stage.erp.calls == 0
    assert "sync.decided" in stage.types()


@pytest.mark.parametrize(("outcome", "asks"), [("gone", []), ("refused", ["name"])])
def test_an_object_that_cannot_be_read_is_not_written(outcome: str, asks: list[str]) -> None:
    stage = linked(reads=True)
    stage.edit("jira", fields__summary="Two")
    stage.hear("jira")
    (reading,) = stage.memory.readings.values()
    fact = ReadFailed(reading.cause, reading.id, outcome, "no rights")  # type: ignore[arg-type]
    assert stage.fact(fact)
    stage.run()
    assert stage.calls == 0
    assert list(stage.known.conflicts) == asks


def test_a_change_on_the_way_is_a_conflict_and_no_mismatch() -> None:
    stage = linked("newest")
    stage.edit("jira", fields__summary="Two")
    stage.hear_all()
    (effect,) = stage.open()
    stage.step(effect.key)
    stage.step(effect.key)
    stage.edit("erp", name="E")
    stage.step(effect.key)
    assert stage.memory.effects[effect.key].state is _S.MISMATCH
    stage.run()
    assert stage.memory.effects[effect.key].state is _S.SUPERSEDED
    assert stage.both() == ("E", "E", "E")


def test_a_system_that_mangles_what_it_is_given_is_written_to_twice_then_a_person_is_asked() -> None:
    stage = linked("source")
    stage.erp.mangles = True
    stage.edit("jira", fields__summary="A long name")
    stage.run()
    assert stage.both() == ("A long name", "A long name", "A lo")
    assert stage.calls == 2
    assert states(stage) == ["SUPERSEDED", "MISMATCH"]


def test_null_empties_and_absent_says_nothing() -> None:
    stage = linked()
    stage.edit("jira", cost=None)
    stage.run()
    assert stage.both("budget") == (None, None, None)
    del stage.erp.objects["7"]["status"]
    stage.edit("erp", budget={"amount": "5.00", "currency": "CNY"})
    stage.hear("erp", op="partial")
    stage.run()
    assert stage.state["status"] == "planned"
    assert stage.jira.objects["10"]["cost"] == "5.00"


def test_a_value_the_other_system_cannot_say_asks_a_person_and_writes_the_rest() -> None:
    stage = linked("ask")
    stage.edit("erp", name="Two", budget={"amount": "5.00", "currency": "EUR"})
    stage.run()
    assert stage.both()[0] == "Two"
    assert "5.00 EUR is no amount in CNY" in stage.known.conflicts["budget"].why
    assert stage.jira.objects["10"]["cost"] == "100.00"


def test_nothing_is_written_while_the_entity_is_deleted() -> None:
    stage = linked()
    stage.edit("jira", fields__summary="Two")
    stage.hear_all()
    stage.edit("erp")
    stage.hear("erp", op="delete")
    stage.run()
    assert stage.calls == 0
    assert states(stage) == ["CANCELLED"]


def test_a_refused_record_is_not_heard_and_nothing_of_it_is_written() -> None:
    stage = linked()
    stage.edit("jira", fields__summary="Two", state="no such state")
    stage.run()
    assert [one.reason for one in stage.outcomes if one.reason] == ["unknown-value"]
    assert stage.both() == ("Two", "One", "One")
    assert stage.calls == 0


def test_an_update_keeps_the_version_that_planned_it() -> None:
    stage = linked()
    stage.edit("jira", fields__summary="Two")
    stage.hear_all()
    (effect,) = stage.open()
    assert effect.logic == stage.catalog.integrations["t"].definition.logic


def test_what_is_known_comes_back_from_the_store_as_it_was() -> None:
    stage = linked("ask")
    stage.edit("jira", fields__summary="J", state="doing")
    stage.edit("erp", name="E")
    stage.hear_all()
    (effect,) = stage.open()
    stage.step(effect.key)
    stage.move(effect.key, _S.REJECTED, reason="no")
    *_, opened, document = twoway_row(stage.known)
    assert opened is True
    assert load_twoway(document) == stage.known


def concluded(size: int) -> list[tuple[object, ...]]:
    """Every event of ten records, concluded that many at a time."""
    stage = TwoWays()
    for number in range(1, 6):
        stage.edit("jira", fields__summary=f"J{number}", state="todo", cost="100.00", note="")
        stage.edit("erp", name=f"E{number}", status="planned", budget=None)
    said = [(name, one, "snapshot") for name in ("jira", "erp") for one in stage.systems[name].told]
    said.sort(key=lambda one: str(one[1]["at"]))
    stage.standing = True
    for place in range(0, len(said), size):
        stage.batch(said[place : place + size])
    assert states(stage)
    return [(one.id, one.stream, one.version, one.type, one.causation, one.data) for one in stage.events]


def test_the_borders_of_batches_change_nothing() -> None:
    assert concluded(1) == concluded(7) == concluded(500)
