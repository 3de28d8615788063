"""Operators of generated expression code: comparison and arithmetic over typed values. Exact, or an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException
from typing import Any

from hub.mapping.expression.values import NUMBERS, Share, Value, fail, kind, type_error
from hub.model.values import EXACT, CurrencyMismatch, Money

TEXT_LENGTH_MAX = 256 * 1024
DIVISION = Context(prec=50, rounding=ROUND_HALF_EVEN)
_DAY = timedelta(days=1)

_ORDERED = frozenset({str, bool, Money, datetime, date, timedelta})


def equal(left: Value, right: Value) -> bool:
    """``==`` across all types: different kinds are unequal, numbers compare by value, never true with 1."""
    a, b = type(left), type(right)
    if a in NUMBERS and b in NUMBERS:
        return bool(left == right)
    if a is not b:
        return False
    if a is list:
        return len(left) == len(right) and all(map(equal, left, right))
    if a is dict:
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    return bool(left == right)


def comparable(left: Value, right: Value, operator: str) -> None:
    a, b = type(left), type(right)
    if not ((a in NUMBERS and b in NUMBERS) or (a is b and a in _ORDERED)):
        type_error(f"{kind(left)} {operator} {kind(right)} has no meaning")
    if a is Money and left.currency != right.currency:
        fail("mixed-currencies", f"{left.currency} {operator} {right.currency} needs a declared rate")


def less(left: Value, right: Value) -> bool:
    comparable(left, right, "<")
    return bool(left < right)


def less_equal(left: Value, right: Value) -> bool:
    comparable(left, right, "<=")
    return bool(left <= right)


def greater(left: Value, right: Value) -> bool:
    comparable(left, right, ">")
    return bool(left > right)


def greater_equal(left: Value, right: Value) -> bool:
    comparable(left, right, ">=")
    return bool(left >= right)


def within(value: Value, among: Value) -> bool:
    """``in`` a list, or a key of an object."""
    if type(among) is list:
        return any(equal(value, part) for part in among)
    if isinstance(among, Mapping):
        return type(value) is str and value in among
    return type_error(f"in needs a list, got {kind(among)}")


def exactly(work: Callable[[Decimal, Decimal], Decimal], left: Value, right: Value) -> Decimal:
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
        type_error("a date moves by whole days")
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
    exact = lambda a, b: exactly(work, a, b)  # noqa: E731  # a table of one-liners reads better than six functions
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
    return type(amount)(exactly(EXACT.multiply, amount.amount, by), amount.currency)


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
        type_error(f"{kind(left)} {operator} {kind(right)} has no meaning")
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
        type_error(f"{kind(left)} % {kind(right)} has no meaning: % takes whole numbers")
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
    return type_error(f"{kind(value)} cannot be negated")
