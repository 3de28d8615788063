"""What generated expression code calls: logic, macros, and in ``RUNTIME`` everything by its name in that code.

Whatever cannot give a value raises ``ExpressionError``. Semantics follow CEL where CEL has the construct;
numbers are decimals throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from hub.mapping.compiled import ExpressionError
from hub.mapping.expression.arithmetic import (
    add,
    divide,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    modulo,
    multiply,
    negate,
    subtract,
    within,
)
from hub.mapping.expression.library import (
    absolute,
    ceil,
    contains,
    day,
    days,
    decimal,
    ends_with,
    first,
    floor,
    greatest,
    hours,
    in_days,
    integer,
    join,
    least,
    lower_ascii,
    matches,
    minutes,
    money,
    month,
    replaced,
    rounded,
    size,
    split,
    starts_with,
    string,
    substring,
    total,
    trimmed,
    upper_ascii,
    weekday,
    year,
)
from hub.mapping.expression.reading import (
    as_date,
    as_decimal,
    as_instant,
    as_list,
    as_money,
    filled,
    has,
    index,
    name,
    select,
)
from hub.mapping.expression.values import Value, fail, kind, type_error

STEPS_MAX = 10_000
"""Steps of one evaluation: an element visited by a macro is one, and inside a macro so is every element of a list,
and every 1,024 characters of a text, that a function or operator is given. Nested work over long values ends here,
not in an hour; counted, not timed, so that running it again ends the same way."""


def true(value: Value) -> bool:
    """A condition's value; only true and false are conditions."""
    if value is True or value is False:
        return value
    return type_error(f"expected true or false, got {kind(value)}")


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


class Steps:
    """What is left of an evaluation's steps."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = STEPS_MAX

    def weigh(self, value: Value) -> Value:
        """The value, what working through it once costs being paid."""
        if type(value) is str:
            self.left -= len(value) >> 10
        elif type(value) is list or isinstance(value, Mapping):
            self.left -= len(value)
        if self.left < 0:
            fail("step-limit", f"more than {STEPS_MAX} steps")
        return value

    def over(self, values: Value) -> Sequence[Value]:
        """The elements of a list, or the keys of an object, paid for in advance."""
        if type(values) is not list:
            if not isinstance(values, Mapping):
                type_error(f"a macro runs over a list, got {kind(values)}")
            values = list(values)
        self.left -= len(values)
        if self.left < 0:
            fail("step-limit", f"more than {STEPS_MAX} steps")
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
        *(lower_ascii, upper_ascii, trimmed, replaced, split, substring, in_days, year, month, weekday, absolute),
        *(floor, ceil),
        *(minutes, money, rounded, string, integer, decimal, exists, every, exists_one, first_of, Steps),
    )
}
"""Every name generated code may use."""
