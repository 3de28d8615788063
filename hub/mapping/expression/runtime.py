"""What generated expression code calls: reading names, operators, functions, macros. Values are typed, never floats.

Everything that cannot give a value raises ``ExpressionError``; messages name kinds of values, never the values
(they may be private). Semantics follow CEL where CEL has the construct; numbers are decimals throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, DecimalException
from functools import partial
from typing import Any, NoReturn

import re2

from hub.mapping.compiled import ExpressionError
from hub.mapping.expression.patterns import PATTERN_LENGTH_MAX, compiled
from hub.model.clock import instant_text
from hub.model.values import CURRENCIES, EXACT, CurrencyMismatch, Money, decimal_text

STEPS_MAX = 200_000
"""Elements one evaluation may visit in its macros: nested macros over long lists end here, not in an hour."""
TEXT_LENGTH_MAX = 256 * 1024
DIVISION = Context(prec=50, rounding=ROUND_HALF_EVEN)
_ROUNDING = Context(prec=300, rounding=ROUND_HALF_UP)
_NO_TIME = timedelta(0)
_DAY = timedelta(days=1)
Value = Any


@dataclass(frozen=True, slots=True)
class Share:
    """Money after a division: no amount anybody can pay until it is rounded."""

    amount: Decimal
    currency: str


_KINDS = {
    str: "text",
    int: "a number",
    Decimal: "a number",
    bool: "true or false",
    type(None): "null",
    list: "a list",
    tuple: "a list",
    dict: "an object",
    Money: "money",
    Share: "unrounded money",
    datetime: "an instant",
    date: "a date",
    timedelta: "a duration",
}


def kind(value: Value) -> str:
    return _KINDS.get(type(value), type(value).__name__)


def fail(reason: str, message: str) -> NoReturn:
    raise ExpressionError(reason, message)


def _type_error(message: str) -> NoReturn:
    raise ExpressionError("type-error", message)


# --- names


def name(scope: Mapping[str, Value], key: str) -> Value:
    """A name of the scope; absent is an error value."""
    try:
        return scope[key]
    except KeyError:
        raise ExpressionError("absent-name", f'"{key}" is absent') from None


def select(of: Value, key: str) -> Value:
    """``of.key``: through null null, through absent an error."""
    if of is None:
        return None
    if not isinstance(of, Mapping):
        _type_error(f'{kind(of)} has no part "{key}"')
    try:
        return of[key]
    except KeyError:
        raise ExpressionError("absent-name", f'"{key}" is absent') from None


def index(of: Value, at: Value) -> Value:
    """``of[at]`` of a list or an object."""
    if of is None:
        return None
    if isinstance(of, Mapping) and type(at) is str:
        return select(of, at)
    if type(of) is not list or type(at) is bool or not isinstance(at, int | Decimal):
        _type_error(f"{kind(of)} cannot be indexed by {kind(at)}")
    if at != int(at) or not 0 <= at < len(of):
        fail("absent-name", f"index {at} is outside of a list of {len(of)}")
    return of[int(at)]


def has(read: Callable[[], Value]) -> bool:
    """Whether the path is there, null included."""
    try:
        read()
    except ExpressionError as error:
        if error.reason == "absent-name":
            return False
        raise
    return True


def filled(read: Callable[[], Value]) -> bool:
    """Whether the path is there and neither null nor empty text."""
    try:
        value = read()
    except ExpressionError as error:
        if error.reason == "absent-name":
            return False
        raise
    return value is not None and value != ""


# --- reading canonical JSON


def as_money(value: Value) -> Money | None:
    if value is None:
        return None
    try:
        return Money(Decimal(value["amount"]), value["currency"])
    except (KeyError, TypeError, DecimalException):
        _type_error(f"expected money, got {kind(value)}")


def as_decimal(value: Value) -> Decimal | None:
    if value is None:
        return None
    try:
        return Decimal(value)
    except (TypeError, ValueError, DecimalException):
        _type_error(f"expected a decimal, got {kind(value)}")


def as_instant(value: Value) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError):
        _type_error(f"expected an instant, got {kind(value)}")


def as_date(value: Value) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        _type_error(f"expected a date, got {kind(value)}")


def as_list(value: Value, read: Callable[[Value], Value]) -> Value:
    if value is None:
        return None
    if type(value) is not list:
        _type_error(f"expected a list, got {kind(value)}")
    return [read(part) for part in value]


# --- logic


def true(value: Value) -> bool:
    """A condition's value; only true and false are conditions."""
    if value is True or value is False:
        return value
    return _type_error(f"expected true or false, got {kind(value)}")


