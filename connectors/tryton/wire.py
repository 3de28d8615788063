"""Tryton's JSON: typed values, search domains, our reference in a text field. Pure.

Tryton marks what JSON has no type for: ``{"__class__": "Decimal", "decimal": "1.50"}``. A plain number in the
place of a Decimal is accepted and stored as a float's value, so money always travels marked.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import urlencode

import orjson

from hub.model.record import Json

_MARK = re.compile(r" ?\[hub:([^\[\]\s]+)\]")

_MOMENT = ("year", "month", "day", "hour", "minute", "second", "microsecond")


def marked(value: Decimal | date) -> Json:
    """A Decimal, date or moment as Tryton takes it; moments are UTC without saying so."""
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": format(value, "f")}
    if isinstance(value, datetime):
        utc = value.astimezone(UTC)
        return {"__class__": "datetime", **{name: getattr(utc, name) for name in _MOMENT}}
    return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}


def plain(value: Json) -> Json:
    """A value as Tryton gives it, with Decimals and dates for the marked ones."""
    match value:
        case {"__class__": "Decimal", "decimal": text}:
            return Decimal(text)
        case {"__class__": "date", "year": year, "month": month, "day": day}:
            return date(year, month, day)
        case {"__class__": "datetime"}:
            return datetime(**{name: value.get(name, 0) for name in _MOMENT}, tzinfo=UTC)
        case dict():
            return {name: plain(part) for name, part in value.items()}
        case list():
            return [plain(part) for part in value]
        case _:
            return value


def packed(value: Json) -> str:
    """JSON in urlsafe base64: how domains, orders and the context travel."""
    return urlsafe_b64encode(orjson.dumps(value)).decode()


def query(fields: Sequence[str], **parts: str) -> str:
    """A query string: the fields to return, then search parts that are not empty."""
    return urlencode([*(("f", name) for name in fields), *((name, part) for name, part in parts.items() if part)])


def carry(title: str, reference: str) -> str:
    """The description that carries our reference behind the title, on one line as Tryton demands."""
    return f"{' '.join(title.split())} [hub:{reference}]"


def carried(description: str | None) -> tuple[str | None, str | None]:
    """Title and reference of a description; the reference is None where nobody of us wrote one.

    The last mark counts: it is ours, whatever the title holds, and a person may have written on behind it.
    """
    found = list(_MARK.finditer(description or ""))
    if description is None or not found:
        return description, None
    last = found[-1]
    return description[: last.start()] + description[last.end() :], last[1]
