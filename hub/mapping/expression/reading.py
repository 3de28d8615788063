"""How generated expression code reads: names, parts, guards, and canonical JSON into typed values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, DecimalException

from hub.mapping.compiled import ExpressionError
from hub.mapping.expression.values import Value, fail, kind, type_error
from hub.model.values import Money


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
        type_error(f'{kind(of)} has no part "{key}"')
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
        type_error(f"{kind(of)} cannot be indexed by {kind(at)}")
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


def as_money(value: Value) -> Money | None:
    if value is None:
        return None
    try:
        return Money(Decimal(value["amount"]), value["currency"])
    except (KeyError, TypeError, DecimalException):
        type_error(f"expected money, got {kind(value)}")


def as_decimal(value: Value) -> Decimal | None:
    if value is None:
        return None
    try:
        return Decimal(value)
    except (TypeError, ValueError, DecimalException):
        type_error(f"expected a decimal, got {kind(value)}")


def as_instant(value: Value) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError):
        type_error(f"expected an instant, got {kind(value)}")


def as_date(value: Value) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        type_error(f"expected a date, got {kind(value)}")


def as_list(value: Value, read: Callable[[Value], Value]) -> Value:
    if value is None:
        return None
    if type(value) is not list:
        type_error(f"expected a list, got {kind(value)}")
    return [read(part) for part in value]
