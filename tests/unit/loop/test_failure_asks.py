"""A failed step asks a person: retry, fix, waive, done by hand, cancel; each with who and why; the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hub.model.effect import Effect, effect_key
from hub.model.effect import EffectState as S
from tests.engine_stage import Stage, catalog_of, closed, expense, item, money, project, rd_close
from tests.unit.loop.test_closing import events_fold_back
from tests.unit.loop.test_undo import ACTIONS, send, steps, undo_all


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(catalog_of(rd_close(steps=steps()), actions=ACTIONS))
    yield made
    events_fold_back(made)


def refused(stage: Stage, effect: Effect, reason: str = "unknown employee") -> None:
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, S.REJECTED, reason=reason)


def failed(stage: Stage, *things: Any) -> Effect:
    """A closing whose one reimbursement was refused."""
    stage.say(project(), expense("8"), *things)
    stage.say(closed())
    effect = next(one for one in stage.effects("PLANNED") if one.item == "jira:8")
    refused(stage, effect)
    return effect


def test_of_many_parallel_documents_the_refused_one_asks_and_the_others_are_made(stage: Stage) -> None:
    effect = failed(stage, expense("9"), expense("10"), item("7"))
    for one in stage.effects("PLANNED"):
        send(stage, one)
    assert stage.steps() == {"purchase": "done", "reimburse": "failed", "asset": "skipped", "tell": "waiting"}
    states = {part.item: part.state.value for part in stage.loop().steps[1].obligations}
    assert states == {"jira:10": "done", "jira:8": "failed", "jira:9": "done"}
    assert (stage.loop().state, stage.waits()) == ("needs_person", [("rejected", "ops@example.com")])
    assert stage.person("retry", "reimburse", "jira:8")
    send(stage, stage.memory.effects[effect.key])
    assert stage.steps()["tell"] == "running"


def test_fixed_data_make_a_revision_with_its_own_key_and_the_refused_one_is_over(stage: Stage) -> None:
    effect = failed(stage)
    stage.say(expense("8", at=40, amount=money("31.00")))
    assert stage.person("fix", "reimburse", why="amount corrected in the source")
    (new,) = stage.effects("PLANNED")
    parts = ("rd-close", "close-out", "jira:1", "1", "reimburse", "jira:8")
    assert (new.key, new.revision) == (effect_key(*parts, "revision 1"), 1)
    assert (new.payload["amount"], new.expect["amount"]) == (money("31.00"), money("31.00"))
    assert stage.memory.effects[effect.key].state is S.SUPERSEDED
    send(stage, new)
    assert (stage.steps()["reimburse"], stage.loop().touched) == ("done", True)
    assert [(one.who, one.action, one.why) for one in stage.memory.audits] == [
        ("E3", "loop fix", "amount corrected in the source")
    ]


def test_a_second_fix_is_the_second_revision(stage: Stage) -> None:
    failed(stage)
    for number in (1, 2):
        stage.say(expense("8", at=40 + number, amount=money(f"3{number}.00")))
        assert stage.person("fix", "reimburse")
        (new,) = stage.effects("PLANNED")
        assert new.revision == number
        refused(stage, new)
    assert len({one.key for one in stage.effects()}) == 3


def test_what_was_fixed_is_undone_once(stage: Stage) -> None:
    failed(stage)
    stage.say(expense("8", at=40, amount=money("31.00")))
    stage.person("fix", "reimburse")
    (new,) = stage.effects("PLANNED")
    send(stage, new)
    stage.person("cancel")
    assert undo_all(stage) == ["reimburse jira:8"]
    assert [one.undoes for one in stage.effects() if one.undoes] == [new.key]


def test_fixing_what_has_not_changed_says_to_retry(stage: Stage) -> None:
    effect = failed(stage)
    assert "retry sends the same again" in stage.person("fix", "reimburse").message
    assert stage.memory.effects[effect.key].state is S.REJECTED


def test_a_fixed_amount_over_the_limit_asks_for_approval_anew(stage: Stage) -> None:
    stage.say(project(), item("7"))
    stage.say(closed())
    (effect,) = stage.effects("PLANNED")
    refused(stage, effect)
    stage.say(item("7", at=40, quantity="6000"))
    assert stage.person("fix", "purchase")
    assert (stage.steps()["purchase"], stage.effects("PLANNED")) == ("asking", [])
    assert stage.person("approve", "purchase")
    (new,) = stage.effects("PLANNED")
    assert new.revision == 1


def test_where_a_document_stands_nothing_new_is_made(stage: Stage) -> None:
    stage.say(project(), expense("8"))
    stage.say(closed())
    (effect,) = stage.effects("PLANNED")
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, S.SENT, remote_id="1", number="RB-1")
    stage.move(effect, S.MISMATCH, reason="amount: expected 30.00 CNY, got 31.00 CNY")
    stage.say(expense("8", at=40, amount=money("31.00")))
    assert "a document stands or may" in stage.person("fix", "reimburse").message
    assert "never sent again" in stage.person("retry", "reimburse").message


def test_after_a_lost_answer_only_the_same_key_is_sent(stage: Stage) -> None:
    stage.say(project(), expense("8"))
    stage.say(closed())
    (effect,) = stage.effects("PLANNED")
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, S.UNKNOWN, reason="timeout")
    stage.move(effect, S.PLANNED, reason="timeout; looked up: not there")
    refused(stage, stage.memory.effects[effect.key])
    stage.say(expense("8", at=40, amount=money("31.00")))
    assert "an answer to reimburse was lost once" in stage.person("fix", "reimburse").message
    assert stage.person("retry", "reimburse")
    (again,) = stage.effects("PLANNED")
    assert (again.key, again.payload) == (effect.key, effect.payload)


@pytest.mark.parametrize(
    ("choice", "more", "state"),
    [
        ("retry", {}, "running"),
        ("waive", {}, "waived"),
        ("done", {"remote_id": "77", "number": "RB-77", "document": {"amount": money("30.00")}}, "done"),
    ],
)
def test_every_answer_is_kept_with_who_and_why(stage: Stage, choice: Any, more: dict[str, Any], state: str) -> None:
    failed(stage)
    assert stage.person(choice, "reimburse", "jira:8", why="as agreed", **more)
    assert stage.steps()["reimburse"] == state
    (audit,) = stage.memory.audits
    assert (audit.who, audit.action, audit.why) == ("E3", f"loop {choice}", "as agreed")
    assert audit.object == f"{stage.loop().id}/reimburse/jira:8"


def test_a_document_that_says_something_else_does_not_stand_for_it(stage: Stage) -> None:
    failed(stage)
    said = {"remote_id": "77", "number": "RB-77", "document": {"amount": money("31.00")}}
    stage.person("done", "reimburse", "jira:8", **said)
    assert stage.steps()["reimburse"] == "failed"
    assert stage.waits() == [("mismatch", "ops@example.com")]
