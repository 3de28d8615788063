"""The small texts of the mapping language: paths, durations, money, shares, days. Pure; no places, no YAML.

Each parser returns the value or raises ``BadLiteral`` with what was wrong and where in the text.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from hub.mapping.calendar import Span
from hub.model.clock import SECOND, Micros, micros
from hub.model.values import Money

Steps = tuple[str | int | None, ...]

_NAME = re.compile(r"[\w$@-]+")
_INDEX = re.compile(r"\[(?:(?P<index>[0-9]+)|(?P<each>\*)|\"(?P<name>(?:[^\"\\]|\\.)*)\")\]")
_DURATION = re.compile(r"([0-9]+)(ms|s|m|h|d)\Z")
_WORKING = re.compile(r"([0-9]{1,4}) working (day|hour|minute)s?\Z")
_UNITS: dict[str, Micros] = {
    "ms": SECOND // 1000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86400 * SECOND,
}
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")
_MONEY = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?) ([A-Z]{3})\Z")
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%\Z")


class BadLiteral(ValueError):
    """Not the text that was expected; ``offset`` is where reading stopped, ``expected`` an example.

    ``kind`` (duration, span, money, share, day) says what was to be read, where a guess can be made.
    """

    def __init__(self, message: str, expected: str, offset: int = 0, kind: str = "") -> None:
        super().__init__(message)
        self.expected, self.offset, self.kind = expected, offset, kind


@lru_cache(maxsize=4096)
def path_steps(text: str) -> Steps:
    """``a.b[0][*]["两个 词"]`` as steps: names, indexes, None for ``[*]``."""
    steps: list[str | int | None] = []
    at = 0
    while at < len(text):
        step, end = _path_step(text, at, first=not steps)
        steps.append(step)
        at = end
    if not steps or not isinstance(steps[0], str):
        raise BadLiteral("a path starts with a name", 'fields.assignee or fields["two words"]')
    return tuple(steps)


def _path_step(text: str, at: int, *, first: bool) -> tuple[str | int | None, int]:
    if text[at] == "[":
        found = _INDEX.match(text, at)
        if not found:
            raise BadLiteral(f"cannot read {text[at:]!r} in a path", '[0], [*] or ["two words"]', at)
        if found["index"] is not None:
            return int(found["index"]), found.end()
        quoted = found["name"]
        return (None if quoted is None else re.sub(r"\\(.)", r"\1", quoted)), found.end()
    start = at if first else at + 1
    name = _NAME.match(text, start) if first or text[at] == "." else None
    if not name:
        raise BadLiteral(f"cannot read {text[at:]!r} in a path", 'a.b, a[0], a[*] or a["two words"]', at)
    return name[0], name.end()


def duration(text: str) -> Micros:
    """``30s``, ``4h``, ``1d`` in microseconds."""
    found = _DURATION.match(text)
    if not found:
        raise BadLiteral(f"{text!r} is no duration", "30s, 15m, 4h or 1d", kind="duration")
    return int(found[1]) * _UNITS[found[2]]


def span(text: str) -> Span:
    """``4h`` of wall time, ``2 working days``, ``8 working hours``."""
    found = _WORKING.match(text)
    if found is None:
        try:
            return Span(wall=duration(text))
        except BadLiteral:
            raise BadLiteral(
                f"{text!r} is no span of time", "4h, 2 working days or 8 working hours", kind="span"
            ) from None
    if found[2] == "day":
        return Span(days=int(found[1]))
    return Span(working=int(found[1]) * _UNITS["h" if found[2] == "hour" else "m"])


def lead(text: str) -> Span:
    """A span that can be counted backwards: wall time or working days."""
    found = span(text)
    if found.working:
        raise BadLiteral(f"{text!r} cannot be counted backwards", "3d or 2 working days")
    return found


def clock_time(text: str) -> str:
    """``09:00``, a time of day."""
    if not _CLOCK.match(text):
        raise BadLiteral(f"{text!r} is no time of day", '"09:00"')
    return text


def office_hours(text: str) -> tuple[tuple[str, str], ...]:
    """``09:00-12:00 13:00-18:00``: stretches of one day, in order."""
    parts = [part.partition("-") for part in text.split()]
    found = tuple((opens, closes) for opens, _, closes in parts)
    times = [each for part in found for each in part]
    if not times or not all(map(_CLOCK.match, times)) or times != sorted(set(times)):
        raise BadLiteral(f"{text!r} are no working hours", '"09:00-12:00 13:00-18:00"')
    return found


def calendar_day(text: str) -> str:
    """``2026-10-10``."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise BadLiteral(f"{text!r} is no day", "2026-10-10", kind="day") from None


def money(text: str) -> Money:
    """``50000 CNY``."""
    found = _MONEY.match(text)
    if not found:
        raise BadLiteral(f"{text!r} is no amount of money", "50000 CNY", kind="money")
    return Money(Decimal(found[1]), found[2])


def count(text: str) -> int:
    """``100``."""
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadLiteral(f"{text!r} is no number of things", "100")
    return int(text)


def share(text: str) -> float:
    """``99.9 %`` as a fraction of 1."""
    found = _SHARE.match(text)
    if not found or Decimal(found[1]) > 100:
        raise BadLiteral(f"{text!r} is no share", "99.9 %", kind="share")
    return float(Decimal(found[1]) / 100)


def point_in_time(text: str, zone: str) -> Micros:
    """A day (its first moment in ``zone``) or an instant with an offset."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return micros(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC))
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadLiteral(f"{text!r} is neither a day nor an instant", _TIMES, kind="day") from error
    if moment.tzinfo is None:
        raise BadLiteral(f"{text!r} says no zone", _TIMES)
    return micros(moment.astimezone(UTC))


_TIMES = "2026-01-01 or 2026-01-01T08:00:00+08:00"


def is_zone(text: str) -> bool:
    """Whether the time zone database knows the name."""
    try:
        ZoneInfo(text)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return False
    except KeyError:
        return False
    return True
