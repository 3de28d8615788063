"""A closing is taken back: done steps last first, what is on its way to its end first, nothing orphaned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hub.mapping.calendar import Span
from hub.model.action import ActionSpec, Call, TargetClass
from hub.model.clock import SECOND
from hub.model.effect import Effect, effect_key
from hub.model.effect import EffectState as S
from tests.engine_stage import STEPS, Stage, action, catalog_of, closed, expense, item, money, project, rd_close
from tests.unit.loop.test_closing import events_fold_back

CANCELLED = frozenset({"cancelled"})


def cancelling(name: str, **more: Any) -> ActionSpec:
    kind = name.partition(".")[0]
    return action(f"{kind}.cancel", "record", (Call("cancel", CANCELLED),), required=["id"], **more)


def undoable(name: str, weight: Any = "money", **more: Any) -> ActionSpec:
    kind = name.partition(".")[0]
    return action(name, weight, undo=f"{kind}.cancel", undo_from=frozenset({"submitted"}), **more)


ACTIONS = {
    one.name: one
    for name in ("purchase_requisition.create", "reimbursement.create")
    for one in (undoable(name), cancelling(name))
}
PAID = {"required": ["employee"], "properties": {"employee": {"type": "string", "minLength": 2}}}
ACTIONS["reimbursement.create"] = undoable("reimbursement.create", **PAID)


def steps(**changes: dict[str, Any]) -> list[Any]:
    """The worked example's steps, money steps with their undo."""
    undos = {"purchase": "erp.purchase_requisition.cancel", "reimburse": "erp.reimbursement.cancel"}
    return [
        replace(
            one,
            definition=replace(
                one.definition, undo=undos.get(one.definition.name, ""), **changes.get(one.definition.name, {})
            ),
        )
        for one in STEPS
    ]


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(catalog_of(rd_close(steps=steps()), actions=ACTIONS))
    yield made
    events_fold_back(made)


def close(stage: Stage, *things: Any, **fields: Any) -> None:
    stage.say(project(), *things)
    stage.say(closed(**fields))


def send(stage: Stage, effect: Effect, state: str = "submitted") -> Effect:
    """One effect reaches the target and reads back in that state."""
    stage.move(effect, S.SENDING, attempts=1)
    name = f"N-{effect.step}{effect.item}"
    stage.move(effect, S.SENT, remote_id=effect.payload.get("id") or name, number=name, document_state=state)
    stage.move(effect, S.CONFIRMED, document_state=state, read_back=dict(effect.expect))
    return stage.memory.effects[effect.key]


def only(stage: Stage, state: str = "PLANNED") -> Effect:
    (one,) = stage.effects(state)
    return one


def undo_all(stage: Stage) -> list[str]:
    """Every undo succeeds, one after the other; gives their steps in order."""
    order = []
    while planned := stage.effects("PLANNED"):
        for effect in planned:
            assert effect.undoes
            order.append(f"{effect.step}{' ' + effect.item if effect.item else ''}")
            send(stage, effect, "cancelled")
    return order


def test_what_was_done_is_undone_in_reverse_and_the_loop_is_cancelled(stage: Stage) -> None:
    close(stage, item("7"), expense("8"), expense("9"))
    stage.erp()
    assert stage.loop().state == "done"
    assert stage.person("cancel", who="E3")
    assert (stage.loop().state, stage.loop().phase) == ("running", "undoing")
    assert undo_all(stage) == ["reimburse jira:8", "reimburse jira:9", "purchase"]
    assert (stage.loop().state, stage.waits()) == ("cancelled", [])
    assert stage.steps() == {"purchase": "undone", "reimburse": "undone", "asset": "skipped", "tell": "done"}
    assert [one.result for one in stage.memory.audits] == ["done"]


def test_a_step_is_undone_only_when_what_came_after_it_is(stage: Stage) -> None:
    close(stage, item("7"), expense("8"), expense("9"))
    stage.erp()
    stage.person("cancel", who="E3")
    first, second = stage.effects("PLANNED")
    assert (first.item, second.item) == ("jira:8", "jira:9")
    send(stage, first, "cancelled")
    assert only(stage) == second
    send(stage, second, "cancelled")
    assert only(stage).step == "purchase"


