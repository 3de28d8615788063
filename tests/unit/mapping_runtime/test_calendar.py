"""Working time: known days of China, other countries, clock changes, and the examples of the manual."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hub.mapping.build_table import literal_of
from hub.mapping.calendar import Calendar, CalendarDef, NoCalendar, Span, countries, holidays_of
from hub.mapping.literals import BadLiteral, lead, office_hours, point_in_time, span
from hub.mapping.read import read
from hub.model.clock import SECOND, micros
from hub.model.diagnostic import Place
from hub.model.values import instant_of

PAGE = (Path(__file__).parents[3] / "docs/mapping-table.md").read_text()
COUNTED = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if text.startswith("counted:")]
HERE = Place("t.yaml", 1, 1)
HOUR = 3600 * SECOND


def calendar(country: str = "CN", zone: str = "Asia/Shanghai", **more: Any) -> Calendar:
    return Calendar(CalendarDef(country, zone, HERE, **more))


def at(text: str) -> int:
    return point_in_time(text, "UTC")


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-09-20", True),  # a Sunday, made up for National Day
        ("2026-10-10", True),  # a Saturday, the same
        ("2026-10-07", False),
        ("2026-10-08", True),
        ("2026-02-14", True),  # a Saturday before the Spring Festival
        ("2026-02-16", False),  # New Year's Eve of the lunar year
        ("2026-02-28", True),
        ("2026-01-04", True),  # a Sunday, made up for 2 January
        ("2026-05-09", True),
        ("2026-11-21", False),  # a plain Saturday
        ("2025-09-28", True),
        ("2025-10-11", True),
        ("2025-10-08", False),
    ],
)
def test_china_works_on_make_up_days_and_rests_on_the_days_they_pay_for(day: str, works: bool) -> None:
    assert calendar().works(date.fromisoformat(day)) is works


def test_a_part_of_a_country_has_its_own_holidays() -> None:
    day = date(2026, 1, 6)  # Epiphany
    assert (calendar("DE-BY", "Europe/Berlin").works(day), calendar("DE", "Europe/Berlin").works(day)) == (
        False,
        True,
    )


def test_without_a_country_weekends_alone_rest() -> None:
    assert calendar("", "UTC").works(date(2026, 10, 1))
    assert not calendar("", "UTC").works(date(2026, 10, 10))


def test_the_company_knows_better_than_the_country() -> None:
    own = calendar(closed=("2026-12-24",), open=("2026-12-26",))
    assert [own.works(date(2026, 12, day)) for day in (24, 25, 26, 27)] == [False, True, True, False]


def test_a_country_nobody_knows_is_named() -> None:
    with pytest.raises(NoCalendar):
        holidays_of("CHN-XX")
    assert {"CN", "DE-BY", "US"} <= set(countries())


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-09-30T10:00:00+08:00", "1 working day", "2026-10-08T10:00:00+08:00"),
        ("2026-09-30T10:00:00+08:00", "3 working days", "2026-10-10T10:00:00+08:00"),  # the make-up Saturday counts
        ("2026-09-30T10:00:00+08:00", "4 working days", "2026-10-12T10:00:00+08:00"),
        ("2026-09-18T20:00:00+08:00", "1 working day", "2026-09-21T09:00:00+08:00"),  # Sunday the 20th opens at nine
        ("2026-10-03T10:00:00+08:00", "1 working day", "2026-10-09T09:00:00+08:00"),  # begins on the 8th
        ("2026-09-30T17:00:00+08:00", "2 working hours", "2026-10-08T10:00:00+08:00"),
        ("2026-09-30T11:30:00+08:00", "1 working hour", "2026-09-30T13:30:00+08:00"),  # over lunch
        ("2026-09-30T09:00:00+08:00", "8 working hours", "2026-09-30T18:00:00+08:00"),
        ("2026-09-30T09:00:00+08:00", "40 working hours", "2026-10-12T18:00:00+08:00"),
        ("2026-09-30T23:00:00+08:00", "4h", "2026-10-01T03:00:00+08:00"),
    ],
)
def test_a_span_over_the_national_day(start: str, count: str, end: str) -> None:
    assert calendar().after(at(start), span(count)) == at(end)


def test_a_working_day_keeps_its_time_of_day_over_a_clock_change() -> None:
    berlin = calendar("DE", "Europe/Berlin")
    assert berlin.after(at("2026-03-27T10:00:00+01:00"), Span(days=1)) == at("2026-03-30T10:00:00+02:00")
    assert berlin.after(at("2026-10-23T10:00:00+02:00"), Span(days=1)) == at("2026-10-26T10:00:00+01:00")


def test_working_hours_of_a_night_shift_have_their_true_length_when_the_clock_changes() -> None:
    nights = calendar("", "Europe/Berlin", hours=(("00:00", "06:00"),), open=("2026-03-29", "2026-10-25"))
    assert nights.after(at("2026-03-29T00:00:00+01:00"), Span(working=5 * HOUR)) == at("2026-03-29T06:00:00+02:00")
    assert nights.after(at("2026-10-25T00:00:00+02:00"), Span(working=7 * HOUR)) == at("2026-10-25T06:00:00+01:00")


def test_a_lead_is_counted_backwards_over_holidays() -> None:
    assert calendar().before(at("2026-10-09T09:00:00+08:00"), Span(days=2)) == at("2026-09-30T09:00:00+08:00")
    assert calendar().before(at("2026-10-09T09:00:00+08:00"), Span(wall=HOUR)) == at("2026-10-09T08:00:00+08:00")


@pytest.mark.parametrize("text", ["2 workdays", "working days", "2 working weeks", "-1 working day", "4 h", ""])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(BadLiteral):
        span(text)


@pytest.mark.parametrize("text", ["18:00-09:00", "09:00", "09:00-12:00 11:00-18:00", "9-18", ""])
def test_what_are_no_working_hours_is_refused(text: str) -> None:
    with pytest.raises(BadLiteral):
        office_hours(text)


def test_working_hours_cannot_be_counted_backwards() -> None:
    with pytest.raises(BadLiteral):
        lead("3 working hours")


def test_a_calendar_that_never_opens_says_so() -> None:
    shut = calendar("", "UTC", closed=tuple(f"{date.fromordinal(n)}" for n in range(730_000, 745_000)))
    with pytest.raises(NoCalendar):
        shut.after(at("2026-01-01"), Span(days=1))


@pytest.mark.parametrize("text", COUNTED, ids=lambda text: text.split("\n", 1)[0].removeprefix("counted: "))
def test_a_counted_example_of_the_page_ends_when_the_page_says(text: str) -> None:
    root, findings = read(text, "mapping-table.md")
    assert findings.found == []
    said = literal_of(findings, root)
    own = calendar(said["calendar"], said["zone"])
    start, end = (micros(instant_of(said[name])) for name in ("from", "until"))
    assert own.after(start, span(said["span"])) == end


def test_the_page_counts_something() -> None:
    assert len(COUNTED) >= 3
