"""``integer decimal``: exact numbers, from JSON numbers or from the texts people type."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from unicodedata import normalize

from hub.mapping.convert.failure import Unconvertible
from hub.model.values import decimal_text

DIGITS_MAX = 100
_PLAIN = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?\Z")
_GROUPED = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?\Z")
_MINUS = str.maketrans({"−": "-", "–": "-"})
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
    found = exact(value)
    return None if found is None else decimal_text(found)


def integer(value: Any) -> int | None:
    """A whole number; 5.0 is one, 5.5 is not."""
    if value.__class__ is int:
        return value
    found = exact(value)
    if found is None:
        return None
    whole = int(found)
    if whole != found:
        raise Unconvertible("bad-number", value, "a whole number")
    return whole
