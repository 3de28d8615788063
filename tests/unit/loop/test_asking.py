"""Approvals in time: levels, reminders, expiry, deputies, and who may not approve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from hub.mapping.calendar import Span
from hub.mapping.catalog import Catalog
from hub.mapping.table import ApproveDef, EscalateDef
from hub.model.clock import SECOND
from hub.model.effect import EffectState as S
from hub.model.fact import TimerDue
from hub.model.people import Deputy, People, Person
from hub.model.values import Money
from tests.engine_stage import HERE, Stage, closed, item, money, project, rd_close, step
from tests.unit.loop.test_closing import events_fold_back
from tests.unit.loop.test_limits import mails, with_mail

DAY = 24 * 3600
PEOPLE = People(
    [
        Person("E1", "Li Wei", "li@example.com", frozenset({"finance"})),
        Person("E2", "Wang Fang", "wang@example.com", frozenset({"finance", "cfo"})),
        Person("E3", "Zhao Min", "zhao@example.com", frozenset({"cfo"})),
        Person("E4", "Gao", "gao@example.com"),
        Person("E9", "Ops", "ops@example.com"),
    ]
)


def price(scope: Mapping[str, Any]) -> Money:
    return Money(Decimal(scope["project"]["actual_cost"]["amount"]), "CNY")


def over(role: str, amount: int) -> ApproveDef:
    return ApproveDef(role, None, Money(Decimal(amount), "CNY"), HERE)


def stage_of(policy: ApproveDef, escalate: tuple[EscalateDef, ...] = (), people: People = PEOPLE) -> Stage:
    """A stage whose one step asks by that policy; every amount is the project's cost."""
    buy = step(
        "purchase",
        "purchase_requisition.create",
        lambda scope, link: {"title": scope["project"]["name"], "requester": scope["project"]["cost_center"]},
        amount=price,
        approve=policy,
        escalate=escalate,
        uses=("project",),
    )
    buy = replace(buy, levels=tuple((one, price) for one in policy.levels))
    return Stage(with_mail(rd_close(steps=(buy,)), people))


def close(stage: Stage, cost: str = "700000.00", requester: str = "E4") -> None:
    stage.say(project(), item("7"))
    stage.say(closed(actual_cost=money(cost), cost_center=requester))


def sent(stage: Stage) -> list[str]:
    return [one.step for one in stage.effects() if one.action != "message.send"]


LEVELS = replace(over("finance", 50_000), levels=(over("cfo", 500_000),))


@pytest.mark.parametrize(
    ("cost", "roles"), [("50000.00", []), ("50000.01", ["finance"]), ("500000.01", ["finance", "cfo"])]
)
def test_a_larger_amount_needs_more_levels(cost: str, roles: list[str]) -> None:
    stage = stage_of(LEVELS)
    close(stage, cost)
    asked = sorted(stage.memory.approvals.values(), key=lambda one: one.level)
    assert [one.role for one in asked] == roles
    assert stage.waits() == ([("approval", ", ".join(roles))] if roles else [])


def test_nothing_is_planned_before_every_level_has_agreed() -> None:
    stage = stage_of(LEVELS)
    close(stage)
    assert stage.person("approve", "purchase", who="E1")
    assert (sent(stage), stage.waits()) == ([], [("approval", "cfo")])
    assert stage.person("approve", "purchase", who="E3")
    assert sent(stage) == ["purchase"]
    stage.erp()
    assert stage.loop().state == "done"
    events_fold_back(stage)


def test_each_level_takes_another_person() -> None:
    stage = stage_of(LEVELS)
    close(stage)
    assert stage.person("approve", "purchase", who="E2")
    answer = stage.person("approve", "purchase", who="E2")
    assert (bool(answer), "another person" in answer.message) == (False, True)


def test_somebody_without_any_of_the_roles_is_refused() -> None:
    stage = stage_of(LEVELS)
    close(stage)
    assert "does not hold the role cfo, finance" in stage.person("approve", "purchase", who="E9").message


def test_nobody_approves_what_is_for_themselves() -> None:
    stage = stage_of(over("finance", 0))
    close(stage, requester="E1")
    assert "somebody else" in stage.person("approve", "purchase", who="E1").message
    assert stage.person("approve", "purchase", who="E2")


def deputised(*deputies: Deputy) -> People:
    return People([replace(PEOPLE.all[0], deputies=deputies), *PEOPLE.all[1:]])


@pytest.mark.parametrize(
    ("deputy", "may"),
    [
        (Deputy("E4", "2026-01-01", "2026-01-02"), True),
        (Deputy("E4", "2026-01-02", "2026-01-02", frozenset({"finance"})), True),
        (Deputy("E4", "2026-01-02", "2026-01-02", frozenset({"cfo"})), False),
        (Deputy("E4", "2025-12-01", "2026-01-01"), False),
        (Deputy("E4", "2026-01-03", "2026-01-31"), False),
    ],
)
def test_a_deputy_approves_in_the_roles_and_on_the_days_named(deputy: Deputy, may: bool) -> None:
    stage = stage_of(over("finance", 0), people=deputised(deputy))
    close(stage, requester="E9")
    assert bool(stage.person("approve", "purchase", who="E4")) is may
    assert [one.who for one in stage.memory.audits] == (["E4"] if may else [])


REMIND = replace(over("finance", 0), remind=Span(wall=DAY * SECOND))