def test_an_undo_has_its_own_key_intent_and_document(stage: Stage) -> None:
    close(stage, item("7"))
    stage.erp()
    made = next(one for one in stage.effects() if one.step == "purchase")
    stage.person("cancel", who="E3", why="closed by mistake")
    undo = only(stage)
    parts = ("rd-close", "close-out", "jira:1", "1", "purchase", "")
    assert undo.key == effect_key(*parts, "undo") != made.key == effect_key(*parts)
    assert (undo.undoes, undo.action, undo.reference) == (made.key, "purchase_requisition.cancel", undo.key)
    assert undo.payload == {"id": made.remote_id, "why": "cancelled by E3: closed by mistake"}
    assert (undo.remote_id, undo.expect) == ("", {})


def test_the_same_facts_give_the_same_undo_keys() -> None:
    found = []
    for _ in range(2):
        stage = Stage(catalog_of(rd_close(steps=steps()), actions=ACTIONS))
        close(stage, item("7"), expense("8"))
        stage.erp()
        stage.person("cancel", who="E3")
        undo_all(stage)
        found.append({one.key for one in stage.effects() if one.undoes})
    assert found[0] == found[1]
    assert len(found[0]) == 2


def test_what_was_not_sent_is_cancelled_and_asks_are_dropped(stage: Stage) -> None:
    close(stage, item("7", price=money("60000.00")), expense("8"))
    assert stage.steps()["purchase"] == "asking"
    planned = only(stage)
    assert stage.person("cancel", who="E3")
    assert stage.memory.effects[planned.key].state is S.CANCELLED
    assert [one.state for one in stage.memory.approvals.values()] == ["dropped"]
    assert (stage.loop().state, stage.effects("PLANNED"), stage.waits()) == ("cancelled", [], [])
    assert set(stage.steps().values()) == {"skipped"}


def test_what_is_being_sent_is_settled_first_and_then_undone(stage: Stage) -> None:
    close(stage, item("7"))
    effect = only(stage)
    stage.move(effect, S.SENDING, attempts=1)
    stage.person("cancel", who="E3")
    assert (stage.loop().state, stage.steps()["purchase"]) == ("running", "running")
    stage.move(effect, S.UNKNOWN, reason="timeout")
    assert stage.waits() == [("unknown", "ops@example.com")]
    stage.move(effect, S.SENT, remote_id="77", number="PR-77")
    assert stage.effects("PLANNED") == []
    stage.move(effect, S.CONFIRMED, document_state="submitted", read_back={})
    assert only(stage).payload["id"] == "77"
    assert undo_all(stage) == ["purchase"]
    assert (stage.loop().state, stage.steps()["purchase"]) == ("cancelled", "undone")


def test_a_send_that_left_no_byte_is_not_tried_again(stage: Stage) -> None:
    close(stage, item("7"))
    effect = only(stage)
    stage.move(effect, S.SENDING, attempts=1)
    stage.person("cancel", who="E3")
    stage.move(effect, S.PLANNED, reason="connection refused")
    assert stage.memory.effects[effect.key].state is S.CANCELLED
    assert (stage.loop().state, stage.steps()["purchase"]) == ("cancelled", "skipped")


def test_a_lost_answer_is_sent_to_its_end_where_the_target_keeps_our_key(stage: Stage) -> None:
    """Class A looks at once: the first request may still commit, so only its answer tells what to undo."""
    close(stage, item("7"))
    effect = only(stage)
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, S.UNKNOWN, reason="timeout")
    stage.move(effect, S.PLANNED, reason="timeout; looked up: not there")
    stage.person("cancel", who="E3")
    assert (only(stage).key, stage.loop().state) == (effect.key, "running")
    send(stage, only(stage))
    assert undo_all(stage) == ["purchase"]
    assert stage.loop().state == "cancelled"


def test_a_lost_answer_looked_up_after_its_quiesce_time_ends_there() -> None:
    kept = {
        **ACTIONS,
        "purchase_requisition.create": replace(ACTIONS["purchase_requisition.create"], target=TargetClass.B),
    }
    stage = Stage(catalog_of(rd_close(steps=steps()), actions=kept))
    close(stage, item("7"))
    effect = only(stage)
    stage.move(effect, S.SENDING, attempts=1)
    stage.person("cancel", who="E3")
    stage.move(effect, S.UNKNOWN, reason="timeout")
    stage.move(effect, S.PLANNED, reason="timeout; looked up: not there")
    assert (stage.memory.effects[effect.key].state, stage.loop().state) == (S.CANCELLED, "cancelled")


