"""Our reference as the last line of a text people read, for systems that take no idempotency key (comments). Pure.

``[ref:…]`` holds the first 16 hex digits of the reference: short enough to stand under a comment, long enough that
two effects never share it.
"""

from __future__ import annotations

DIGITS = 16


def mark(reference: str) -> str:
    """What a text of ours ends with."""
    return f"[ref:{reference[:DIGITS]}]"


def with_mark(text: str, reference: str) -> str:
    """The text to send."""
    return f"{text}\n\n{mark(reference)}"


def carries(text: str, reference: str) -> bool:
    """Whether this text is the one made for the reference."""
    return text.rstrip().endswith(mark(reference))


def carried(text: str) -> str:
    """The beginning of the reference this text was made for, empty for a text that is not ours."""
    last = text.rstrip().rpartition("\n")[2]
    return last[len("[ref:") : -1] if last.startswith("[ref:") and last.endswith("]") else ""


def without_mark(text: str) -> str:
    """The text as it was asked for, our last line taken off."""
    plain = text.replace("\r\n", "\n").rstrip()
    before, separator, last = plain.rpartition("\n\n")
    return before if separator and last.startswith("[ref:") and last.endswith("]") else plain
