"""Limits of time: what is open past its due time is overdue, and each level is told once, whatever the clock does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.mail.connector import BY_FILE
from hub.loop.limits import overdue
from hub.mapping.calendar import Calendar, CalendarDef, Span
from hub.mapping.catalog import ConnectionFacts
from hub.mapping.compiled import CompiledIntegration
from hub.mapping.table import ApproveDef, EscalateDef
from hub.model.changes import Timer
from hub.model.clock import SECOND, moment
from hub.model.fact import TimerDue
from hub.model.people import Deputy, People
from tests.engine_stage import HERE, PEOPLE, Stage, catalog_of, closed, item, project, rd_close, step
from tests.unit.loop.test_closing import events_fold_back

HOUR = 3600 * SECOND
FOUR_HOURS = Span(wall=4 * HOUR)
MAIL = {"mail": ConnectionFacts("mail", "mail", {"message.send": BY_FILE}, False)}
LEVELS = (
    EscalateDef("finance", "mail", HERE),
    EscalateDef("cfo@example.com", "mail", HERE, Span(wall=2 * HOUR)),
)


def late(levels: tuple[EscalateDef, ...] = LEVELS, within: Span = FOUR_HOURS, **more: Any) -> Stage:
    """A stage whose purchase waits for finance and has four hours."""
    buy = step(
        "purchase",
        "purchase_requisition.create",
        lambda scope, link: {"title": scope["project"]["name"]},
        within=within,
        escalate=levels,
        approve=ApproveDef("finance", None, None, HERE),
        uses=("project",),
    )
    made = rd_close(steps=(buy,))
    return Stage(with_mail(CompiledIntegration(made.definition, made.tables, (replace(made.loops[0], **more),))))


def with_mail(integration: CompiledIntegration, people: People = PEOPLE, mail: bool = True, **more: Any) -> Any:
    catalog = catalog_of(integration, **more)
    connections = {**catalog.connections, **(MAIL if mail else {})}
    return replace(catalog, connections=connections, people=people, _tables={}, _loops={})


def mails(stage: Stage) -> list[tuple[str, str]]:
    return [(one.step, one.payload["to"]) for one in stage.effects() if one.action == "message.send"]


def close(stage: Stage) -> None:
    stage.say(project(), item("7"))
    stage.say(closed())


def test_a_step_that_is_open_past_its_due_time_is_overdue_and_its_role_is_told() -> None:
    stage = late()
    close(stage)
    stage.pass_time(4 * 3600 - 1)
    assert (overdue(stage.loop()), mails(stage)) == ([], [])
    stage.pass_time(1)
    assert (overdue(stage.loop()), mails(stage)) == (["purchase"], [("purchase/overdue-1", "li@example.com")])
    mail = stage.effects()[-1]
    assert mail.payload["subject"] == "Overdue: purchase of OPS-1"
    assert stage.loop().id in mail.payload["body"]
    events_fold_back(stage)


def test_the_chain_goes_on_level_by_level_each_once() -> None:
    stage = late()
    close(stage)
    stage.pass_time(4 * 3600)
    stage.pass_time(2 * 3600)
    assert [to for _, to in mails(stage)] == ["li@example.com", "cfo@example.com"]
    stage.pass_time(30 * 24 * 3600)
    assert (len(mails(stage)), stage.memory.timers) == (2, {})
    events_fold_back(stage)


def test_after_a_long_silence_every_level_is_told_at_once_and_once() -> None:
    stage = late()
    close(stage)
    stage.pass_time(30 * 24 * 3600)
    stage.pass_time(1)
    assert len(mails(stage)) == 2


def test_a_step_that_was_decided_in_time_tells_nobody() -> None:
    stage = late()
    close(stage)
    assert stage.person("approve", "purchase")
    stage.erp()
    assert stage.memory.timers == {}
    stage.pass_time(5 * 3600)
    assert mails(stage) == []


def test_what_is_done_late_stays_recorded_and_is_overdue_no_more() -> None:
    stage = late()
    close(stage)
    stage.pass_time(5 * 3600)
    assert stage.person("approve", "purchase")
    stage.erp()
    assert (stage.loop().state, overdue(stage.loop())) == ("done", [])
    assert stage.loop().steps[0].overdue_at is not None
    assert stage.memory.timers == {}
    events_fold_back(stage)


@pytest.mark.parametrize("back", [1, 300, 3600, 24 * 3600])
def test_a_clock_that_goes_back_fires_nothing_twice(back: int) -> None:
    stage = late()
    close(stage)
    stage.pass_time(4 * 3600)
    stage.pass_time(-back)
    stage.pass_time(back)
    assert len(mails(stage)) == 1
    stage.pass_time(2 * 3600)
    assert len(mails(stage)) == 2


@pytest.mark.parametrize("jump", [300, 24 * 3600])
def test_a_clock_that_jumps_ahead_loses_nothing(jump: int) -> None:
    stage = late()
    close(stage)
    stage.pass_time(4 * 3600 + jump)
    stage.pass_time(-jump)
    stage.pass_time(2 * 3600 + jump)
    assert len(mails(stage)) == 2


def test_a_timer_fact_that_comes_twice_changes_nothing_the_second_time() -> None:
    stage = late()
    close(stage)
    timer: Timer = next(iter(stage.memory.timers.values()))
    stage.pass_time(4 * 3600)
    events = len(stage.memory.events)
    stage.fact(TimerDue(timer.id, timer.kind, timer.loop, timer.step))
    assert (len(stage.memory.events), len(mails(stage))) == (events, 1)


def test_the_due_time_is_counted_in_working_time_and_stored_in_utc() -> None:
    china = Calendar(CalendarDef("CN", "Asia/Shanghai", HERE))
    stage = late(within=Span(days=2), calendar=china)
    close(stage)  # Friday 2 January 2026 rests, Sunday the 4th makes up for it
    assert f"{moment(stage.now):%Y-%m-%d %H:%M}" == "2026-01-02 03:46"
    due = stage.loop().steps[0].due
    assert due is not None
    assert f"{moment(due).astimezone(china.zone):%Y-%m-%d %H:%M}" == "2026-01-06 09:00"


def test_a_loop_has_a_limit_of_its_own() -> None:
    made = rd_close()
    definition = replace(made.loops[0].definition, within=Span(wall=HOUR), escalate=LEVELS[:1])
    loop = replace(made.loops[0], definition=definition)
    stage = Stage(with_mail(CompiledIntegration(made.definition, made.tables, (loop,))))
    stage.say(closed(cost_center=None))
    stage.pass_time(3600)
    assert (stage.loop().state, overdue(stage.loop())) == ("blocked", [""])
    assert mails(stage) == [("@loop/overdue-1", "li@example.com")]
    stage.say(closed(at=30))
    stage.erp()
    assert (stage.loop().state, overdue(stage.loop()), stage.memory.timers) == ("done", [], {})
    events_fold_back(stage)


def test_a_deputy_is_told_while_standing_in() -> None:
    away = Deputy("E2", "2026-01-01", "2026-01-31")
    people = People([replace(PEOPLE.all[0], deputies=(away,)), *PEOPLE.all[1:]])
    stage = late(LEVELS[:1])
    stage.catalog = replace(stage.catalog, people=people, _tables={}, _loops={})
    close(stage)
    stage.pass_time(4 * 3600)
    assert mails(stage) == [("purchase/overdue-1", "li@example.com, wang@example.com")]


def test_where_nobody_can_be_told_the_step_is_overdue_all_the_same_and_says_why() -> None:
    stage = late()
    stage.catalog = with_mail(stage.catalog.integrations["rd-close"], mail=False)
    close(stage)
    stage.pass_time(4 * 3600)
    assert (overdue(stage.loop()), mails(stage)) == (["purchase"], [])
    event = next(one for one in stage.memory.events if one.type == "loop.overdue")
    assert b"no connection mail sends mail" in event.data


def test_a_notice_that_is_refused_does_not_touch_its_loop() -> None:
    stage = late()
    close(stage)
    stage.pass_time(4 * 3600)
    mail = stage.effects()[-1]
    before = stage.loop()
    stage.move(mail, type(mail.state).SENDING)
    stage.move(mail, type(mail.state).REJECTED, reason="no such mailbox")
    assert stage.loop() == before


def test_what_is_being_taken_back_is_nobodys_delay() -> None:
    stage = late()
    close(stage)
    name = stage.loop().id
    stage.memory.loops[name] = replace(stage.loop(), phase="undoing")
    stage.pass_time(5 * 3600)
    assert (overdue(stage.loop()), mails(stage)) == ([], [])
