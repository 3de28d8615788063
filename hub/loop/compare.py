"""``expect`` against the document read back: numbers exactly, instants in UTC, text trimmed and composed (NFC)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import normalize

from hub.model.record import Json
from hub.model.schema import x_type


def differences(
    expect: Mapping[str, Json], document: Mapping[str, Json], schema: Mapping[str, Any]
) -> tuple[str, ...]:
    """``field: expected …, read …`` per difference, in the order of ``expect``'s names; empty when all agree."""
    properties = schema.get("properties", {})
    return tuple(
        f"{name}: expected {expect[name]!r}, read {document.get(name)!r}"
        for name in sorted(expect)
        if not equal(expect[name], document.get(name), x_type(properties.get(name, {})))
    )


def equal(expected: Json, read: Json, kind: str) -> bool:
    """Whether two canonical values mean the same, by the field's ``x-type``."""
    if expected is None or read is None:
        return expected is read
    if isinstance(expected, dict) and isinstance(read, dict):
        return expected.get("currency") == read.get("currency") and _number(expected.get("amount")) == _number(
            read.get("amount")
        )
    if kind in ("decimal", "integer", "number"):
        return _number(expected) is not None and _number(expected) == _number(read)
    if kind in ("instant", "date"):
        return _when(expected) == _when(read)
    if isinstance(expected, str) and isinstance(read, str):
        return normalize("NFC", expected.strip()) == normalize("NFC", read.strip())
    return bool(expected == read)


def _number(value: Json) -> Decimal | None:
    try:
        return None if value is None or isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        return None


def _when(value: Json) -> object:
    text = str(value)
    if len(text) == 10:
        return date.fromisoformat(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return found.astimezone(UTC) if found.tzinfo else found
