"""A closing from its first event to its last document, and every way a person has to decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from hub.loop.evolve import evolve, evolve_effect
from hub.model.clock import SECOND
from hub.model.effect import EffectState as S
from hub.model.fact import EffectMoved, ReadFailed
from tests.engine_stage import Stage, catalog_of, closed, expense, item, money, project, rd_close


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stage whose events must fold back into its rows, whatever the test did."""
    made = Stage()
    yield made
    events_fold_back(made)


def events_fold_back(stage: Stage) -> None:
    for name, row in stage.memory.loops.items():
        folded = None
        for event in stage.memory.events:
            if event.stream == f"loop/{name}":
                folded = evolve(folded, event)
        assert orjson.dumps(folded, option=orjson.OPT_SORT_KEYS) == orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    for key, row in stage.memory.effects.items():
        effect = None
        for event in stage.memory.events:
            if event.stream == f"effect/{key}":
                effect = evolve_effect(effect, event)
        assert effect == row


def close_with(stage: Stage, *things: object, **fields: object) -> None:
    stage.say(project(), *things)
    stage.say(closed(**fields))


def test_a_closed_project_buys_reimburses_and_tells(stage):
    close_with(stage, item("7"), item("8", status="bought"), expense("9"))
    assert [(one.step, one.item) for one in stage.effects()] == [("purchase", ""), ("reimburse", "jira:9")]
    stage.erp()
    assert stage.steps() == {"purchase": "done", "reimburse": "done", "asset": "skipped", "tell": "done"}
    assert stage.loop().state == "done"
    tell = next(one for one in stage.effects() if one.step == "tell")
    assert tell.payload["issue"] == "1"
    assert tell.payload["body"].startswith("ERP: purchase_requisition N")


def test_a_first_sight_that_is_closed_fires(stage):
    stage.say(closed())
    assert stage.loop().state == "running"


def test_a_project_closed_before_the_start_is_history_without_steps(stage):
    stage.say(closed(closed_at="2025-12-31T00:00:00.000Z"))
    assert (stage.loop().state, stage.loop().steps, stage.effects()) == ("history", (), [])


def test_a_closing_without_a_time_of_its_own_goes_by_the_records_time(stage):
    stage.say(closed(at=-20, closed_at=None))
    stage.say(closed("2", at=20, closed_at=None))
    assert (stage.loop().state, stage.loop(subject="jira:2").state) == ("history", "running")


def test_settling_waits_and_a_closing_that_is_undone_meanwhile_ends_without_a_trace():
    stage = Stage(catalog_of(rd_close(settle=5 * SECOND)))
    close_with(stage, item("7"))
    assert (stage.loop().phase, stage.waits()) == ("settling", [("timer", "")])
    stage.say(project(at=30))
    stage.pass_time(6)
    assert (stage.loop().state, stage.loop().reason, stage.effects()) == ("cancelled", "no longer true", [])
    stage.say(closed(at=40))
    stage.pass_time(6)
    assert (stage.loop().number, stage.loop().state, len(stage.memory.loops)) == (1, "running", 1)
    assert {timer.kind for timer in stage.memory.timers.values()} == {"within"}
    events_fold_back(stage)


def test_a_timer_that_fires_twice_does_nothing_the_second_time():
    stage = Stage(catalog_of(rd_close(settle=5 * SECOND)))
    close_with(stage, item("7"))
    timer = next(iter(stage.memory.timers.values()))
    stage.pass_time(6)
    events = len(stage.memory.events)
    stage.memory.timers[timer.id] = timer
    stage.pass_time(0)
    assert len(stage.memory.events) == events


def test_money_is_read_again_before_the_list_is_taken():
    stage = Stage(catalog_of(refetch=True))
    close_with(stage, item("7"), expense("9"))
    loop = stage.loop()
    assert loop.phase == "reading"
    assert loop.reading == ("jira/expense/9", "jira/item/7", "jira/project/1")
    assert {cause for _, cause in stage.memory.readings} == {loop.id}
    stage.say(closed(at=21), origin="read", cause=loop.id)
    stage.say(item("7", at=21, quantity="3"), origin="read", cause=loop.id)
    assert stage.effects() == []
    stage.say(expense("9", at=21), origin="read", cause=loop.id)
    purchase = next(one for one in stage.effects() if one.step == "purchase")
    assert (purchase.payload["lines"][0]["quantity"], stage.memory.readings) == ("3", {})
    events_fold_back(stage)


