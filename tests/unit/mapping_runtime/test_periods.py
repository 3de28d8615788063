"""Periods of a schedule: names, due times over holidays and clock changes, and which comes next."""

from __future__ import annotations

from typing import Any

import pytest

from hub.mapping.calendar import Calendar, CalendarDef
from hub.mapping.literals import point_in_time
from hub.mapping.periods import due_of, first_from, following
from hub.mapping.table import ScheduleDef
from hub.model.clock import moment
from hub.model.diagnostic import Place

HERE = Place("t.yaml", 1, 1)
CHINA = Calendar(CalendarDef("CN", "Asia/Shanghai", HERE))


def plan(every: Any, **more: Any) -> ScheduleDef:
    return ScheduleDef(every, HERE, **more)


def local(schedule: ScheduleDef, period: str, calendar: Calendar = CHINA) -> str:
    return f"{moment(due_of(schedule, period, calendar)).astimezone(calendar.zone):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("schedule", "period", "due"),
    [
        (plan("month"), "2026-11", "2026-11-01 09:00"),
        (plan("month", shift=1), "2026-11", "2026-11-02 09:00"),
        (plan("month", shift=-1), "2026-11", "2026-10-30 09:00"),
        (plan("month", shift=1), "2026-10", "2026-10-08 09:00"),  # National Day
        (plan("month", day=31), "2026-02", "2026-02-28 09:00"),
        (plan("month", day=-1, time="18:00"), "2028-02", "2028-02-29 18:00"),
        (plan("month", working_day=1), "2026-10", "2026-10-08 09:00"),
        (plan("month", working_day=3), "2026-10", "2026-10-10 09:00"),  # the make-up Saturday
        (plan("month", working_day=-1), "2026-10", "2026-10-30 09:00"),
        (plan("month", working_day=20), "2026-02", "2026-02-28 09:00"),  # the last there is
        (plan("week", weekday=5), "2026-W47", "2026-11-20 09:00"),
        (plan("quarter"), "2026-Q4", "2026-10-01 09:00"),
        (plan("quarter", month=3, day=-1), "2026-Q4", "2026-12-31 09:00"),
        (plan("year", month=12, day=31), "2026", "2026-12-31 09:00"),
        (plan("day"), "2026-11-21", "2026-11-21 09:00"),
    ],
)
def test_a_period_falls_due_when_its_schedule_says(schedule: ScheduleDef, period: str, due: str) -> None:
    assert local(schedule, period) == due


@pytest.mark.parametrize(
    ("schedule", "at", "period"),
    [
        (plan("month", day=-1, shift=1), "2026-11-02T08:59:00+08:00", "2026-10"),  # the 31st is a Saturday
        (plan("month", day=-1, shift=1), "2026-11-02T09:00:01+08:00", "2026-11"),
        (plan("year", month=12, day=31, shift=1), "2023-01-03T08:00:00+08:00", "2022"),
        (plan("week", weekday=7, shift=1), "2026-10-08T00:00:00+08:00", "2026-W40"),  # after Golden Week
        (plan("day", shift=1), "2026-11-02T08:00:00+08:00", "2026-10-31"),
    ],
)
def test_a_period_that_is_over_and_falls_due_after_the_weekend_is_not_forgotten(
    schedule: ScheduleDef, at: str, period: str
) -> None:
    assert first_from(schedule, point_in_time(at, "Asia/Shanghai"), CHINA) == period


@pytest.mark.parametrize(
    ("every", "period", "after"),
    [
        ("month", "2026-12", "2027-01"),
        ("week", "2026-W53", "2027-W01"),
        ("quarter", "2026-Q4", "2027-Q1"),
        ("year", "2026", "2027"),
        ("day", "2026-12-31", "2027-01-01"),
        ("working day", "2026-09-30", "2026-10-08"),
        ("working day", "2026-10-09", "2026-10-10"),
    ],
)
def test_the_next_period(every: str, period: str, after: str) -> None:
    assert following(plan(every), period, CHINA) == after


@pytest.mark.parametrize(
    ("schedule", "at", "period"),
    [
        (plan("month"), "2026-11-01T09:00:00+08:00", "2026-11"),
        (plan("month"), "2026-11-01T09:00:01+08:00", "2026-12"),
        (plan("month", day=-1), "2026-11-01", "2026-11"),
        (plan("month", shift=-1), "2026-10-30T08:00:00+08:00", "2026-11"),
        (plan("working day"), "2026-10-03", "2026-10-08"),
        (plan("week"), "2026-11-21", "2026-W48"),
        (plan("year"), "2026-11-21", "2027"),
    ],
)
def test_the_first_period_that_is_not_over(schedule: ScheduleDef, at: str, period: str) -> None:
    assert first_from(schedule, point_in_time(at, "Asia/Shanghai"), CHINA) == period


def test_a_time_of_day_stays_what_it_is_when_the_clock_changes() -> None:
    berlin = Calendar(CalendarDef("DE", "Europe/Berlin", HERE))
    daily = plan("day", time="09:00")
    hours = [moment(due_of(daily, day, berlin)).hour for day in ("2026-03-28", "2026-03-29", "2026-10-25")]
    assert hours == [8, 7, 8]


def test_every_period_of_ten_years_has_its_own_due_time_in_order() -> None:
    for every in ("day", "working day", "week", "month", "quarter", "year"):
        schedule, period, last = plan(every), first_from(plan(every), 0, CHINA), -1
        for _ in range(200):
            due = due_of(schedule, period, CHINA)
            assert due > last, (every, period)
            last, period = due, following(schedule, period, CHINA)
