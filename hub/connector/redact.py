"""No secret in any log, error or report (I15): blot them out by value and by name before words leave the SDK."""

from __future__ import annotations

import re
from collections.abc import Iterable

BLOT = "[redacted]"
_SHORTEST = 4
"""Shorter values would blot out ordinary words; a secret of three characters protects nothing."""
_NAMED = re.compile(
    r"(?i)(\"?(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key|api[_-]?key|access[_-]?token"
    r"|refresh[_-]?token|token|secret|password|passwd|signature)\"?\s*[:=]\s*\"?)(?:(?:basic|bearer|token)\s+)?[^\s\",;&]+"
)


class Redactor:
    """Blots out the given secret values, and whatever stands behind a telling name."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {part for secret in secrets for part in (secret, *secret.splitlines()) if len(part) >= _SHORTEST}
        longest_first = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def __call__(self, words: str) -> str:
        if self._known is not None:
            words = self._known.sub(BLOT, words)
        return _NAMED.sub(rf"\g<1>{BLOT}", words)


def capped(words: str, most: int = 500) -> str:
    """One printable line of at most ``most`` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words[: most * 4]).split())
    return line if len(line) <= most else line[: most - 1] + "…"