def test_a_refused_effect_has_nothing_to_undo(stage: Stage) -> None:
    close(stage, item("7"), expense("8"))
    purchase, reimburse = stage.effects("PLANNED")
    stage.move(purchase, S.SENDING, attempts=1)
    stage.move(purchase, S.REJECTED, reason="unknown product")
    send(stage, reimburse)
    stage.person("cancel", who="E3")
    assert undo_all(stage) == ["reimburse jira:8"]
    assert stage.steps() == {"purchase": "failed", "reimburse": "undone", "asset": "skipped", "tell": "skipped"}
    assert (stage.memory.effects[purchase.key].state, stage.loop().state) == (S.CANCELLED, "cancelled")


def test_a_document_that_differs_is_a_document_and_is_undone(stage: Stage) -> None:
    close(stage, item("7"))
    effect = only(stage)
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, S.SENT, remote_id="77", number="PR-77")
    stage.move(effect, S.MISMATCH, reason="total: expected 20, got 21", document_state="submitted", read_back={})
    stage.person("cancel", who="E3")
    assert undo_all(stage) == ["purchase"]
    assert stage.memory.effects[effect.key].state is S.CANCELLED
    assert (stage.loop().state, stage.steps()["purchase"]) == ("cancelled", "undone")


def test_an_undo_that_is_refused_asks_and_holds_what_comes_before_it(stage: Stage) -> None:
    close(stage, item("7"), expense("8"))
    stage.erp()
    stage.person("cancel", who="E3")
    undo = only(stage)
    stage.move(undo, S.SENDING, attempts=1)
    stage.move(undo, S.REJECTED, reason="paid already")
    assert (stage.loop().state, stage.waits()) == ("needs_person", [("rejected", "ops@example.com")])
    assert "paid already" in stage.loop().waiting[0].message
    assert stage.effects("PLANNED") == []
    assert stage.person("retry", "reimburse", who="E3")
    assert only(stage).key == undo.key
    send(stage, only(stage), "cancelled")
    assert undo_all(stage) == ["purchase"]
    assert stage.loop().state == "cancelled"


def test_a_person_may_let_a_document_stay_and_it_is_still_held(stage: Stage) -> None:
    close(stage, item("7"), expense("8"))
    stage.erp()
    stage.person("cancel", who="E3")
    undo = only(stage)
    stage.move(undo, S.SENDING, attempts=1)
    stage.move(undo, S.REJECTED, reason="paid already")
    assert stage.person("waive", "reimburse", who="E3", why="paid, let it be")
    assert undo_all(stage) == ["purchase"]
    assert (stage.loop().state, stage.steps()["reimburse"]) == ("cancelled", "done")
    assert stage.memory.effects[undo.key].state is S.CANCELLED
    stage.say(project(at=30))
    stage.say(closed(at=40, closed_at="2026-01-03T00:00:00.000Z"))
    assert stage.person("approve", loop=stage.loop(2).id, who="E3")
    assert [one.step for one in stage.effects("PLANNED")] == ["purchase"], "the expense is paid: it stays paid"
    assert (stage.loop(2).late, stage.waits()) == ((), []), "and nobody is asked about it again"


def test_a_document_taken_back_by_hand_is_read_before_it_counts(stage: Stage) -> None:
    close(stage, item("7"))
    stage.erp()
    stage.person("cancel", who="E3")
    undo = only(stage)
    stage.move(undo, S.SENDING, attempts=1)
    stage.move(undo, S.REJECTED, reason="no")
    part = stage.loop().steps[0].obligations[0]
    said = {"remote_id": part.remote_id, "number": part.number, "document": {}, "who": "E3"}
    assert "not cancelled" in stage.person("done", "purchase", **said, document_state="submitted").message
    other = {**said, "remote_id": "other"}
    assert "is not the document" in stage.person("done", "purchase", **other, document_state="cancelled").message
    assert stage.person("done", "purchase", **said, document_state="cancelled")
    assert (stage.loop().state, stage.steps()["purchase"]) == ("cancelled", "undone")
    assert stage.memory.effects[undo.key].state is S.CONFIRMED


def test_a_document_in_a_state_no_undo_works_from_is_not_asked_of_the_target(stage: Stage) -> None:
    close(stage, item("7"))
    send(stage, only(stage), "processing")
    stage.person("cancel", who="E3")
    assert (stage.effects("PLANNED"), stage.loop().state) == ([], "needs_person")
    assert "is processing; it is undone only from submitted" in stage.loop().waiting[0].message
    assert stage.person("retry", "purchase", who="E3")
    assert only(stage).undoes


