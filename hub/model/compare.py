"""``expect`` against the document read back: numbers exactly, instants in UTC, text trimmed and composed (NFC). Pure.

Used where an effect is confirmed and where a document made by hand is taken for a step: the same eyes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import normalize

from hub.model.record import Json
from hub.model.schema import x_type

_NUMBERS = frozenset({"decimal", "integer", "number"})
_TIMES = frozenset({"instant", "date"})


def differences(
    expect: Mapping[str, Json], document: Mapping[str, Json], schema: Mapping[str, Any]
) -> tuple[str, ...]:
    """``field: expected …, got …`` per difference, in the order of the names; empty when all agree."""
    properties = schema.get("properties", {})
    return tuple(
        f"{name}: expected {shown(expect[name])}, got {shown(document.get(name))}"
        for name in sorted(expect)
        if not equal(expect[name], document.get(name), properties.get(name, {}))
    )


def equal(expected: Json, got: Json, shape: Mapping[str, Any]) -> bool:
    """Whether two canonical values mean the same, by the field's schema."""
    if expected is None or got is None:
        return expected is got
    kind = x_type(shape) if shape else ""
    if kind == "money" or _is_money(expected):
        return _money(expected) is not None and _money(expected) == _money(got)
    if kind in _NUMBERS or isinstance(expected, Decimal):
        return _number(expected) is not None and _number(expected) == _number(got)
    if kind in _TIMES:
        return _when(expected) == _when(got)
    if isinstance(expected, list) and isinstance(got, list):
        items = shape.get("items", {})
        return len(expected) == len(got) and all(equal(a, b, items) for a, b in zip(expected, got, strict=True))
    if isinstance(expected, dict) and isinstance(got, dict):
        # The system may show more of an object than was asked for (a line's own amount): what is named must agree.
        fields = shape.get("properties", {})
        return all(equal(part, got.get(name), fields.get(name, {})) for name, part in expected.items())
    if isinstance(expected, str) and isinstance(got, str):
        return normalize("NFC", expected.strip()) == normalize("NFC", got.strip())
    return type(expected) is type(got) and bool(expected == got)


def shown(value: Json) -> str:
    """A value as a person reads it in a reason."""
    if _is_money(value):
        return f"{value['amount']} {value['currency']}"
    return "nothing" if value is None else str(value)


def _is_money(value: Json) -> bool:
    return isinstance(value, dict) and set(value) == {"amount", "currency"}


def _money(value: Json) -> tuple[Decimal, str] | None:
    amount = _number(value["amount"]) if _is_money(value) else None
    return None if amount is None else (amount, str(value["currency"]))


def _number(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _when(value: Json) -> object:
    text = str(value)
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return found.astimezone(UTC) if found.tzinfo else found
