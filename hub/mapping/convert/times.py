"""``instant date``: moments and days. A time without an offset is read in the row's zone.

A local time that the clocks show twice (autumn) or never (spring) is ``ambiguous-instant``: nobody can know
which moment was meant, and an hour can be a day at a month's end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

from hub.mapping.convert.failure import Unconvertible
from hub.mapping.convert.numbers import typed
from hub.model.clock import EPOCH, instant_text

INSTANTS = "2026-01-05T09:30:00+08:00, 2026-01-05 09:30 (in the row's zone), seconds or milliseconds since 1970"
DATES = "2026-01-05, or a moment"
MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on are milliseconds (1973 and later); smaller ones seconds (up to the year 5138)."""
_COMMON = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}(?:Z|[+-]00:?00)\Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_EPOCH = re.compile(r"-?(?:[0-9]{10}|[0-9]{13})\Z")
_SLASHED = re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})(?=[ T]|\Z)")
Convert = Callable[[Any], str | None]


def instant(zone: tzinfo) -> Convert:
    """The converter ``instant`` for rows whose local times are in ``zone``."""

    def convert(value: Any) -> str | None:
        if value.__class__ is str:
            if value[-1:] != "Z" and (moved := _moved(value)):
                return moved
            if _COMMON.match(value):
                try:
                    datetime.fromisoformat(value)  # 2026-02-30 looks fine too
                except ValueError:
                    raise Unconvertible("bad-instant", value, INSTANTS) from None
                return f"{value[:23]}Z"
            clock = len(value) - (5 if value[-5:-4] in ("+", "-") else 6)
            if value[10:11] == "T" and clock in (19, 23, 26) and value[clock] in "+-":
                try:
                    return _utc_text(value, clock)
                except (ValueError, OverflowError):
                    pass
        found = moment_of(value, zone)
        return None if found is None else instant_text(found)

    return convert


def _moved(value: str) -> str:
    """``2026-02-15T19:01:52.971-0800`` as Jira writes it, or without the fraction: only the hour moves. Empty for
    anything else."""
    if len(value) > 26 and value[23] in "+-" and value[19] == ".":
        clock, end = 23, "Z"
    elif len(value) in (24, 25) and value[19] in "+-":
        clock, end = 19, ".000Z"
    else:
        return ""
    if value[13] != ":" or value[16] != ":":
        return ""
    try:
        local = datetime.fromisoformat(value[:clock])  # minutes up to 59, digits everywhere, no offset of its own
        hour = _hour(value[:13], value[clock:])
    except (ValueError, OverflowError):
        return ""
    return f"{hour}{value[13:clock]}{end}" if hour and local.tzinfo is None else ""


@lru_cache(maxsize=4096)
def _hour(local: str, offset: str) -> str:
    """``2026-02-15T19`` and ``-0800`` as ``2026-02-16T03``; empty where an offset has minutes."""
    if local[10:11] != "T" or len(offset) not in (5, 6):
        return ""
    moved = _offset(offset)
    if moved.seconds % 3600 or moved.microseconds:
        return ""
    return (datetime.fromisoformat(f"{local}:00") - moved).isoformat()[:13]


@lru_cache(maxsize=256)
def _offset(spelling: str) -> timedelta:
    """The offset a text like ``+0800`` says."""
    found = datetime.fromisoformat(f"2000-01-01T00:00:00{spelling}").utcoffset()
    if found is None:
        raise ValueError("no offset")
    return found


def _utc_text(value: str, clock: int) -> str:
    """A local time of ``clock`` characters, its offset after it, as canonical text."""
    when = datetime.fromisoformat(value[:clock])
    if when.tzinfo is not None:
        raise ValueError("an offset before the offset")
    when -= _offset(value[clock:])
    text = when.isoformat(timespec="microseconds")
    return (text[:-3] if text.endswith("000") else text) + "Z"


def day(zone: tzinfo) -> Convert:
    """The converter ``date``: a moment's day is its day in ``zone``."""

    def convert(value: Any) -> str | None:
        if value.__class__ is str and _DAY.match(value):
            try:
                date.fromisoformat(value)
            except ValueError:
                raise Unconvertible("bad-date", value, DATES) from None
            return value
        found = _day_of(value, zone)
        return None if found is None else found.isoformat()

    return convert


def _day_of(value: Any, zone: tzinfo) -> date | None:
    if value.__class__ is date:
        return value
    if value.__class__ is str:
        words = _dashed(typed(value))
        if not words:
            return None
        try:
            found = datetime.fromisoformat(words)
        except ValueError:
            pass
        else:
            if found.tzinfo is None and not _EPOCH.match(words):
                return found.date()
    try:
        moment = moment_of(value, zone)
        return None if moment is None else moment.astimezone(zone).date()
    except (Unconvertible, OverflowError):
        raise Unconvertible("bad-date", value, DATES) from None


def moment_of(value: Any, zone: tzinfo) -> datetime | None:
    """The aware moment of a text, a number since 1970 or a typed value; None for empty text."""
    try:
        if value.__class__ is str:
            return _parsed(value, zone)
        if isinstance(value, Decimal) or type(value) is int:
            return _since_1970(value)
        if isinstance(value, datetime):
            return value
        if isinstance(value, date):
            return _local(datetime(value.year, value.month, value.day), zone, value)  # noqa: DTZ001  # local by intent
    except (ValueError, OverflowError):
        pass
    raise Unconvertible("bad-instant", value, INSTANTS)


def _parsed(value: str, zone: tzinfo) -> datetime | None:
    words = _dashed(typed(value))
    if not words:
        return None
    if _EPOCH.match(words):
        return _since_1970(int(words))
    found = datetime.fromisoformat(words)
    return _local(found, zone, value) if found.tzinfo is None else found.astimezone(UTC)


def _dashed(words: str) -> str:
    """2026/1/5 as 2026-01-05: the spelling of Chinese spreadsheets."""
    return _SLASHED.sub(lambda m: f"{m[1]}-{int(m[2]):02}-{int(m[3]):02}", words) if "/" in words else words


def _since_1970(value: int | Decimal) -> datetime:
    whole = value.adjusted() if isinstance(value, Decimal) else 0
    if whole > 18:
        raise ValueError("out of range")
    unit = 1000 if not -MILLISECONDS_FROM < value < MILLISECONDS_FROM else 1_000_000
    return EPOCH + timedelta(microseconds=int(value * unit))


def _local(naive: datetime, zone: tzinfo, value: Any) -> datetime:
    """A wall-clock time in the zone; refused where the clock was being set."""
    early, late = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
    if early.utcoffset() != late.utcoffset():
        allowed = f"a time with its offset: clocks in {zone} were set at that hour"
        raise Unconvertible("ambiguous-instant", value, allowed)
    return early.astimezone(UTC)