def test_a_read_that_shows_the_project_open_again_cancels():
    stage = Stage(catalog_of(refetch=True))
    close_with(stage)
    stage.say(project(at=22), origin="read", cause=stage.loop().id)
    assert (stage.loop().state, stage.effects()) == ("cancelled", [])


def test_an_item_that_is_gone_at_the_source_is_not_bought():
    stage = Stage(catalog_of(refetch=True))
    close_with(stage, item("7"), item("8"))
    loop = stage.loop()
    stage.say(closed(at=21), origin="read", cause=loop.id)
    stage.say(item("8", at=21), origin="read", cause=loop.id)
    stage.fact(ReadFailed(loop.id, "jira/item/7", "gone", "404"))
    assert stage.entity("purchase_item", "jira:7").deleted
    assert len(next(one for one in stage.effects() if one.step == "purchase").payload["lines"]) == 1
    events_fold_back(stage)


def test_a_refused_read_asks_a_person_and_pays_nothing():
    stage = Stage(catalog_of(refetch=True))
    close_with(stage)
    stage.fact(ReadFailed(stage.loop().id, "jira/project/1", "refused", "403"))
    assert (stage.loop().state, stage.effects()) == ("needs_person", [])
    assert stage.person("retry")
    assert stage.loop().state == "running"
    assert len(stage.memory.readings) == 1


def test_a_related_object_that_cannot_be_read_is_asked_for_again_by_a_retry():
    stage = Stage(catalog_of(refetch=True))
    close_with(stage, expense("9"))
    loop = stage.loop()
    stage.say(closed(at=21), origin="read", cause=loop.id)
    stage.fact(ReadFailed(loop.id, "jira/expense/9", "refused", "no such object in the answer"))
    assert (stage.loop().state, stage.waits()) == ("needs_person", [("person", "ops@example.com")])
    assert stage.person("retry")
    assert {kind for kind, _ in stage.waits()} == {"retry"}
    assert {name for name, _ in stage.memory.readings} == {"jira/expense/9", "jira/project/1"}
    stage.say(closed(at=22), expense("9", at=22), origin="read", cause=loop.id)
    assert [one.item for one in stage.effects()] == ["jira:9"]
    events_fold_back(stage)


def test_a_missing_cost_centre_blocks_until_it_is_there(stage):
    close_with(stage, item("7"), cost_center=None)
    assert (stage.loop().state, stage.waits()) == ("blocked", [("missing", "pmo")])
    assert stage.loop().waiting[0].message == "cost centre missing"
    stage.say(closed(at=30))
    assert (stage.loop().state, stage.waits()) == ("running", [])


def test_a_quarantined_expense_makes_money_wait_until_it_is_right(stage):
    close_with(stage, item("7"), expense("9", status="bad"))
    assert (stage.loop().phase, stage.effects()) == ("gathering", [])
    assert stage.waits() == [("quarantine", "finance")]
    stage.say(expense("9", at=30))
    assert [one.item for one in stage.effects()] == ["", "jira:9"]


def test_a_quarantined_expense_that_names_the_project_by_its_label_counts_too(stage):
    close_with(stage, item("7"), expense("9", status="bad", project="OPS-1"))
    assert stage.waits() == [("quarantine", "finance")]


def test_giving_up_a_quarantined_record_lets_the_loop_go_on(stage):
    close_with(stage, item("7"), expense("9", status="bad"))
    row = next(iter(stage.memory.quarantines.values()))
    assert stage.drop(row)
    assert [one.step for one in stage.effects()] == ["purchase"]


def test_an_expense_that_was_good_and_turned_bad_makes_money_wait(stage):
    stage.say(project(), expense("9"))
    stage.say(expense("9", at=15, status="bad", project=None))
    stage.say(closed())
    assert (stage.loop().phase, stage.waits()) == ("gathering", [("quarantine", "finance")])


def test_an_amount_over_the_limit_asks_and_sends_exactly_what_was_seen(stage):
    close_with(stage, item("7", price=money("30000.00")))
    assert stage.steps()["purchase"] == "asking"
    assert (stage.loop().state, stage.waits()) == ("needs_person", [("approval", "finance")])
    asked = next(iter(stage.memory.approvals.values()))
    assert asked.amount == money("60000.00")
    stage.say(item("7", at=50, price=money("1.00")))
    assert stage.person("approve", "purchase")
    assert stage.effects()[0].expect == {"total": money("60000.00")}
    assert stage.loop().state == "running"
    assert not stage.loop().touched
    assert stage.memory.audits[-1].action == "loop approve"


