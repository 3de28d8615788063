"""Figures as people read them: shares, durations, money, times with their zone; one place for both languages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.numbers import format_currency, format_decimal, format_percent

from hub.health.measures import Measure
from hub.health.words import REPORT, say
from hub.model.clock import Micros, moment

LOCALES = {"zh": "zh_CN", "en": "en_GB"}


def money(amount: Decimal, currency: str, language: str) -> str:
    """``CN¥12,500.00`` / ``¥12,500.00`` with the currency's own digits."""
    return format_currency(amount, currency, locale=LOCALES[language])


def duration(seconds: float, language: str) -> str:
    """The two largest units that matter: ``3.2 s``, ``4 min 10 s``, ``2 h 5 min``, ``3 d 1 h``."""
    if seconds < 60:
        return f"{seconds:.1f} {'秒' if language == 'zh' else 's'}"
    units = ((86400, "天", "d"), (3600, "小时", "h"), (60, "分", "min"), (1, "秒", "s"))
    left, parts = int(seconds), []
    for size, zh, en in units:
        whole, left = divmod(left, size)
        if whole:
            parts.append(f"{whole} {zh if language == 'zh' else en}")
    return " ".join(parts[:2])


def percent(value: float, language: str) -> str:
    """One decimal; 100 % only when it is exactly that."""
    shown = min(value, 0.999) if value < 1 else value
    return format_percent(shown, format="0.0%" if shown < 1 else "0%", locale=LOCALES[language])


def figure(measure: Measure, language: str) -> str:
    """A measure's value in words; "not measured" is never 0."""
    if measure.value is None:
        return say(REPORT["not_measured"], language)
    return in_unit(measure.value, measure.unit, language)


def in_unit(value: float, unit: str, language: str) -> str:
    if unit == "share":
        return percent(value, language)
    if unit == "seconds":
        return duration(value, language)
    return format_decimal(int(value), locale=LOCALES[language])


def target(measure: Measure, language: str) -> str:
    """The target with its direction, or empty."""
    if measure.target is None:
        return ""
    sign = "≥" if measure.unit == "share" else "≤"
    return f"{sign} {in_unit(measure.target, measure.unit, language)}"


def interval(measure: Measure, language: str) -> str:
    if measure.low is None or measure.high is None:
        return ""
    return f"{percent(measure.low, language)} – {percent(measure.high, language)}"


def sums(amounts: Mapping[str, Decimal], language: str) -> str:
    """Amounts per currency, never added across currencies."""
    return " + ".join(money(value, currency, language) for currency, value in amounts.items())


def when(value: Micros, zone: str) -> str:
    """A time a reader can check: local, with its offset."""
    return moment(value).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S %z")
