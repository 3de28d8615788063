"""A step stays running until another system tells of what it waits for; what came early counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hub.mapping.compiled import CompiledUntil, ExpressionError
from hub.mapping.table import Expression, UntilDef
from hub.model.effect import EffectState as S
from tests.engine_stage import (
    HERE,
    STEPS,
    Stage,
    catalog_of,
    closed,
    expense,
    item,
    money,
    path,
    project,
    rd_close,
    rec,
    table,
)
from tests.unit.loop.test_closing import events_fold_back
from tests.unit.loop.test_undo import ACTIONS, send, undo_all
from tests.unit.loop.test_undo import steps as undoable_steps

FIELDS = ("requisition", "number", "complete")


def complete(scope: Any) -> bool:
    if scope["goods_receipt"]["complete"] is None:
        raise ExpressionError("type-error", "complete is null")
    return bool(scope["goods_receipt"]["complete"])


def until(entity: str, field: str, step: str, when: Any = lambda scope: True) -> CompiledUntil:
    definition = UntilDef(
        entity, ((path(f"{entity}.{field}"), path(f"steps.{step}.id")),), Expression("", HERE), HERE
    )
    return CompiledUntil(definition, ((field, lambda scope: scope["steps"][step]["id"] or None),), when)


def steps(base: Any = STEPS) -> list[Any]:
    waits = {
        "purchase": until("goods_receipt", "requisition", "purchase", complete),
        "reimburse": until("invoice", "of", "reimburse", lambda scope: scope["invoice"]["state"] == "posted"),
    }
    return [replace(one, until=waits.get(one.definition.name)) for one in base]


def staged(base: Any = STEPS, **more: Any) -> Stage:
    made = rd_close(steps=steps(base), **more)
    tables = (*made.tables, table("goods_receipt", "receipt", FIELDS), table("invoice", "invoice", ("of", "state")))
    return Stage(catalog_of(replace(made, tables=tables), actions=ACTIONS))


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = staged()
    yield made
    events_fold_back(made)


def receipt(requisition: str, source: str = "50", at: float = 30, **fields: Any) -> dict[str, Any]:
    return rec(
        "receipt", source, at, {"requisition": requisition, "number": f"GR-{source}", "complete": True, **fields}
    )


def invoice(of: str, source: str = "60", at: float = 30, state: str = "posted") -> dict[str, Any]:
    return rec("invoice", source, at, {"of": of, "state": state})


def close(stage: Stage, *things: Any) -> None:
    stage.say(project(), *things)
    stage.say(closed())


def bought(stage: Stage) -> str:
    """The requisition is made; gives its id."""
    close(stage, item("7"))
    (effect,) = stage.effects("PLANNED")
    return send(stage, effect).remote_id


def test_a_confirmed_document_is_not_the_end_until_the_other_event_comes(stage: Stage) -> None:
    number = bought(stage)
    assert (stage.steps()["purchase"], stage.loop().state) == ("running", "running")
    (entry,) = stage.loop().waiting
    assert (entry.kind, entry.ref) == ("until", f"{stage.loop().id}/purchase")
    assert entry.message == f"goods_receipt with requisition {number} (document {number})"
    assert stage.memory.waits[stage.loop().id] == {("goods_receipt.requisition", number)}
    stage.say(receipt(number))
    assert (stage.steps()["purchase"], stage.steps()["tell"], stage.waits()) == ("done", "running", [])
    assert stage.loop().steps[0].obligations[0].met == "goods_receipt jira:50"
    assert stage.memory.waits[stage.loop().id] == frozenset()


def test_what_came_before_the_step_ran_counts(stage: Stage) -> None:
    stage.say(receipt("N-purchase", at=1))
    bought(stage)
    assert stage.steps()["purchase"] == "done"


def test_what_does_not_satisfy_the_condition_yet_is_looked_at_when_it_changes(stage: Stage) -> None:
    number = bought(stage)
    stage.say(receipt(number, complete=False))
    assert stage.steps()["purchase"] == "running"
    stage.say(receipt(number, at=40, complete=True))
    assert stage.steps()["purchase"] == "done"


def test_what_belongs_to_another_document_finishes_nothing(stage: Stage) -> None:
    bought(stage)
    stage.say(receipt("another"))
    assert stage.steps()["purchase"] == "running"


def test_what_is_put_right_to_name_the_document_finishes_it(stage: Stage) -> None:
    number = bought(stage)
    stage.say(receipt("typo"))
    stage.say(receipt(number, at=40))
    assert stage.steps()["purchase"] == "done"


def test_a_deleted_event_does_not_count(stage: Stage) -> None:
    stage.say(receipt("N-purchase", at=1))
    stage.say({**receipt("N-purchase", at=2), "op": "delete"})
    bought(stage)
    assert stage.steps()["purchase"] == "running"


def test_a_condition_without_a_value_is_told_and_finishes_nothing(stage: Stage) -> None:
    number = bought(stage)
    stage.say(receipt(number, complete=None))
    (entry,) = stage.loop().waiting
    assert (entry.kind, entry.who) == ("until", "ops@example.com")
    assert entry.message == "until: jira:50: complete is null"
    stage.say(receipt(number, at=40))
    assert (stage.steps()["purchase"], stage.waits()) == ("done", [])


def test_under_each_every_document_waits_for_its_own(stage: Stage) -> None:
    close(stage, expense("8"), expense("9"))
    eight, nine = (send(stage, one).remote_id for one in stage.effects("PLANNED"))
    assert stage.memory.waits[stage.loop().id] == {("invoice.of", eight), ("invoice.of", nine)}
    stage.say(invoice(nine))
    states = {part.item: part.state.value for part in stage.loop().steps[1].obligations}
    assert states == {"jira:8": "running", "jira:9": "done"}
    stage.say(invoice(eight, "61", state="draft"))
    assert stage.steps()["reimburse"] == "running"
    stage.say(invoice(eight, "61", 50))
    assert stage.steps()["reimburse"] == "done"


def test_the_same_delivery_may_bring_what_several_wait_for(stage: Stage) -> None:
    close(stage, expense("8"), expense("9"))
    eight, nine = (send(stage, one).remote_id for one in stage.effects("PLANNED"))
    stage.say(invoice(eight, "60"), invoice(nine, "61"))
    assert stage.steps()["reimburse"] == "done"


def test_a_person_may_say_that_nothing_will_come_and_the_document_stands(stage: Stage) -> None:
    number = bought(stage)
    assert stage.person("waive", "purchase", who="E1", why="delivered to the customer directly")
    assert (stage.steps()["purchase"], stage.steps()["tell"], stage.waits()) == ("done", "running", [])
    assert stage.loop().steps[0].obligations[0].reason == "delivered to the customer directly"
    assert number in next(one for one in stage.effects("PLANNED") if one.step == "tell").payload["body"]


def test_a_document_whose_wait_was_let_go_is_taken_back_with_its_closing() -> None:
    stage = staged(undoable_steps())
    bought(stage)
    assert stage.person("waive", "purchase", who="E1")
    assert stage.person("cancel", who="E3")
    assert undo_all(stage) == ["purchase"]


def test_what_was_paid_is_not_paid_again_elsewhere_because_a_wait_was_let_go() -> None:
    stage = staged()
    stage.say(project(), project("2"), expense("9"))
    stage.say(closed())
    (effect,) = stage.effects("PLANNED")
    send(stage, effect)
    assert stage.person("waive", "reimburse")
    stage.say(expense("9", at=50, project="jira:2"))
    stage.say(closed("2", at=60))
    assert [one.subject for one in stage.effects() if one.step == "reimburse"] == ["jira:1"]
    said = stage.person("approve", "late", "jira:9", who="E3", loop=stage.loop(subject="jira:2").id)
    assert "was taken by" in said.message


def test_a_document_made_by_hand_waits_too(stage: Stage) -> None:
    close(stage, item("7"))
    (effect,) = stage.effects("PLANNED")
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, S.REJECTED, reason="no")
    said = {"remote_id": "77", "number": "PR-77", "document": dict(effect.expect), "who": "E3"}
    assert stage.person("done", "purchase", **said)
    assert (stage.steps()["purchase"], stage.waits()) == ("running", [("until", "")])
    stage.say(receipt("77"))
    assert stage.steps()["purchase"] == "done"


def test_a_closing_taken_back_while_it_waits_undoes_its_document_and_waits_no_more() -> None:
    stage = staged(undoable_steps())
    number = bought(stage)
    assert stage.person("cancel", who="E3")
    assert stage.memory.waits[stage.loop().id] == frozenset()
    stage.say(receipt(number))
    assert undo_all(stage) == ["purchase"]
    assert (stage.loop().state, stage.steps()["purchase"]) == ("cancelled", "undone")
    events_fold_back(stage)


def test_a_mapping_change_keeps_what_an_open_closing_waits_for() -> None:
    stage = staged()
    number = bought(stage)
    old = stage.catalog.integrations["rd-close"]
    new = replace(rd_close(logic="logic-2"), tables=old.tables)
    stage.catalog = catalog_of(new, older=lambda name, logic: old, earlier=(old,))
    stage.say(receipt(number))
    assert stage.steps()["purchase"] == "done"
    events_fold_back(stage)


def test_a_mapping_change_keeps_how_an_open_closing_is_undone() -> None:
    stage = staged(undoable_steps())
    bought(stage)
    old = stage.catalog.integrations["rd-close"]
    new = replace(rd_close(logic="logic-2"), tables=old.tables)
    stage.catalog = catalog_of(new, actions=ACTIONS, older=lambda name, logic: old, earlier=(old,))
    assert stage.person("cancel", who="E3")
    assert undo_all(stage) == ["purchase"]
    assert stage.loop().state == "cancelled"


HAND = {
    "remote_id": "77",
    "number": "PR-77",
    "document": {"total": money("120000.00")},
    "document_state": "submitted",
}


def by_hand(stage: Stage) -> None:
    """Somebody made the requisition while it asked for approval; it waits for the goods."""
    close(stage, item("7", price=money("60000.00")))
    assert stage.person("done", "purchase", who="E3", **HAND)
    assert stage.steps()["purchase"] == "running"


def test_a_document_made_by_hand_is_undone_while_it_waits() -> None:
    stage = staged(undoable_steps())
    by_hand(stage)
    assert stage.person("cancel", who="E3")
    (undo,) = stage.effects("PLANNED")
    assert (undo.action, undo.payload["id"]) == ("purchase_requisition.cancel", "77")
    events_fold_back(stage)


def test_a_document_made_by_hand_that_cannot_be_undone_is_past_the_point_of_no_return() -> None:
    stage = staged()
    by_hand(stage)
    assert "purchase (PR-77) cannot be taken back" in stage.person("cancel", who="E3").message