def both(*parts: Callable[[], Value]) -> bool:
    """``&&``: false wins over an error on either side."""
    return not _decides(parts, False)


def either(*parts: Callable[[], Value]) -> bool:
    """``||``: true wins over an error on either side."""
    return _decides(parts, True)


def _decides(parts: Iterable[Callable[[], Value]], wanted: bool) -> bool:
    error: ExpressionError | None = None
    for part in parts:
        try:
            if true(part()) is wanted:
                return True
        except ExpressionError as problem:
            error = error or problem
    if error is not None:
        raise error
    return False


# --- comparison

_NUMBERS = frozenset({int, Decimal})
_ORDERED = frozenset({str, bool, Money, datetime, date, timedelta})


def equal(left: Value, right: Value) -> bool:
    """``==`` across all types: different kinds are unequal, numbers compare by value, never true with 1."""
    a, b = type(left), type(right)
    if a in _NUMBERS and b in _NUMBERS:
        return bool(left == right)
    if a is not b:
        return False
    if a is list:
        return len(left) == len(right) and all(map(equal, left, right))
    if a is dict:
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    return bool(left == right)


def _comparable(left: Value, right: Value, operator: str) -> None:
    a, b = type(left), type(right)
    if not ((a in _NUMBERS and b in _NUMBERS) or (a is b and a in _ORDERED)):
        _type_error(f"{kind(left)} {operator} {kind(right)} has no meaning")
    if a is Money and left.currency != right.currency:
        fail("mixed-currencies", f"{left.currency} {operator} {right.currency} needs a declared rate")


def less(left: Value, right: Value) -> bool:
    _comparable(left, right, "<")
    return bool(left < right)


def less_equal(left: Value, right: Value) -> bool:
    _comparable(left, right, "<=")
    return bool(left <= right)


def greater(left: Value, right: Value) -> bool:
    _comparable(left, right, ">")
    return bool(left > right)


def greater_equal(left: Value, right: Value) -> bool:
    _comparable(left, right, ">=")
    return bool(left >= right)


def within(value: Value, among: Value) -> bool:
    """``in`` a list, or a key of an object."""
    if type(among) is list:
        return any(equal(value, part) for part in among)
    if isinstance(among, Mapping):
        return type(value) is str and value in among
    return _type_error(f"in needs a list, got {kind(among)}")


# --- arithmetic


def _exact(work: Callable[[Decimal, Decimal], Decimal], left: Value, right: Value) -> Decimal:
    try:
        return work(left, right)
    except DecimalException:
        fail("too-precise", "the result has more than 300 digits")


def _text(left: str, right: str) -> str:
    if len(left) + len(right) > TEXT_LENGTH_MAX:
        fail("too-long", f"a text of more than {TEXT_LENGTH_MAX} characters")
    return left + right


def _money(work: Callable[[Money, Money], Money], left: Money, right: Money) -> Money:
    try:
        return work(left, right)
    except CurrencyMismatch as error:
        fail("mixed-currencies", str(error))
    except DecimalException:
        fail("too-precise", "the result has more than 300 digits")