def test_only_who_holds_the_role_may_approve_and_why_is_mandatory(stage):
    close_with(stage, item("7", price=money("30000.00")))
    assert "finance" in stage.person("approve", "purchase", who="E2").message
    assert "nobody" in stage.person("approve", "purchase", who="E77").message
    assert "why" in stage.person("approve", "purchase", why=" ").message
    assert stage.effects() == []


def test_a_refused_document_is_tried_again_with_the_same_key(stage):
    close_with(stage, item("7"))
    effect = stage.effects()[0]
    stage.move(effect, S.SENDING, attempts=1)
    stage.move(effect, S.REJECTED, reason="unknown supplier")
    assert (stage.steps()["purchase"], stage.waits()) == ("failed", [("rejected", "ops@example.com")])
    assert stage.loop().state == "needs_person"
    assert stage.person("retry", "purchase")
    assert [(one.key, one.state) for one in stage.effects()] == [(effect.key, S.PLANNED)]
    assert (stage.loop().state, stage.loop().touched) == ("running", True)


def test_a_mismatch_is_never_sent_again(stage):
    close_with(stage, item("7"))
    effect = stage.effects()[0]
    stage.move(effect, S.SENDING)
    stage.move(effect, S.SENT, remote_id="1")
    stage.move(effect, S.MISMATCH, reason="total: 5", read_back={"total": money("5.00")})
    assert stage.waits() == [("mismatch", "ops@example.com")]
    assert "never sent again" in stage.person("retry", "purchase").message
    assert stage.person("waive", "purchase", who="E1")
    assert (stage.steps()["purchase"], stage.effects()[0].state) == ("waived", S.CANCELLED)


def test_an_unknown_result_waits_without_a_person_and_clears(stage):
    close_with(stage, item("7"))
    effect = stage.effects()[0]
    stage.move(effect, S.SENDING)
    stage.move(effect, S.UNKNOWN, reason="timeout")
    assert (stage.loop().state, stage.waits()) == ("running", [("unknown", "ops@example.com")])
    stage.move(effect, S.SENT, remote_id="1")
    assert stage.waits() == []


def test_an_effect_somebody_else_moved_is_not_moved_again(stage):
    close_with(stage, item("7"))
    effect = stage.effects()[0]
    stage.move(effect, S.SENDING)
    assert not stage.fact(EffectMoved(effect.key, effect.version, S.SENDING))


def test_a_document_made_by_hand_stands_when_it_agrees(stage):
    close_with(stage, item("7"))
    effect = stage.effects()[0]
    stage.move(effect, S.SENDING)
    stage.move(effect, S.REJECTED, reason="no")
    wrong = stage.person("done", "purchase", number="PR-7", remote_id="7", document={"total": money("19.00")})
    assert wrong
    assert (stage.effects()[0].state, stage.steps()["purchase"]) == (S.MISMATCH, "failed")
    assert stage.person("done", "purchase", number="PR-8", remote_id="8", document={"total": money("20.00")})
    assert (stage.effects()[0].state, stage.effects()[0].number) == (S.CONFIRMED, "PR-8")
    assert stage.loop().touched
    stage.erp()
    assert stage.loop().state == "done"


def test_a_step_after_a_failed_one_waits_for_it(stage):
    close_with(stage, item("7"), expense("9"))
    stage.move(stage.effects()[0], S.SENDING)
    stage.move(stage.effects()[0], S.REJECTED, reason="no")
    stage.erp()
    assert (stage.steps()["tell"], stage.loop().state) == ("waiting", "needs_person")
    assert stage.person("waive", "purchase", who="E1")
    stage.erp()
    assert stage.loop().state == "done"


def test_a_payload_that_misses_a_value_fails_before_it_is_planned_and_retry_sees_the_fix(stage):
    close_with(stage, expense("9", employee=None))
    assert (stage.steps()["reimburse"], stage.waits()) == ("failed", [("missing", "ops@example.com")])
    assert stage.effects() == []
    stage.say(expense("9", at=40, employee="E5"))
    assert stage.person("retry", "reimburse")
    assert [one.payload["employee"] for one in stage.effects() if one.step == "reimburse"] == ["E5"]


