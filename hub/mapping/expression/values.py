"""Values while an expression runs: their kinds in words, money before rounding, and how an error is raised.

Messages name kinds of values, never the values: they may be private.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn

from hub.mapping.compiled import ExpressionError
from hub.model.values import Money

Value = Any
NUMBERS = frozenset({int, Decimal})


@dataclass(frozen=True, slots=True)
class Share:
    """Money after a division: no amount anybody can pay until it is rounded."""

    amount: Decimal
    currency: str


KINDS = {
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
    return KINDS.get(type(value), type(value).__name__)


def fail(reason: str, message: str) -> NoReturn:
    raise ExpressionError(reason, message)


def type_error(message: str) -> NoReturn:
    raise ExpressionError("type-error", message)
