"""An action of several calls: each its own effect, all of one reference, the next chosen by the state read back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.model.action import Call
from hub.model.effect import Effect
from hub.model.effect import EffectState as S
from tests.engine_stage import Stage, action, catalog_of, closed, item, money, project
from tests.unit.loop.test_closing import events_fold_back

CALLS = (
    Call("create", frozenset({"draft", "waiting", "approved"})),
    Call("wait", frozenset({"waiting", "approved"})),
    Call("approve", frozenset({"approved"})),
)
TOTAL = {"total": money("20.00")}


@pytest.fixture
def stage() -> Iterator[Stage]:
    name = "purchase_requisition.create"
    made = Stage(catalog_of(actions={name: action(name, calls=CALLS)}))
    made.say(project(), item("7"))
    made.say(closed())
    yield made
    events_fold_back(made)


def newest(stage: Stage) -> Effect:
    """The one call on its way; there is never a second."""
    (one,) = [effect for effect in stage.effects("PLANNED") if effect.connection == "erp"]
    return one


def sent(stage: Stage, to: S, state: str = "", **more: object) -> Effect:
    """The planned call reaches the target and is read back in that document state."""
    effect = newest(stage)
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, S.SENT, remote_id="77", number="PR-77", url="http://erp/77", document_state=state)
    stage.move(effect, to, document_state=state, **more)
    return effect


def test_three_calls_are_three_effects_of_one_reference(stage: Stage) -> None:
    first = sent(stage, S.CONFIRMED, "draft", read_back={})
    second = sent(stage, S.CONFIRMED, "waiting", read_back={})
    third = sent(stage, S.CONFIRMED, "approved", read_back=TOTAL)
    assert [one.step for one in (first, second, third)] == [
        "purchase/1-create",
        "purchase/2-wait",
        "purchase/3-approve",
    ]
    assert {one.reference for one in (first, second, third)} == {first.key}
    assert len({first.key, second.key, third.key}) == 3
    assert (second.remote_id, third.number, third.payload) == ("77", "PR-77", first.payload)
    assert stage.steps()["purchase"] == "done"
    (part,) = stage.loop().steps[0].obligations
    assert (part.number, part.read, part.effects) == ("PR-77", TOTAL, (first.key, second.key, third.key))


def test_only_the_last_call_says_what_is_expected(stage: Stage) -> None:
    calls = [sent(stage, S.CONFIRMED, state, read_back=TOTAL) for state in ("draft", "waiting", "approved")]
    assert [one.expect for one in calls] == [{}, {}, TOTAL]


def test_a_call_the_document_is_past_already_is_left_out(stage: Stage) -> None:
    sent(stage, S.CONFIRMED, "waiting", read_back={})
    assert newest(stage).step == "purchase/3-approve"


def test_a_document_that_somebody_approved_meanwhile_is_done(stage: Stage) -> None:
    sent(stage, S.CONFIRMED, "approved", read_back=TOTAL)
    assert stage.steps()["purchase"] == "done"
    assert [one.step for one in stage.effects() if one.connection == "erp"] == ["purchase/1-create"]


def test_a_document_that_somebody_changed_and_approved_is_a_mismatch(stage: Stage) -> None:
    sent(stage, S.CONFIRMED, "approved", read_back={"total": money("21.00")})
    assert (stage.steps()["purchase"], stage.waits()) == ("failed", [("mismatch", "ops@example.com")])
    assert "never sent again" in stage.person("retry", "purchase").message


def test_a_document_put_right_by_hand_stands(stage: Stage) -> None:
    sent(stage, S.CONFIRMED, "approved", read_back={"total": money("21.00")})
    known = {"number": "PR-77", "remote_id": "77"}
    assert (
        "does not say what is owed"
        in stage.person("done", "purchase", **known, document={"total": money("21.00")}).message
    )
    assert stage.person("done", "purchase", **known, document=TOTAL)
    assert stage.steps()["purchase"] == "done"


def test_a_call_refused_in_the_middle_is_tried_again_with_its_own_key(stage: Stage) -> None:
    sent(stage, S.CONFIRMED, "draft", read_back={})
    waits = newest(stage)
    stage.move(waits, S.SENDING, attempts=1)
    stage.move(waits, S.REJECTED, reason="the requisition has no supplier")
    assert (stage.steps()["purchase"], stage.waits()) == ("failed", [("rejected", "ops@example.com")])
    assert stage.effects("PLANNED") == []
    assert stage.person("retry", "purchase")
    assert newest(stage).key == waits.key
    sent(stage, S.CONFIRMED, "waiting", read_back={})
    sent(stage, S.CONFIRMED, "approved", read_back=TOTAL)
    assert (stage.steps()["purchase"], stage.loop().touched) == ("done", True)


def test_a_mismatch_on_the_last_call_asks_and_is_never_sent_again(stage: Stage) -> None:
    sent(stage, S.CONFIRMED, "draft", read_back={})
    sent(stage, S.CONFIRMED, "waiting", read_back={})
    sent(stage, S.MISMATCH, "approved", reason="total: 21.00 CNY", read_back={"total": money("21.00")})
    assert stage.waits() == [("mismatch", "ops@example.com")]
    assert "never sent again" in stage.person("retry", "purchase").message
    assert stage.effects("PLANNED") == []


def test_a_call_that_changed_nothing_is_not_made_twice(stage: Stage) -> None:
    sent(stage, S.CONFIRMED, "draft", read_back={})
    sent(stage, S.CONFIRMED, "draft", read_back={})
    assert (stage.steps()["purchase"], stage.waits()) == ("failed", [("human", "ops@example.com")])
    assert stage.effects("PLANNED") == []


def test_a_document_that_fell_back_does_not_repeat_the_create(stage: Stage) -> None:
    sent(stage, S.CONFIRMED, "waiting", read_back={})
    sent(stage, S.CONFIRMED, "draft", read_back={})
    assert newest(stage).step == "purchase/2-wait"
    sent(stage, S.CONFIRMED, "cancelled", read_back={})
    assert (stage.steps()["purchase"], stage.effects("PLANNED")) == ("failed", [])


def test_a_refused_call_waived_by_a_person_leaves_the_document_as_it_is(stage: Stage) -> None:
    sent(stage, S.CONFIRMED, "draft", read_back={})
    stage.move(newest(stage), S.SENDING)
    stage.move(next(one for one in stage.effects("SENDING")), S.REJECTED, reason="no")
    assert stage.person("waive", "purchase", who="E1")
    assert [one.state for one in stage.effects() if one.connection == "erp"] == [S.CONFIRMED, S.CANCELLED]
    stage.erp()
    assert stage.loop().state == "done"


def test_without_a_state_to_read_the_calls_follow_each_other(stage: Stage) -> None:
    steps = [sent(stage, S.CONFIRMED, read_back=TOTAL).step for _ in CALLS]
    assert steps == ["purchase/1-create", "purchase/2-wait", "purchase/3-approve"]
    assert stage.steps()["purchase"] == "done"


def test_what_was_approved_before_the_data_was_put_right_is_expected_of_nothing(stage: Stage) -> None:
    stage.say(project("2"), item("8", project="jira:2", price=money("30000.00")))
    stage.say(closed("2"))
    loop = stage.loop(subject="jira:2").id
    assert stage.person("approve", "purchase", loop=loop)
    (refused,) = [one for one in stage.effects("PLANNED") if one.loop == loop]
    stage.move(refused, S.SENDING, attempts=1)
    stage.move(refused, S.REJECTED, reason="too dear")
    stage.say(item("8", at=30, project="jira:2", price=money("10.00"), quantity="3"))
    assert stage.person("fix", "purchase", who="E1", loop=loop)
    for state in ("draft", "waiting"):
        (call,) = [one for one in stage.effects("PLANNED") if one.loop == loop]
        stage.move(call, S.SENDING, attempts=1)
        stage.move(call, S.SENT, remote_id="78", document_state=state)
        stage.move(call, S.CONFIRMED, document_state=state, read_back={})
    (last,) = [one for one in stage.effects("PLANNED") if one.loop == loop]
    assert last.expect == {"total": money("30.00")}
