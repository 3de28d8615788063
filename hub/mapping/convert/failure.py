"""How a converter says no: a reason (stable slug), what it got, what it takes. Caught by ``apply``, never above."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


class Unconvertible(Exception):
    """A value no converter can take; ``got`` is shown to people unless the row is private."""

    def __init__(self, reason: str, got: Any, allowed: str) -> None:
        super().__init__(reason)
        self.reason, self.got, self.allowed = reason, got, allowed

    def message(self, *, private: bool) -> str:
        return f"got {described(self.got) if private else shown(self.got)}; allowed: {self.allowed}"


SHOWN_CHARACTERS_MAX = 80


def shown(value: Any) -> str:
    """A value as people see it in a message, cut."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            cut = value if len(value) <= SHOWN_CHARACTERS_MAX else value[:SHOWN_CHARACTERS_MAX] + "…"
            return f'"{cut}"'
        case int() | Decimal():
            return str(value)[:SHOWN_CHARACTERS_MAX]
        case dict():
            return f"an object with {', '.join(sorted(map(str, value))[:6]) or 'no parts'}"
        case list():
            return f"a list of {len(value)}"
        case _:
            return str(value)[:SHOWN_CHARACTERS_MAX]


def described(value: Any) -> str:
    """What kind of value it is, and nothing of it: the row is private."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false (not shown: private)"
        case str():
            return f"a text of {len(value)} characters (not shown: private)"
        case int() | Decimal():
            return "a number (not shown: private)"
        case dict():
            return "an object (not shown: private)"
        case list():
            return f"a list of {len(value)} (not shown: private)"
        case _:
            return "a value (not shown: private)"