def test_nobody_knows_whether_there_is_a_document_so_a_person_says(stage: Stage) -> None:
    close(stage, item("7"), expense("8"))
    purchase, reimburse = stage.effects("PLANNED")
    for one in (purchase, reimburse):
        stage.move(one, S.SENDING, attempts=1)
        stage.move(one, S.UNKNOWN, reason="timeout")
        stage.move(one, S.HUMAN, reason="cannot be asked")
    stage.person("cancel", who="E3")
    assert stage.waits() == [("human", "ops@example.com"), ("human", "ops@example.com")]
    assert "waive it if not" in stage.person("retry", "purchase", who="E3").message
    assert stage.person("waive", "reimburse", who="E3", why="I looked: nothing there")
    found = {"remote_id": "77", "number": "PR-77", "document": {}, "document_state": "submitted", "who": "E3"}
    assert stage.person("done", "purchase", **found)
    assert only(stage).payload["id"] == "77"
    assert undo_all(stage) == ["purchase"]
    assert stage.steps() == {"purchase": "undone", "reimburse": "waived", "asset": "skipped", "tell": "skipped"}


def test_past_the_point_of_no_return_there_is_only_forward(stage: Stage) -> None:
    close(stage, item("7"), deliverable="equipment")
    stage.person("approve", "asset")
    send(stage, next(one for one in stage.effects("PLANNED") if one.step == "asset"), "in_use")
    before = stage.steps()
    answer = stage.person("cancel", who="E3")
    assert not answer
    assert "asset (N-asset) cannot be taken back" in answer.message
    assert stage.steps() == before


def test_what_may_have_booked_an_asset_counts_as_past_the_point(stage: Stage) -> None:
    close(stage, deliverable="equipment")
    stage.person("approve", "asset")
    effect = only(stage)
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, S.UNKNOWN, reason="timeout")
    assert not stage.person("cancel", who="E3")


def test_an_undo_of_several_calls_takes_the_document_back_once(stage: Stage) -> None:
    calls = (Call("create", frozenset({"draft", "waiting"})), Call("wait", frozenset({"waiting"})))
    back = (Call("draft", frozenset({"draft", "cancelled"})), Call("cancel", CANCELLED))
    actions = {
        **ACTIONS,
        "purchase_requisition.create": undoable("purchase_requisition.create", calls=calls),
        "purchase_requisition.cancel": action("purchase_requisition.cancel", "record", back),
    }
    actions["purchase_requisition.create"] = replace(
        actions["purchase_requisition.create"], undo_from=frozenset({"draft", "waiting"})
    )
    stage.catalog = catalog_of(rd_close(steps=steps()), actions=actions)
    close(stage, item("7"))
    send(stage, only(stage), "draft")
    send(stage, only(stage), "waiting")
    assert stage.steps()["purchase"] == "done"
    stage.person("cancel", who="E3")
    assert only(stage).step == "purchase/1-draft"
    send(stage, only(stage), "draft")
    assert only(stage).step == "purchase/2-cancel"
    assert only(stage).remote_id
    send(stage, only(stage), "cancelled")
    assert (stage.loop().state, stage.steps()["purchase"]) == ("cancelled", "undone")
    assert len([one for one in stage.effects() if one.undoes]) == 2


def test_a_document_left_half_way_is_undone_from_where_it_stands(stage: Stage) -> None:
    calls = (Call("create", frozenset({"draft", "waiting"})), Call("wait", frozenset({"waiting"})))
    back = (Call("draft", frozenset({"draft", "cancelled"})), Call("cancel", CANCELLED))
    made = replace(undoable("purchase_requisition.create", calls=calls), undo_from=frozenset({"draft", "waiting"}))
    taken = action("purchase_requisition.cancel", "record", back)
    stage.catalog = catalog_of(rd_close(steps=steps()), actions={**ACTIONS, made.name: made, taken.name: taken})
    close(stage, item("7"))
    send(stage, only(stage), "draft")
    half = only(stage)
    assert half.step == "purchase/2-wait"
    stage.person("cancel", who="E3")
    assert stage.memory.effects[half.key].state is S.CANCELLED
    assert only(stage).step == "purchase/2-cancel"
    send(stage, only(stage), "cancelled")
    assert stage.loop().state == "cancelled"


def test_taking_back_twice_is_once(stage: Stage) -> None:
    close(stage, item("7"))
    stage.erp()
    assert stage.person("cancel", who="E3")
    assert "being taken back already" in stage.person("cancel", who="E3").message
    undo_all(stage)
    assert "cancelled already" in stage.person("cancel", who="E3").message


