"""Nodes -> everything of loops that time does: calendars, limits and who is told, schedules, deadlines, approvals.

Grammar only: whether a country, a role or a connection exists is asked by ``check/``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, cast

from hub.mapping.build_governance import Inherited
from hub.mapping.calendar import AT_ONCE, OFFICE, CalendarDef
from hub.mapping.form import Form
from hub.mapping.literals import BadLiteral, calendar_day, clock_time, lead, money, office_hours, span
from hub.mapping.read import Scalar, Sequence
from hub.mapping.table import ApproveDef, DueDef, EscalateDef, ScheduleDef

CALENDAR_KEYS = ("country", "hours", "closed", "open")
SCHEDULE_KEYS = ("every", "time", "month", "day", "working_day", "weekday", "shift")
DUE_KEYS = ("of", "lead", "lag")
APPROVE_KEYS = ("role", "of", "over", "remind", "expires", "on_expiry", "by")
ESCALATE_KEYS = ("to", "by", "after")
EVERY = ("day", "working day", "week", "month", "quarter", "year")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHIFTS: dict[str, Literal[-1, 0, 1]] = {"none": 0, "next": 1, "previous": -1}


# --- calendars


def calendar_of(form: Form, above: Inherited) -> CalendarDef | None:
    """``calendar: CN`` or ``{country: CN, hours: …}``; the surrounding one where nothing is written."""
    node = form.take("calendar")
    if node is None:
        return above.calendar
    if isinstance(node, Scalar):
        return CalendarDef(form.text("calendar"), above.zone, form.place("calendar"))
    inner = Form.of(form.findings, node, "calendar", CALENDAR_KEYS)
    if inner is None:
        return above.calendar
    hours = inner.literal("hours", office_hours)
    place = inner.place("country") if "country" in inner else form.place("calendar")
    days = {key: _days(inner, key) for key in ("closed", "open")}
    return CalendarDef(inner.text("country"), above.zone, place, hours or OFFICE, days["closed"], days["open"])


def _days(form: Form, key: str) -> tuple[str, ...]:
    found = []
    for word in form.words(key):
        try:
            found.append(calendar_day(word.text))
        except BadLiteral as error:
            form.findings.report("bad-literal", word, str(error), "a day of the calendar", f"write {error.expected}")
    return tuple(found)


# --- limits


def escalate_of(form: Form, systems: dict[str, str]) -> tuple[EscalateDef, ...]:
    """One ``{to, by}``, or a list of them, each with the time ``after`` the due time."""
    return tuple(_level(inner, systems) for inner in _one_or_many(form, "escalate", ESCALATE_KEYS))


def _level(form: Form, systems: dict[str, str]) -> EscalateDef:
    by = form.text("by", "mail")
    after = form.literal("after", span)
    place = form.place("by") if "by" in form else form.place("to")
    to = form.text("to", example="finance")
    return EscalateDef(to, systems.get(by, by), place, after or AT_ONCE, form.place("to") if to else place)


def _one_or_many(form: Form, key: str, known: tuple[str, ...]) -> list[Form]:
    node = form.take(key)
    if isinstance(node, Sequence):
        return list(form.forms(key, key, known))
    inner = Form.of(form.findings, node, key, known)
    return [] if inner is None else [inner]


# --- approvals


def approve_of(form: Form, systems: dict[str, str]) -> ApproveDef | None:
    """One policy, or a list: the first with what happens in time, the others further people who must agree."""
    found = [_policy(inner, systems) for inner in _one_or_many(form, "approve", APPROVE_KEYS)]
    return replace(found[0], levels=tuple(found[1:])) if found else None


def _policy(form: Form, systems: dict[str, str]) -> ApproveDef:
    if ("of" in form) != ("over" in form):
        absent, example = ("over", "50000 CNY") if "of" in form else ("of", "'expense.amount'")
        form.need(absent, example)
    by = form.text("by", "mail")
    on_expiry = cast(Any, form.choice("on_expiry", ("ask", "escalate", "fail")))
    return ApproveDef(
        role=form.text("role", example="finance"),
        of=form.expression("of"),
        over=form.literal("over", money),
        place=form.place("role"),
        remind=form.literal("remind", span),
        expires=form.literal("expires", span),
        on_expiry=on_expiry,
        by=systems.get(by, by),
    )


# --- schedules and deadlines


def schedule_of(form: Form) -> ScheduleDef | None:
    inner = Form.of(form.findings, form.take("schedule"), "schedule", SCHEDULE_KEYS)
    if inner is None:
        return None
    inner.need("every", "month")
    clock = inner.literal("time", clock_time)
    weekday = inner.choice("weekday", WEEKDAYS)
    return ScheduleDef(
        every=cast(Any, inner.choice("every", EVERY) if "every" in inner else "month"),
        place=inner.place("every"),
        time=clock or "09:00",
        month=_number(inner, "month", 12),
        day=_number(inner, "day", 31),
        working_day=_number(inner, "working_day", 20) if "working_day" in inner else 0,
        weekday=WEEKDAYS.index(weekday) + 1,
        shift=SHIFTS[inner.choice("shift", tuple(SHIFTS))],
    )


def _number(form: Form, key: str, highest: int) -> int:
    """1 … highest, or ``last`` (-1) where that means something; 1 where nothing is written."""

    def parse(text: str) -> int:
        if text == "last" and key != "month":
            return -1
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= highest:
            allowed = f"1 … {highest}" if key == "month" else f"1 … {highest}, or last"
            raise BadLiteral(f"{key} cannot be {text!r}", allowed)
        return int(text)

    found = form.literal(key, parse)
    return 1 if found is None else int(found)


def due_of(form: Form) -> DueDef | None:
    inner = Form.of(form.findings, form.take("due"), "due", DUE_KEYS)
    if inner is None:
        return None
    inner.need("of", "project.planned_end")
    path = inner.path("of")
    before, after = inner.literal("lead", lead), inner.literal("lag", span)
    return None if path is None else DueDef(path, inner.place("of"), before or AT_ONCE, after or AT_ONCE)
