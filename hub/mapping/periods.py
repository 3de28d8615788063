"""Periods of a schedule: what each is called, when it falls due, which comes next. Pure.

A period's name says when it is, not when it was noticed: ``2026-11``, ``2026-W47``, ``2026-11-21``, ``2026-Q4``.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, time, timedelta

from hub.mapping.calendar import Calendar
from hub.mapping.table import ScheduleDef
from hub.model.clock import Micros

_DAY = timedelta(days=1)
_SHIFT_MAX = timedelta(days=35)
"""How far a period that is over may at most fall due after its last day: where people do not work, longer than any
stretch of holidays."""


def period_of(plan: ScheduleDef, day: date) -> str:
    """The period a day lies in."""
    match plan.every:
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{day:%Y-%m}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "year":
            return f"{day.year}"
        case _:
            return day.isoformat()


def first_day(plan: ScheduleDef, period: str) -> date:
    """The first day of a period by its name. Raises ``ValueError`` for a name of another kind of schedule."""
    match plan.every:
        case "week":
            year, week = period.split("-W")
            return date.fromisocalendar(int(year), int(week), 1)
        case "month":
            year, month = period.split("-")
            return date(int(year), int(month), 1)
        case "quarter":
            year, quarter = period.split("-Q")
            return date(int(year), int(quarter) * 3 - 2, 1)
        case "year":
            return date(int(period), 1, 1)
        case _:
            return date.fromisoformat(period)


def following(plan: ScheduleDef, period: str, calendar: Calendar) -> str:
    """The next period."""
    start = first_day(plan, period)
    match plan.every:
        case "day":
            return (start + _DAY).isoformat()
        case "working day":
            return calendar.counted(start, 1).isoformat()
        case "week":
            return period_of(plan, start + 7 * _DAY)
        case _:
            months = {"month": 1, "quarter": 3}.get(plan.every, 12)
            return period_of(plan, _month(start, months))


def due_of(plan: ScheduleDef, period: str, calendar: Calendar) -> Micros:
    """When a period falls due, in UTC."""
    day = calendar.shifted(_day(plan, first_day(plan, period), calendar), plan.shift)
    return calendar.at(day, time.fromisoformat(plan.time))


def first_from(plan: ScheduleDef, at: Micros, calendar: Calendar) -> str:
    """The first period that falls due at or after a moment."""
    day = calendar.day_of(at) - _SHIFT_MAX
    day = calendar.shifted(day, -1) if plan.every == "working day" else day
    period = period_of(plan, day)
    while due_of(plan, period, calendar) < at:
        period = following(plan, period, calendar)
    return period


def _day(plan: ScheduleDef, start: date, calendar: Calendar) -> date:
    """The day of a period on which it falls due, before it is shifted."""
    if plan.every in ("day", "working day"):
        return start
    if plan.every == "week":
        return start + (plan.weekday - 1) * _DAY
    first = start if plan.every == "month" else _month(start, plan.month - 1)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    if plan.working_day < 0:
        return calendar.shifted(last, -1)
    if plan.working_day:
        return min(calendar.counted(first - _DAY, plan.working_day), calendar.shifted(last, -1))
    return last if plan.day < 0 else min(first + (plan.day - 1) * _DAY, last)


def _month(start: date, months: int) -> date:
    """The first day of a month so many later."""
    number = start.year * 12 + start.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)