def test_what_was_undone_can_be_taken_by_the_next_closing(stage: Stage) -> None:
    close(stage, item("7"), expense("8"))
    stage.erp()
    stage.person("cancel", who="E3")
    undo_all(stage)
    stage.say(project(at=30))
    stage.say(closed(at=40, closed_at="2026-01-03T00:00:00.000Z"))
    assert (stage.loop(2).state, stage.loop(2).phase) == ("needs_person", "asking")
    assert stage.person("approve", loop=stage.loop(2).id, who="E3")
    assert [one.step for one in stage.effects("PLANNED")] == ["purchase", "reimburse"]
    assert len({one.key for one in stage.effects()}) == len(stage.effects())


def test_a_closing_with_a_time_of_its_own_that_was_taken_back_asks_before_it_comes_again() -> None:
    stage = Stage(catalog_of(rd_close(steps=steps(), once="closing"), actions=ACTIONS))
    close(stage, item("7"))
    stage.erp()
    stage.person("cancel", who="E3")
    undo_all(stage)
    stage.say(project(at=30))
    stage.say(closed(at=40))
    assert (stage.loop(2).phase, stage.loop(2).occurrence) == ("asking", "2026-01-02T00:00:00.000Z#2")
    stage.say(project(at=50))
    stage.say(closed(at=60))
    assert [one.number for one in stage.memory.loops.values()] == [1, 2]
    assert stage.person("approve", loop=stage.loop(2).id, who="E3")
    assert only(stage).step == "purchase"


# --- on_fail: undo


def undoing(*names: str, **more: Any) -> Stage:
    changes = {name: {"on_fail": "undo"} for name in names}
    return Stage(catalog_of(rd_close(steps=steps(**changes), **more), actions=ACTIONS))


def refuse(stage: Stage, effect: Effect, to: S = S.REJECTED, reason: str = "unknown product") -> None:
    stage.move(effect, S.SENDING, attempts=1)
    if to is S.MISMATCH:
        stage.move(effect, S.SENT, remote_id="bad", number="bad", document_state="submitted")
    stage.move(effect, S.UNKNOWN, reason="timeout") if to is S.HUMAN else None
    stage.move(effect, to, reason=reason)


def test_a_step_that_fails_for_good_undoes_the_loop_where_the_table_says_so() -> None:
    stage = undoing("purchase")
    close(stage, item("7"), expense("8"))
    purchase, reimburse = stage.effects("PLANNED")
    send(stage, reimburse)
    refuse(stage, purchase)
    assert (stage.loop().phase, stage.loop().reason) == ("undoing", "purchase failed: rejected: unknown product")
    assert undo_all(stage) == ["reimburse jira:8"]
    assert (stage.loop().state, stage.waits()) == ("cancelled", [])
    assert stage.steps() == {"purchase": "failed", "reimburse": "undone", "asset": "skipped", "tell": "skipped"}
    events_fold_back(stage)


def test_what_is_on_its_way_when_another_step_fails_is_settled_and_undone() -> None:
    stage = undoing("purchase")
    close(stage, item("7"), expense("8"))
    purchase, reimburse = stage.effects("PLANNED")
    stage.move(reimburse, S.SENDING, attempts=1)
    refuse(stage, purchase)
    assert stage.loop().state == "running"
    stage.move(reimburse, S.SENT, remote_id="88", number="RB-88")
    stage.move(reimburse, S.CONFIRMED, document_state="submitted", read_back=dict(reimburse.expect))
    assert undo_all(stage) == ["reimburse jira:8"]
    assert stage.loop().state == "cancelled"


def test_one_item_of_many_that_fails_takes_the_others_back() -> None:
    stage = undoing("reimburse")
    close(stage, expense("8"), expense("9"), expense("10"))
    ten, eight, nine = stage.effects("PLANNED")
    send(stage, eight)
    refuse(stage, nine)
    assert stage.memory.effects[ten.key].state is S.CANCELLED
    assert undo_all(stage) == ["reimburse jira:8"]
    states = {part.item: part.state.value for part in stage.loop().steps[1].obligations}
    assert states == {"jira:8": "undone", "jira:9": "failed", "jira:10": "skipped"}


def test_a_document_that_differs_fails_for_good_and_is_undone_too() -> None:
    stage = undoing("purchase")
    close(stage, item("7"))
    refuse(stage, only(stage), S.MISMATCH, "total: expected 20, got 21")
    assert undo_all(stage) == ["purchase"]
    assert (stage.loop().state, stage.steps()["purchase"]) == ("cancelled", "undone")


