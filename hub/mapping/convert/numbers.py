"""``integer decimal percent``: exact numbers, from JSON numbers or from the texts people type."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from unicodedata import normalize

from hub.mapping.convert.failure import Unconvertible
from hub.model.values import EXACT, decimal_text

DIGITS_MAX = 100
_PLAIN = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?\Z")
_GROUPED = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?\Z")
_ENDS = frozenset("123456789")
_SMALL = 10**18
_MINUS = str.maketrans({"−": "-", "–": "-"})
_PERCENT = re.compile(r"(?:百分之)?\s*([^%百分之]+?)\s*%?\Z")
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
"""Integers of 64 bits: what every database and every JSON reader of the systems around us keeps exact."""
NUMBERS = 'a number: 1234.5, "1234.50" or "12,345.60"'


def number_of(words: str) -> Decimal | None:
    """The number a text says: plain, or with commas between groups of three. None where it says none, or where
    it could mean two (``1.234,56``)."""
    if _PLAIN.match(words):
        return Decimal(words)
    if len(words) <= DIGITS_MAX and _GROUPED.match(words):
        return Decimal(words.replace(",", ""))
    return None


def typed(value: str) -> str:
    """A text as typed on any keyboard: full-width digits and signs become plain ones, blanks go."""
    return normalize("NFKC", value).translate(_MINUS).strip()


def exact(value: Any) -> Decimal | int | None:
    """The number of a JSON number or of a text; None for empty text."""
    if value.__class__ is int or value.__class__ is Decimal:
        return _bounded(value)
    if value.__class__ is str:
        if _PLAIN.match(value):
            return Decimal(value)
        words = typed(value)
        if not words:
            return None
        found = number_of(words)
        if found is not None:
            return found
    raise Unconvertible("bad-number", value, NUMBERS)


def _bounded(value: Decimal | int) -> Decimal | int:
    number = value if isinstance(value, Decimal) else Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > DIGITS_MAX:
        raise Unconvertible("bad-number", "a number out of range", f"at most {DIGITS_MAX} digits")
    return value


def decimal(value: Any) -> str | None:
    """Canonical text of an exact number."""
    if value.__class__ is Decimal:
        text = str(value)  # canonical as it stands, where it ends in a digit behind the point
        if "." in text and text[-1] in _ENDS and len(text) <= DIGITS_MAX and "E" not in text:
            return text
    elif value.__class__ is int and -_SMALL < value < _SMALL:
        return str(value)
    found = exact(value)
    return None if found is None else decimal_text(found)


def integer(value: Any) -> int | None:
    """A whole number; 5.0 is one, 5.5 is not."""
    if value.__class__ is int and INTEGER_MIN <= value <= INTEGER_MAX:
        return value
    found = exact(value)
    return None if found is None else whole(value, found)


def whole(value: Any, found: Decimal | int) -> int:
    """The number as an integer of 64 bits; ``value`` is what people are shown where it is none."""
    number = int(found)
    if number != found:
        raise Unconvertible("bad-number", value, "a whole number")
    if not INTEGER_MIN <= number <= INTEGER_MAX:
        raise Unconvertible("bad-number", value, "a whole number of at most 64 bits")
    return number


def percent(value: Any) -> str | None:
    """The fraction a share of 100 is: "12.5 %", 12.5 and 百分之12.5 are all 0.125."""
    words = _PERCENT.match(typed(value)) if value.__class__ is str and value.strip() else None
    try:
        found = exact(words[1] if words else value)
    except Unconvertible:
        raise Unconvertible("bad-number", value, 'a share of 100: 12.5, "12.5 %", 百分之12.5') from None
    return None if found is None else decimal_text(EXACT.scaleb(Decimal(found), -2))