def _later(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        fail("out-of-range", "the instant is outside of years 1 to 9999")


def _day_later(day: date, by: timedelta) -> date:
    if by % _DAY:
        _type_error("a date moves by whole days")
    try:
        return day + by
    except OverflowError:
        fail("out-of-range", "the date is outside of years 1 to 9999")


def _span(left: timedelta, right: timedelta) -> timedelta:
    try:
        return left + right
    except OverflowError:
        fail("out-of-range", "the duration is too long")


_D, _I, _M, _S, _T, _L = Decimal, datetime, Money, Share, timedelta, list
_Table = Mapping[tuple[type, type], Callable[[Any, Any], Value]]


def _numeric(work: Callable[[Any, Any], Value], plain: Callable[[int, int], Value] | None) -> dict[Any, Any]:
    exact = lambda a, b: _exact(work, a, b)  # noqa: E731  # a table of one-liners reads better than six functions
    return {(int, int): plain or exact, (int, _D): exact, (_D, int): exact, (_D, _D): exact}


def _divide(left: Value, right: Value) -> Decimal:
    if right == 0:
        fail("divide-by-zero", "a division by zero")
    return DIVISION.divide(left, right)


def _remainder(left: int, right: int) -> int:
    if right == 0:
        fail("divide-by-zero", "a division by zero")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _share(amount: Value, by: Value) -> Share:
    return Share(_divide(amount.amount, by), amount.currency)


def _ratio(left: Money, right: Money) -> Decimal:
    if left.currency != right.currency:
        fail("mixed-currencies", f"{left.currency} / {right.currency} needs a declared rate")
    return _divide(left.amount, right.amount)


def _times(amount: Value, by: Value) -> Value:
    return type(amount)(_exact(EXACT.multiply, amount.amount, by), amount.currency)


_ADD: _Table = {
    **_numeric(EXACT.add, lambda a, b: a + b),
    (str, str): _text,
    (_M, _M): lambda a, b: _money(Money.__add__, a, b),
    (_L, _L): lambda a, b: a + b,
    (_I, _T): _later,
    (_T, _I): lambda a, b: _later(b, a),
    (date, _T): _day_later,
    (_T, date): lambda a, b: _day_later(b, a),
    (_T, _T): _span,
}
_SUBTRACT: _Table = {
    **_numeric(EXACT.subtract, lambda a, b: a - b),
    (_M, _M): lambda a, b: _money(Money.__sub__, a, b),
    (_I, _I): lambda a, b: a - b,
    (date, date): lambda a, b: a - b,
    (_I, _T): lambda a, b: _later(a, -b),
    (date, _T): lambda a, b: _day_later(a, -b),
    (_T, _T): lambda a, b: _span(a, -b),
}
_MULTIPLY: _Table = {
    **_numeric(EXACT.multiply, lambda a, b: a * b),
    **{(amount, by): _times for amount in (_M, _S) for by in (int, _D)},
    **{(by, amount): (lambda a, b: _times(b, a)) for amount in (_M, _S) for by in (int, _D)},
}
_DIVIDE: _Table = {
    **{(a, b): _divide for a in (int, _D) for b in (int, _D)},
    **{(amount, by): _share for amount in (_M, _S) for by in (int, _D)},
    (_M, _M): _ratio,
}


def _operate(table: _Table, operator: str, left: Value, right: Value) -> Value:
    work = table.get((type(left), type(right)))
    if work is None:
        _type_error(f"{kind(left)} {operator} {kind(right)} has no meaning")
    return work(left, right)


def add(first: Value, *others: Value) -> Value:
    """``first + second + …``, left to right."""
    for other in others:
        first = _operate(_ADD, "+", first, other)
    return first


def subtract(left: Value, right: Value) -> Value:
    return _operate(_SUBTRACT, "-", left, right)


def multiply(left: Value, right: Value) -> Value:
    return _operate(_MULTIPLY, "*", left, right)


def divide(left: Value, right: Value) -> Value:
    return _operate(_DIVIDE, "/", left, right)


def modulo(left: Value, right: Value) -> Value:
    if type(left) is not int or type(right) is not int:
        _type_error(f"{kind(left)} % {kind(right)} has no meaning: % takes whole numbers")
    return _remainder(left, right)


def negate(value: Value) -> Value:
    match value:
        case bool():
            pass
        case Decimal():
            return value.copy_negate()
        case int() | Money() | timedelta():
            return -value
        case Share():
            return Share(value.amount.copy_negate(), value.currency)
    return _type_error(f"{kind(value)} cannot be negated")


# --- functions


def _want(value: Value, wanted: type, function: str) -> Any:
    if type(value) is not wanted:
        _type_error(f"{function} takes {_KINDS[wanted]}, got {kind(value)}")
    return value


def size(value: Value) -> int:
    if not isinstance(value, str | list | Mapping):
        _type_error(f"size takes text, a list or an object, got {kind(value)}")
    return len(value)


def starts_with(text: Value, part: Value) -> bool:
    return bool(_want(text, str, "startsWith").startswith(_want(part, str, "startsWith")))


def ends_with(text: Value, part: Value) -> bool:
    return bool(_want(text, str, "endsWith").endswith(_want(part, str, "endsWith")))


def contains(text: Value, part: Value) -> bool:
    return _want(part, str, "contains") in _want(text, str, "contains")


def matches(text: Value, pattern: Value) -> bool:
    _want(text, str, "matches")
    if len(_want(pattern, str, "matches")) > PATTERN_LENGTH_MAX:
        fail("bad-pattern", f"a pattern of more than {PATTERN_LENGTH_MAX} characters")
    try:
        return compiled(pattern).search(text) is not None
    except re2.error:
        fail("bad-pattern", "the pattern is not RE2")


def total(values: Value, zero: Value) -> Value:
    """``sum``: of an empty list ``zero``; None where nobody knows in which currency."""
    _want(values, list, "sum")
    if values:
        found = values[0]
        if type(found) not in (int, Decimal, Money, timedelta):
            _type_error(f"sum of {kind(found)} has no meaning")
        return add(*values)
    if zero is None:
        fail("unknown-currency", "the sum of no amounts: in which currency is not known")
    return zero


def _extreme(values: Value, function: str, better: Callable[[Value, Value], bool]) -> Value:
    _want(values, list, function)
    if not values:
        fail("empty-list", f"{function} of an empty list")
    best = values[0]
    _comparable(best, best, "<")
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
        _type_error("round takes 0 to 50 places")
    if type(value) in (Money, Share):
        return Money(_quantized(value.amount, places), value.currency)
    if type(value) not in _NUMBERS:
        _type_error(f"round takes a number or money, got {kind(value)}")
    return _quantized(Decimal(value), places)


def _quantized(value: Decimal, places: int) -> Decimal:
    return _exact(lambda a, b: _ROUNDING.quantize(a, b), value, Decimal(1).scaleb(-places))


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
    return _type_error(f"{kind(value)} has no text")


def integer(value: Value) -> int:
    """``int``: a number is cut, a text must be a whole number."""
    if type(value) is int:
        return value
    if type(value) is Decimal:
        return int(value.to_integral_value(ROUND_DOWN))
    text = _want(value, str, "int")
    if not (text[1:] if text[:1] == "-" else text).isascii() or len(text) > 100:
        _type_error("the text is no whole number")
    try:
        return int(text) if "_" not in text and text.strip() == text else _type_error("the text is no whole number")
    except ValueError:
        _type_error("the text is no whole number")


def decimal(value: Value) -> Decimal:
    if type(value) is Decimal:
        return value
    if type(value) is int:
        return Decimal(value)
    text = _want(value, str, "decimal")
    try:
        found = Decimal(text) if "_" not in text and len(text) <= 100 and text.isascii() else Decimal("NaN")
    except DecimalException:
        _type_error("the text is no number")
    if not found.is_finite() or abs(found.adjusted()) > 100:
        _type_error("the text is no number")
    return found


# --- macros


class Steps:
    """What is left of an evaluation's steps."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = STEPS_MAX

    def over(self, values: Value) -> Sequence[Value]:
        """The elements of a list, or the keys of an object, paid for in advance."""
        if type(values) is not list:
            if not isinstance(values, Mapping):
                _type_error(f"a macro runs over a list, got {kind(values)}")
            values = list(values)
        self.left -= len(values)
        if self.left < 0:
            fail("step-limit", f"more than {STEPS_MAX} elements visited")
        return values  # type: ignore[no-any-return]


def exists(values: Sequence[Value], test: Callable[[Value], Value]) -> bool:
    """True wins over an error of another element, as ``||`` does."""
    return _decides((partial(test, value) for value in values), True)


def every(values: Sequence[Value], test: Callable[[Value], Value]) -> bool:
    return not _decides((partial(test, value) for value in values), False)


def exists_one(values: Sequence[Value], test: Callable[[Value], Value]) -> bool:
    return sum(true(test(value)) for value in values) == 1


def first_of(values: Sequence[Value], test: Callable[[Value], Value]) -> Value:
    return next((value for value in values if true(test(value))), None)


RUNTIME: Mapping[str, Any] = {
    f"_{given.__name__}": given
    for given in (
        *(name, select, index, has, filled, as_money, as_decimal, as_instant, as_date, as_list, true, both, either),
        *(equal, less, less_equal, greater, greater_equal, within, add, subtract, multiply, divide, modulo, negate),
        *(size, starts_with, ends_with, contains, matches, total, least, greatest, join, first, day, days, hours),
        *(minutes, money, rounded, string, integer, decimal, exists, every, exists_one, first_of, Steps),
    )
}
"""Every name generated code may use."""
