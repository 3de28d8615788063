"""``text trim lower bool``: words. Empty text is null for all but ``text``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hub.mapping.convert.failure import Unconvertible
from hub.model.values import decimal_text

_TRUE = frozenset(("true", "yes", "y", "on", "1", "是", "真", "对", "有"))
_FALSE = frozenset(("false", "no", "n", "off", "0", "否", "假", "不", "无"))


def text(value: Any) -> str:
    """A text, a number or a boolean in canonical spelling."""
    if value.__class__ is str:
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return decimal_text(value)
    raise Unconvertible("bad-text", value, "text, a number, true or false")


def trim(value: Any) -> str | None:
    found = value.strip() if value.__class__ is str else text(value)
    return found or None


def lower(value: Any) -> str | None:
    found = value.strip().lower() if value.__class__ is str else text(value)
    return found or None


def boolean(value: Any) -> bool | None:
    """true and false, in the words people use for them."""
    if value is True or value is False:
        return value
    if isinstance(value, str | int | Decimal):
        word = text(value).strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        if not word:
            return None
    raise Unconvertible("bad-bool", value, "true, false, yes, no, 1, 0, 是, 否")
