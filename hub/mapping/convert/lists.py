"""``list join``: several words in one text, one text of several words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hub.mapping.convert.failure import Unconvertible
from hub.mapping.convert.texts import trim

_ANY = re.compile(r"[,;，；、\n]")
PARTS_MAX = 10_000
JOINED = ", "


def unquoted(argument: str) -> str:
    """A separator as it is meant: quotes keep its blanks (``join " / "``)."""
    return argument[1:-1] if len(argument) > 1 and argument[0] == argument[-1] == '"' else argument


def split(separator: str) -> Callable[[Any], list[str] | None]:
    """The converter ``list [SEP]``: the words of a text or a list, trimmed, empty ones left out."""
    cut = re.compile(re.escape(unquoted(separator))) if separator else _ANY

    def convert(value: Any) -> list[str] | None:
        parts = value if value.__class__ is list else cut.split(value) if value.__class__ is str else None
        if parts is None or len(parts) > PARTS_MAX:
            raise Unconvertible("wrong-type", value, "words with a separator between them, or a list of words")
        found = [word for part in parts if part is not None and (word := trim(part))]
        return found if found or value.__class__ is list else None

    return convert


def join(separator: str) -> Callable[[Any], str | None]:
    """The converter ``join [SEP]``: the words of a list in one text; a text stays as it is."""
    between = unquoted(separator) if separator else JOINED

    def convert(value: Any) -> str | None:
        if value.__class__ is not list:
            return trim(value)
        return between.join(word for part in value if part is not None and (word := trim(part))) or None

    return convert
