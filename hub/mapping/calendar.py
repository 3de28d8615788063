"""Working time: which days and hours count, and when a span of wall or working time ends. Pure, in UTC microseconds.

Public holidays and make-up working days come from the ``holidays`` library; what a company does differently it
writes itself (``open``, ``closed``). Results are stored as due times: a newer library never moves a timer that runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from hub.model.clock import Micros, micros, moment
from hub.model.diagnostic import Place

OFFICE = (("09:00", "12:00"), ("13:00", "18:00"))
"""Eight working hours a day, where the file says nothing else."""
_DAY = timedelta(days=1)
_FAR = 3660
"""Days looked ahead before a calendar counts as closed for ever."""


@dataclass(frozen=True, slots=True)
class Span:
    """``4h`` is wall time; ``2 working days`` and ``8 working hours`` count working time only."""

    wall: Micros = 0
    days: int = 0
    working: Micros = 0

    @property
    def needs_calendar(self) -> bool:
        return bool(self.days or self.working)


AT_ONCE = Span()


@dataclass(frozen=True, slots=True)
class CalendarDef:
    """``calendar:`` of an integration or loop. ``country`` is ``CN`` or ``DE-BY``; empty knows weekends alone."""

    country: str
    zone: str
    place: Place
    hours: tuple[tuple[str, str], ...] = OFFICE
    closed: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    """Days that count although the country rests, or rest although it works."""


class NoCalendar(ValueError):
    """The library knows no such country, or no such part of it."""


@lru_cache(maxsize=64)
def holidays_of(country: str) -> Any:
    """The country's own calendar of every year. Raises ``NoCalendar``."""
    import holidays  # 50 ms and some MB: only workspaces that count working days pay for it

    name, _, part = country.partition("-")
    try:
        return holidays.country_holidays(name, subdiv=part or None)
    except NotImplementedError as error:
        raise NoCalendar(str(error)) from error


def countries() -> tuple[str, ...]:
    """Every spelling ``calendar:`` takes, with the parts of countries."""
    import holidays

    known = holidays.list_supported_countries(include_aliases=False)
    return tuple(sorted([*known, *(f"{name}-{part}" for name, parts in known.items() for part in parts)]))


class Calendar:
    """Answers for one ``CalendarDef``."""

    def __init__(self, definition: CalendarDef) -> None:
        self.definition = definition
        self.zone = ZoneInfo(definition.zone)
        self._open, self._closed = frozenset(definition.open), frozenset(definition.closed)
        self._hours = tuple((time.fromisoformat(a), time.fromisoformat(b)) for a, b in definition.hours)

    @cached_property
    def _country(self) -> Any:
        return holidays_of(self.definition.country) if self.definition.country else None

    def works(self, day: date) -> bool:
        """Whether people work on that day: the file's own word first, then make-up days, holidays, weekends."""
        text = day.isoformat()
        if text in self._open or text in self._closed:
            return text in self._open
        return day.weekday() < 5 if self._country is None else bool(self._country.is_working_day(day))

    def day_of(self, at: Micros) -> date:
        """The local day of a moment."""
        return moment(at).astimezone(self.zone).date()

    def at(self, day: date, clock: time) -> Micros:
        """A local time of a day; one that a clock change skips is taken as long after midnight as it says."""
        return micros(datetime.combine(day, clock, self.zone).astimezone(UTC))

    def after(self, start: Micros, span: Span) -> Micros:
        """When the span that begins at ``start`` is over. Outside working time it begins with the next opening."""
        if not span.needs_calendar:
            return start + span.wall
        begins = self._opening(start)
        return self._hours_after(begins, span.working) if span.working else self._days_after(begins, span.days)

    def before(self, end: Micros, span: Span) -> Micros:
        """When a lead before ``end`` begins: the same time of day, so many working days earlier."""
        if not span.needs_calendar:
            return end - span.wall
        local = moment(end).astimezone(self.zone)
        return self.at(self.counted(local.date(), -span.days), local.time())

    def counted(self, day: date, count: int) -> date:
        """The working day ``count`` after (or before) a day that itself is not counted."""
        days = self._working_days(day, 1 if count > 0 else -1)
        for _ in range(abs(count)):
            day = next(days)
        return day

    def shifted(self, day: date, direction: int) -> date:
        """The day itself where people work, else the next (1) or previous (-1) day they do; 0 leaves it."""
        return day if not direction or self.works(day) else next(self._working_days(day, direction))

    def _working_days(self, day: date, step: int) -> Iterator[date]:
        for away in range(1, _FAR):
            found = day + step * away * _DAY
            if self.works(found):
                yield found
        raise NoCalendar(f"no working day within ten years of {day}")

    def _intervals(self, start: Micros) -> Iterator[tuple[Micros, Micros]]:
        """Working time from ``start`` on, as stretches of real time: a day of a clock change has its true length."""
        day = self.day_of(start)
        for at in ([day] if self.works(day) else []), self._working_days(day, 1):
            for one in at:
                for opens, closes in self._hours:
                    begin, end = max(start, self.at(one, opens)), self.at(one, closes)
                    if begin < end:
                        yield begin, end

    def _opening(self, start: Micros) -> Micros:
        return next(self._intervals(start))[0]

    def _hours_after(self, start: Micros, left: Micros) -> Micros:
        for begin, end in self._intervals(start):
            if left <= end - begin:
                return begin + left
            left -= end - begin
        raise NoCalendar("no working time within ten years")

    def _days_after(self, start: Micros, days: int) -> Micros:
        local = moment(start).astimezone(self.zone)
        return self.at(self.counted(local.date(), days), local.time())
