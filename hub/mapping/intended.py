"""What a duration, amount, day, share or zone that cannot be read was most probably meant to be. For findings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from zoneinfo import available_timezones

from hub.mapping.convert.failure import Unconvertible
from hub.mapping.convert.money import fixed

_SPAN = re.compile(r"(?P<number>[0-9]{1,6})\s*个?\s*(?P<working>working|business|工作)?\s*(?P<unit>[^\W\d_]+)\Z")
_UNITS = {
    **dict.fromkeys(("ms", "毫秒"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "秒", "秒钟"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "分", "分钟"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "时", "小时"), "h"),
    **dict.fromkeys(("d", "day", "days", "天", "日"), "d"),
}
_WORKING = {"d": "working days", "h": "working hours", "m": "working minutes"}
_DAY = re.compile(r"(?P<year>[0-9]{4})\s*[-/.年]\s*(?P<month>[0-9]{1,2})\s*[-/.月]\s*(?P<day>[0-9]{1,2})\s*日?\Z")
_CHINA = frozenset(
    (
        *("asia/beijing", "beijing", "shanghai", "china", "cst", "gmt+8", "gmt+08:00", "utc+8", "utc+08:00"),
        *("+8", "+08:00", "+0800", "utc+0800", "北京", "北京时间", "上海", "中国", "东八区"),
    )
)


def instead(kind: str, text: str) -> str:
    """The same, as it is written here; empty where nobody can know. ``kind`` is that of ``BadLiteral``."""
    guess = _GUESSES.get(kind)
    return guess(unicodedata.normalize("NFKC", text).strip()) if guess else ""


def zone(text: str) -> str:
    """The zone that is called or spelt like this; empty where none is."""
    if text.lower() in _CHINA:
        return "Asia/Shanghai"
    close = get_close_matches(text, sorted(available_timezones()), 1, 0.75)
    return close[0] if close else ""


def _span(text: str) -> str:
    """``4 小时`` is 4h, ``2个工作日`` 2 working days."""
    found = _SPAN.match(text.lower())
    unit = _UNITS.get(found["unit"], "") if found else ""
    if not found or not unit:
        return ""
    if not found["working"]:
        return f"{found['number']}{unit}"
    return f"{found['number']} {_WORKING[unit]}" if unit in _WORKING else ""


def _money(text: str) -> str:
    """``¥50,000`` and ``5万元`` are 50000 CNY, so is 50000 alone; a short number may be what a comma cut off."""
    if text.isdigit() and len(text) < 4:
        return ""
    for currency in ("CNY", "USD", "EUR", "JPY", "GBP", "HKD"):
        try:
            found = fixed(currency)(text)
        except Unconvertible:
            continue
        if found:
            return f"{Decimal(found['amount']).normalize():f} {currency}"
    return ""


def _day(text: str) -> str:
    """``2026/1/5`` and ``2026年1月5日`` are 2026-01-05."""
    found = _DAY.match(text)
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"])).isoformat() if found else ""
    except ValueError:  # there is no such day
        return ""


def _share(text: str) -> str:
    """``0.999`` and ``99.9`` are 99.9 %."""
    number = text.removesuffix("%").strip()
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", number):
        return ""
    share = Decimal(number) * (100 if Decimal(number) <= 1 and not text.endswith("%") else 1)
    return f"{share.normalize():f} %" if share <= 100 else ""


_GUESSES: Mapping[str, Callable[[str], str]] = {
    "duration": lambda text: "" if "working" in (found := _span(text)) else found,
    "span": _span,
    "money": _money,
    "day": _day,
    "share": _share,
}