def test_a_late_expense_asks_the_owner_and_is_paid_when_allowed(stage):
    close_with(stage, expense("9"))
    stage.erp()
    assert stage.loop().state == "done"
    stage.say(expense("10", at=60))
    assert (stage.loop().state, stage.loop().late) == ("needs_person", ("jira:10",))
    assert "who may: ops@example.com" in stage.person("approve", "late", "jira:10", who="E1").message
    assert stage.person("approve", "late", "jira:10", who="E3")
    assert [one.item for one in stage.effects("PLANNED")] == ["jira:10"]
    stage.erp()
    assert (stage.loop().state, stage.loop().late) == ("done", ())


def test_a_late_item_for_a_step_that_was_skipped_gets_its_own_document(stage):
    close_with(stage)
    stage.erp()
    assert stage.steps()["purchase"] == "skipped"
    stage.say(item("11", at=60))
    assert stage.person("approve", "late", "jira:11", who="E3")
    late = [one for one in stage.effects("PLANNED") if one.step == "purchase"]
    assert [(one.item, len(one.payload["lines"])) for one in late] == [("jira:11", 1)]


def test_a_late_item_that_is_waived_stays_out(stage):
    close_with(stage)
    stage.erp()
    stage.say(item("11", at=60))
    assert stage.person("waive", "late", "jira:11", who="E3")
    stage.say(item("11", at=61, quantity="9"))
    assert (stage.loop().state, stage.loop().late) == ("done", ())


def test_a_reclose_asks_the_owner_and_never_pays_twice(stage):
    close_with(stage, expense("9"))
    stage.erp()
    stage.say(project(at=60), expense("10", at=60))
    stage.say(closed(at=70))
    again = stage.loop(2)
    assert (again.state, again.phase, stage.waits(2)) == ("needs_person", "asking", [("person", "ops@example.com")])
    assert stage.person("approve", loop=again.id, who="E3")
    assert [one.item for one in stage.effects("PLANNED")] == ["jira:10"]
    assert {one.loop for one in stage.effects("PLANNED")} == {again.id}


def test_what_comes_after_a_reclose_was_waived_asks_at_the_closing_before(stage):
    close_with(stage)
    stage.erp()
    stage.say(project(at=60))
    stage.say(closed(at=70))
    assert stage.person("waive", loop=stage.loop(2).id, who="E3")
    stage.say(expense("10", at=80))
    assert (stage.loop(1).state, stage.loop(1).late) == ("needs_person", ("jira:10",))


def test_what_a_reclose_would_have_taken_asks_at_the_closing_before_when_it_ends(stage):
    close_with(stage)
    stage.erp()
    stage.say(project(at=60))
    stage.say(closed(at=70), expense("10", at=75))
    assert stage.loop(1).late == ()
    assert stage.person("waive", loop=stage.loop(2).id, who="E3")
    assert (stage.loop(1).state, stage.loop(1).late) == ("needs_person", ("jira:10",))


def test_a_reclose_that_opens_again_stops_asking(stage):
    close_with(stage)
    stage.erp()
    stage.say(project(at=60))
    stage.say(closed(at=70))
    stage.say(project(at=80))
    assert stage.loop(2).state == "cancelled"
    stage.say(closed(at=90))
    assert (stage.loop(2).phase, len(stage.memory.loops)) == ("asking", 2)


def test_once_per_closing_runs_again_for_another_closing_time():
    stage = Stage(catalog_of(rd_close(once="closing")))
    close_with(stage)
    stage.say(project(at=60))
    stage.say(closed(at=70, closed_at="2026-01-09T00:00:00.000Z"))
    assert [(one.number, one.state.value) for one in stage.memory.loops.values()] == [(1, "running"), (2, "running")]
    assert len({one.key for one in stage.effects()}) == len(stage.effects())


def test_a_deleted_project_does_not_close(stage):
    stage.say(project())
    stage.say({**closed(), "op": "delete"})
    assert stage.memory.loops == {}


def test_an_instance_keeps_its_version_of_the_mapping():
    old = rd_close(logic="logic-1")
    stage = Stage(catalog_of(old))
    close_with(stage, item("7"))
    new = rd_close(logic="logic-2", steps=())
    stage.catalog = catalog_of(new, older=lambda name, logic: old if logic == "logic-1" else None)
    stage.erp()
    assert (stage.loop().logic, stage.loop().state, stage.steps()["tell"]) == ("logic-1", "done", "done")


