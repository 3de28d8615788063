"""Patterns of ``matches``: RE2, so that no pattern can take exponential time, and short."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

PATTERN_LENGTH_MAX = 200


def problem_of(pattern: str) -> str:
    """What is wrong with a pattern, or empty."""
    if len(pattern) > PATTERN_LENGTH_MAX:
        return f"a pattern of {len(pattern)} characters; at most {PATTERN_LENGTH_MAX}"
    try:
        compiled(pattern)
    except re2.error as error:
        words = error.args[0] if error.args else ""
        return f"not a pattern: {words.decode() if isinstance(words, bytes) else words}"
    return ""


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """The compiled pattern. Raises ``re2.error``."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options=options)
