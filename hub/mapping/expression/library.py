"""Functions of generated expression code; ``functions`` describes them for people and for the checker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, DecimalException
from typing import Any

import re2

from hub.mapping.expression.arithmetic import TEXT_LENGTH_MAX, add, comparable, exactly, greater, less
from hub.mapping.expression.patterns import PATTERN_LENGTH_MAX, compiled
from hub.mapping.expression.reading import as_date, as_instant
from hub.mapping.expression.values import KINDS, NUMBERS, Share, Value, fail, kind, type_error
from hub.model.clock import instant_text
from hub.model.values import CURRENCIES, Money, decimal_text

PARTS_MAX = 10_000
MATCHED_LENGTH_MAX = 10 * 1024
_LOWER = {code: code + 32 for code in range(65, 91)}
_UPPER = {code: code - 32 for code in range(97, 123)}
_ROUNDING = Context(prec=300, rounding=ROUND_HALF_UP)


def _want(value: Value, wanted: type, function: str) -> Any:
    if type(value) is not wanted:
        type_error(f"{function} takes {KINDS[wanted]}, got {kind(value)}")
    return value


def size(value: Value) -> int:
    if not isinstance(value, str | list | Mapping):
        type_error(f"size takes text, a list or an object, got {kind(value)}")
    return len(value)


def starts_with(text: Value, part: Value) -> bool:
    return bool(_want(text, str, "startsWith").startswith(_want(part, str, "startsWith")))


def ends_with(text: Value, part: Value) -> bool:
    return bool(_want(text, str, "endsWith").endswith(_want(part, str, "endsWith")))


def contains(text: Value, part: Value) -> bool:
    return _want(part, str, "contains") in _want(text, str, "contains")


def matches(text: Value, pattern: Value) -> bool:
    if len(_want(text, str, "matches")) > MATCHED_LENGTH_MAX:
        fail("too-long", f"matches reads texts of at most {MATCHED_LENGTH_MAX} characters")
    if len(_want(pattern, str, "matches")) > PATTERN_LENGTH_MAX:
        fail("bad-pattern", f"a pattern of more than {PATTERN_LENGTH_MAX} characters")
    try:
        return compiled(pattern).search(text) is not None
    except re2.error:
        fail("bad-pattern", "the pattern is not RE2")


def lower_ascii(text: Value) -> str:
    return str(_want(text, str, "lowerAscii").translate(_LOWER))


def upper_ascii(text: Value) -> str:
    return str(_want(text, str, "upperAscii").translate(_UPPER))


def trimmed(text: Value) -> str:
    return str(_want(text, str, "trim").strip())


def replaced(text: Value, old: Value, new: Value) -> str:
    """Every place of ``old``; an empty text is nowhere in particular."""
    _want(text, str, "replace"), _want(new, str, "replace")
    if not _want(old, str, "replace"):
        type_error("replace needs a text to look for")
    if len(text) + text.count(old) * (len(new) - len(old)) > TEXT_LENGTH_MAX:
        fail("too-long", f"a text of more than {TEXT_LENGTH_MAX} characters")
    return str(text.replace(old, new))


def split(text: Value, separator: Value) -> list[str]:
    _want(text, str, "split")
    if not _want(separator, str, "split"):
        type_error("split needs a separator")
    if text.count(separator) >= PARTS_MAX:
        fail("too-long", f"split gives more than {PARTS_MAX} parts")
    return list(text.split(separator))


def substring(text: Value, start: Value, end: Value = None) -> str:
    size_ = len(_want(text, str, "substring"))
    last = size_ if end is None else _want(end, int, "substring")
    if not 0 <= _want(start, int, "substring") <= last <= size_:
        fail("out-of-range", f"substring is outside of a text of {size_} characters")
    return str(text[start:last])


def total(values: Value, zero: Value) -> Value:
    """``sum``: of an empty list ``zero``; None where nobody knows in which currency."""
    _want(values, list, "sum")
    if values:
        found = values[0]
        if type(found) not in (int, Decimal, Money, timedelta):
            type_error(f"sum of {kind(found)} has no meaning")
        return add(*values)
    if zero is None:
        fail("unknown-currency", "the sum of no amounts: in which currency is not known")
    return zero


def _extreme(values: Value, function: str, better: Callable[[Value, Value], bool]) -> Value:
    _want(values, list, function)
    if not values:
        fail("empty-list", f"{function} of an empty list")
    best = values[0]
    comparable(best, best, "<")
    for value in values[1:]:
        if better(value, best):
            best = value
    return best


def least(values: Value) -> Value:
    return _extreme(values, "min", less)


def greatest(values: Value) -> Value:
    return _extreme(values, "max", greater)


def join(values: Value, separator: Value = "") -> str:
    _want(separator, str, "join")
    for value in _want(values, list, "join"):
        _want(value, str, "join")
    if sum(map(len, values)) + len(separator) * len(values) > TEXT_LENGTH_MAX:
        fail("too-long", f"a text of more than {TEXT_LENGTH_MAX} characters")
    return str(separator.join(values))


def first(values: Value) -> Value:
    found = _want(values, list, "first")
    return found[0] if found else None


def day(value: Value, zone: tzinfo) -> date:
    """The day of an instant in the zone; a text is read as an instant first."""
    if type(value) is str:
        value = as_date(value) if len(value) == 10 else as_instant(value)
    if type(value) is date:
        return value
    return date_of(_want(value, datetime, "day"), zone)


def date_of(moment: datetime, zone: tzinfo) -> date:
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        fail("out-of-range", "the date is outside of years 1 to 9999")


def _duration(number: Value, unit: str) -> timedelta:
    try:
        return timedelta(**{unit: _want(number, int, unit)})
    except OverflowError:
        fail("out-of-range", "the duration is too long")


def days(number: Value) -> timedelta:
    return _duration(number, "days")


def hours(number: Value) -> timedelta:
    return _duration(number, "hours")


def minutes(number: Value) -> timedelta:
    return _duration(number, "minutes")


def in_days(span: Value) -> int:
    """Whole days of a duration, cut towards zero."""
    found = _want(span, timedelta, "inDays")
    return -((-found).days) if found < timedelta(0) else int(found.days)


def year(value: Value) -> int:
    return int(_want(value, date, "year").year)


def month(value: Value) -> int:
    return int(_want(value, date, "month").month)


def weekday(value: Value) -> int:
    return int(_want(value, date, "weekday").isoweekday())


def _number(value: Value, function: str) -> int | Decimal:
    if type(value) not in NUMBERS:
        type_error(f"{function} takes a number, got {kind(value)}")
    return value  # type: ignore[no-any-return]


def absolute(value: Value) -> int | Decimal:
    number = _number(value, "abs")
    return number.copy_abs() if isinstance(number, Decimal) else abs(number)


def floor(value: Value) -> int:
    return int(Decimal(_number(value, "floor")).to_integral_value(ROUND_FLOOR))


def ceil(value: Value) -> int:
    return int(Decimal(_number(value, "ceil")).to_integral_value(ROUND_CEILING))


def money(value: Value, currency: Value = None) -> Money:
    """``money("50000 CNY")`` or ``money(5, "CNY")``."""
    if currency is None:
        amount, _, currency = _want(value, str, "money").partition(" ")
    else:
        amount = value
    if currency not in CURRENCIES:
        fail("bad-money", "money needs a currency code of ISO 4217")
    return Money(decimal(amount), currency)


def rounded(value: Value, places: Value = 0) -> Value:
    """``round``: halves away from zero, as amounts are rounded in business."""
    if type(places) is not int or not 0 <= places <= 50:
        type_error("round takes 0 to 50 places")
    if type(value) in (Money, Share):
        return Money(_quantized(value.amount, places), value.currency)
    if type(value) not in NUMBERS:
        type_error(f"round takes a number or money, got {kind(value)}")
    return _quantized(Decimal(value), places)


def _quantized(value: Decimal, places: int) -> Decimal:
    return exactly(lambda a, b: _ROUNDING.quantize(a, b), value, Decimal(1).scaleb(-places))


def string(value: Value) -> str:
    """The canonical text of a value."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return decimal_text(value)
        case datetime():
            return instant_text(value)
        case date():
            return value.isoformat()
        case Money():
            return "{amount} {currency}".format_map(value.json())
    return type_error(f"{kind(value)} has no text")


def integer(value: Value) -> int:
    """``int``: a number is cut, a text must be a whole number."""
    if type(value) is int:
        return value
    if type(value) is Decimal:
        return int(value.to_integral_value(ROUND_DOWN))
    text = _want(value, str, "int")
    if not (text[1:] if text[:1] == "-" else text).isascii() or len(text) > 100:
        type_error("the text is no whole number")
    try:
        return int(text) if "_" not in text and text.strip() == text else type_error("the text is no whole number")
    except ValueError:
        type_error("the text is no whole number")


def decimal(value: Value) -> Decimal:
    if type(value) is Decimal:
        return value
    if type(value) is int:
        return Decimal(value)
    text = _want(value, str, "decimal")
    try:
        found = Decimal(text) if "_" not in text and len(text) <= 100 and text.isascii() else Decimal("NaN")
    except DecimalException:
        type_error("the text is no number")
    if not found.is_finite() or abs(found.adjusted()) > 100:
        type_error("the text is no number")
    return found