def test_a_step_knows_when_it_is_due(stage):
    close_with(stage, item("7"))
    assert next(one for one in stage.loop().steps if one.name == "purchase").due == stage.now + 4 * 3600 * SECOND


def test_every_decision_is_audited_with_who_and_why(stage):
    close_with(stage, item("7"))
    stage.move(stage.effects()[0], S.SENDING)
    stage.move(stage.effects()[0], S.REJECTED, reason="no")
    assert stage.person("waive", "purchase", who="E1", why="bought by card")
    assert [(one.who, one.action, one.why) for one in stage.memory.audits] == [("E1", "loop waive", "bought by card")]
    told = next(event for event in stage.memory.events if event.type == "loop.waived")
    assert orjson.loads(told.data)["about"] == {"step": "purchase", "who": "E1", "why": "bought by card"}


def test_effect_keys_do_not_depend_on_order_or_repetition():
    keys = set()
    things = [project(), item("7"), item("8"), expense("9"), expense("10")]
    for order in (things, things[::-1], [things[2], things[0], *things, *things]):
        stage = Stage()
        for one in order:
            stage.say(one)
        stage.say(closed())
        stage.say(closed())
        keys.add(tuple(sorted(one.key for one in stage.effects())))
    assert len(keys) == 1


def called(name: str, was: str, logic: str) -> Any:
    """The worked loop under another name."""
    made = rd_close(logic=logic)
    loop = made.loops[0]
    return replace(made, loops=(replace(loop, definition=replace(loop.definition, name=name, renamed_from=was)),))


def test_a_loop_renamed_twice_knows_its_closings_under_every_name():
    versions = {"l1": called("a", "", "l1"), "l2": called("b", "a", "l2"), "l3": called("c", "a", "l3")}
    stage = Stage(catalog_of(versions["l2"], older=lambda name, logic: versions.get(logic)))
    close_with(stage, expense("9"))
    stage.erp()
    stage.catalog = catalog_of(versions["l3"], older=lambda name, logic: versions.get(logic))
    stage.say(project(at=40))
    stage.say(closed(at=41))
    newest = stage.loop(2)
    assert (newest.loop, newest.phase) == ("c", "asking")
    assert len([one for one in stage.effects() if one.step == "reimburse"]) == 1


def test_a_key_that_another_loop_has_is_told_and_not_waited_for():
    """The version in between cannot be loaded any more, so nobody can say that its closing is one of this loop."""
    stage = Stage(catalog_of(called("b", "a", "l2")))
    close_with(stage, expense("9"))
    stage.erp()
    made = [one.key for one in stage.effects()]
    stage.catalog = catalog_of(called("c", "a", "l3"))
    stage.say(project(at=40))
    stage.say(closed(at=41))
    newest = next(one for one in stage.memory.loops.values() if one.loop == "c")
    assert (newest.state, [one.kind for one in newest.waiting]) == ("needs_person", ["missing"])
    assert "has this key already (CONFIRMED)" in newest.waiting[0].message
    assert [one.key for one in stage.effects()] == made


def test_what_comes_late_asks_although_a_closing_of_before_the_start_was_told_since():
    """A closing that is dated back is history and takes nothing: the one that stands goes on asking."""
    stage = Stage()
    close_with(stage, expense("9"))
    stage.erp()
    stage.say(project(at=30))
    stage.say(closed(at=40, closed_at="2025-06-01T00:00:00.000Z"))
    assert stage.loop(2).state == "history"
    stage.say(expense("10", at=50))
    assert stage.loop().late == ("jira:10",)


def test_the_newest_closing_is_the_last_one_whatever_the_loop_was_called():
    versions = {"l1": called("close-out", "", "l1"), "l2": called("archive", "close-out", "l2")}
    stage = Stage(catalog_of(versions["l1"], older=lambda name, logic: versions.get(logic)))
    close_with(stage, expense("9"))
    stage.erp()
    stage.catalog = catalog_of(versions["l2"], older=lambda name, logic: versions.get(logic))
    for at in (40, 60):
        stage.say(project(at=at))
        stage.say(closed(at=at + 1))
    assert sorted((one.loop, one.number) for one in stage.memory.loops.values()) == [("archive", 2), ("close-out", 1)]