def test_everybody_of_the_role_is_reminded_until_it_is_decided() -> None:
    stage = stage_of(REMIND)
    close(stage)
    for _ in range(3):
        stage.pass_time(DAY)
    assert mails(stage) == [(f"purchase/remind-0-{n}-0", "li@example.com, wang@example.com") for n in (1, 2, 3)]
    assert stage.person("approve", "purchase")
    assert stage.memory.timers == {}
    stage.pass_time(DAY)
    assert len(mails(stage)) == 3
    events_fold_back(stage)


def test_reminders_end_after_ten() -> None:
    stage = stage_of(REMIND)
    close(stage)
    for _ in range(15):
        stage.pass_time(DAY)
    assert (len(mails(stage)), stage.memory.timers) == (10, {})


def test_only_who_has_not_agreed_yet_is_reminded() -> None:
    stage = stage_of(replace(LEVELS, remind=Span(wall=DAY * SECOND)))
    close(stage)
    assert stage.person("approve", "purchase", who="E1")
    stage.pass_time(DAY)
    assert [to for _, to in mails(stage)] == ["wang@example.com, zhao@example.com"]


@pytest.mark.parametrize("back", [1, 300, 3600, DAY])
def test_a_clock_that_goes_back_reminds_nobody_twice(back: int) -> None:
    stage = stage_of(REMIND)
    close(stage)
    stage.pass_time(DAY)
    stage.pass_time(-back)
    stage.pass_time(back)
    assert len(mails(stage)) == 1


def test_a_reminder_that_comes_twice_changes_nothing() -> None:
    stage = stage_of(REMIND)
    close(stage)
    timer = next(iter(stage.memory.timers.values()))
    stage.pass_time(DAY)
    events = len(stage.memory.events)
    stage.fact(TimerDue(timer.id, timer.kind, timer.loop, timer.step))
    assert (len(stage.memory.events), len(mails(stage))) == (events, 1)


def expiring(how: Any) -> ApproveDef:
    return replace(over("finance", 0), expires=Span(wall=5 * DAY * SECOND), on_expiry=how)


def test_what_expires_asks_anew_and_the_former_ask_is_worth_nothing() -> None:
    stage = stage_of(expiring("ask"))
    close(stage)
    for number in (1, 2):
        stage.pass_time(5 * DAY)
        (ask,) = stage.memory.approvals.values()
        assert (ask.state, ask.round, ask.asked_at) == ("asked", number, stage.now)
    assert stage.steps() == {"purchase": "asking"}
    assert stage.person("approve", "purchase")
    assert (sent(stage), stage.memory.timers) == (["purchase"], {})
    events_fold_back(stage)


def test_what_expires_tells_the_steps_chain_and_keeps_asking() -> None:
    stage = stage_of(expiring("escalate"), (EscalateDef("cfo", "mail", HERE),))
    close(stage)
    stage.pass_time(5 * DAY)
    stage.pass_time(5 * DAY)
    assert mails(stage) == [("purchase/expired-0-0", "wang@example.com, zhao@example.com")]
    assert stage.person("approve", "purchase")
    events_fold_back(stage)


def test_what_expires_without_a_chain_tells_the_loops_owner() -> None:
    stage = stage_of(expiring("escalate"))
    close(stage)
    stage.pass_time(5 * DAY)
    assert [to for _, to in mails(stage)] == ["ops@example.com"]


def test_what_expires_fails_the_step_and_a_retry_asks_again() -> None:
    stage = stage_of(expiring("fail"))
    close(stage)
    stage.pass_time(5 * DAY)
    assert (stage.loop().state, stage.waits()) == ("needs_person", [("rejected", "ops@example.com")])
    assert not stage.person("approve", "purchase")
    assert stage.person("retry", "purchase", who="E9")
    assert stage.person("approve", "purchase")
    stage.erp()
    assert stage.loop().state == "done"
    events_fold_back(stage)


def test_an_expiry_of_what_was_waived_meanwhile_does_nothing() -> None:
    stage = stage_of(expiring("ask"))
    close(stage)
    assert stage.person("waive", "purchase", who="E1")
    stage.pass_time(6 * DAY)
    assert stage.steps() == {"purchase": "waived"}
    assert [one.state for one in stage.memory.approvals.values()] == ["dropped"]


def test_a_reminder_is_a_mail_with_the_command_to_type() -> None:
    stage = stage_of(REMIND)
    close(stage)
    stage.pass_time(DAY)
    mail = stage.effects()[-1]
    assert mail.payload["subject"] == "Please approve: purchase of OPS-1"
    assert f"hub loop approve {stage.loop().id}/purchase --as" in mail.payload["body"]
    assert mail.state is S.PLANNED


def test_a_waiver_drops_the_asks_of_every_level() -> None:
    stage = stage_of(LEVELS)
    close(stage)
    assert stage.person("waive", "purchase", who="E1")
    assert {one.state for one in stage.memory.approvals.values()} == {"dropped"}
    assert "nothing of" in stage.person("approve", "purchase", who="E3").message


def test_nothing_is_approved_that_the_workspace_cannot_make_any_more() -> None:
    stage = Stage()
    stage.say(project(), item("7", price=money("60000.00")))
    stage.say(closed())
    whole = stage.catalog
    stage.catalog = Catalog(whole.integrations, {}, whole.schemas, whole.people)
    assert "has no erp.purchase_requisition.create any more" in stage.person("approve", "purchase").message
    stage.catalog = whole
    assert stage.person("approve", "purchase")
    assert sent(stage) == ["purchase"]