def test_an_unknown_end_asks_whether_there_is_a_document_before_anything_is_undone() -> None:
    stage = undoing("reimburse")
    close(stage, item("7"), expense("8"))
    purchase, reimburse = stage.effects("PLANNED")
    send(stage, purchase)
    refuse(stage, reimburse, S.HUMAN, "cannot be asked")
    assert (stage.loop().state, stage.effects("PLANNED")) == ("needs_person", [])
    assert stage.person("waive", "reimburse", who="E3", why="nothing there")
    assert undo_all(stage) == ["purchase"]
    assert stage.loop().state == "cancelled"


def test_bad_data_asks_and_undoes_nothing() -> None:
    stage = undoing("reimburse")
    close(stage, item("7"), expense("8", employee="X"))
    stage.erp()
    assert (stage.loop().phase, stage.steps()["reimburse"]) == ("taken", "failed")
    assert stage.steps()["purchase"] == "done"


def test_without_the_mark_a_failed_step_asks() -> None:
    stage = undoing("purchase")
    close(stage, item("7"), expense("8"))
    refuse(stage, stage.effects("PLANNED")[1])
    assert (stage.loop().phase, stage.waits()) == ("taken", [("rejected", "ops@example.com")])


def test_past_the_point_of_no_return_a_failure_asks_and_says_why() -> None:
    stage = undoing("purchase")
    close(stage, item("7"), deliverable="equipment")
    stage.person("approve", "asset")
    asset, purchase = stage.effects("PLANNED")
    send(stage, asset, "in_use")
    refuse(stage, purchase)
    assert (stage.loop().phase, stage.steps()["asset"]) == ("taken", "done")
    assert "asset (N-asset) cannot be taken back" in stage.loop().waiting[0].message
    assert [one for one in stage.effects() if one.undoes] == []


def test_an_approval_nobody_gave_in_time_undoes_the_loop_where_the_table_says_so() -> None:
    policy = STEPS[0].definition.approve
    assert policy is not None
    expiring = replace(policy, expires=Span(wall=60 * SECOND), on_expiry="fail")
    made = steps(purchase={"on_fail": "undo", "approve": expiring})
    stage = Stage(catalog_of(rd_close(steps=made), actions=ACTIONS))
    close(stage, item("7", price=money("60000.00")), expense("8"))
    send(stage, only(stage))
    stage.pass_time(61)
    assert stage.loop().reason == "purchase failed: rejected: nobody approved in time"
    assert undo_all(stage) == ["reimburse jira:8"]
    assert stage.loop().state == "cancelled"
    events_fold_back(stage)


# --- what has ended takes no decisions


def test_nothing_is_approved_in_a_closing_that_was_taken_back(stage: Stage) -> None:
    close(stage, item("7"))
    stage.erp()
    stage.person("cancel", who="E3")
    undo_all(stage)
    stage.say(expense("8", at=25))
    assert "is cancelled already" in stage.person("approve", "late", "jira:8", who="E3").message
    stage.say(project(at=30))
    stage.say(closed(at=40, closed_at="2026-01-03T00:00:00.000Z"))
    assert stage.person("approve", loop=stage.loop(2).id, who="E3")
    assert [one.loop for one in stage.effects() if one.step == "reimburse"] == [stage.loop(2).id]


def test_nothing_new_is_made_in_a_closing_that_is_being_taken_back(stage: Stage) -> None:
    close(stage, item("7"))
    stage.erp()
    stage.person("cancel", who="E3")
    stage.say(expense("8", at=25))
    assert "is not late" in stage.person("approve", "late", "jira:8", who="E3").message
    assert only(stage).undoes


def test_a_cancelled_closing_is_not_tried_again(stage: Stage) -> None:
    close(stage, item("7"), cost_center=None)
    assert stage.loop().phase == "gathering"
    assert stage.person("cancel", who="E3")
    stage.say(closed(at=30))
    assert "is cancelled already" in stage.person("retry", who="E3").message
    assert stage.loop().state == "cancelled"


def test_what_may_still_come_is_not_waived_before_its_answer(stage: Stage) -> None:
    """Class A looks at once: the first request may still commit, and nobody would know of its document."""
    close(stage, item("7"))
    effect = only(stage)
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, S.UNKNOWN, reason="timeout")
    stage.move(effect, S.PLANNED, reason="timeout; looked up: not there")
    assert "wait for its outcome" in stage.person("waive", "purchase", who="E1").message
    assert only(stage).key == effect.key
