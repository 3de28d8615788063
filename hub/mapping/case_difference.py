"""How a case and what came out differ: words for people, and what the case would have to say instead."""

from __future__ import annotations

from typing import Any

At = tuple[str | int, ...]
"""Keys and indexes below the case; a number passes over a mapping that stands alone instead of in a list."""


class Difference(str):
    """The problem in words. ``at`` is where the case says otherwise, ``value`` what came out; without ``at`` nobody
    can settle it by changing the case. An empty ``at`` with ``value`` replaces what the case wants as a whole."""

    __slots__ = ("at", "value")
    at: At | None
    value: Any

    def __new__(cls, words: str, at: At | None = None, value: Any = None) -> Difference:
        made = super().__new__(cls, words)
        made.at, made.value = at, value
        return made
