"""Our comments on an issue: Jira takes no idempotency key, so our reference travels as the comment's last line.

``[ref:…]`` holds the first 16 hex digits of the reference: short enough to stand in a comment people read, long
enough that two effects never share it. Pure; knows nothing of HTTP."""

from __future__ import annotations

from connectors.jira.adf import document_of, is_adf, text_of
from hub.model.record import Json

REFERENCE_DIGITS = 16


def mark(reference: str) -> str:
    """What a comment of ours ends with."""
    return f"[ref:{reference[:REFERENCE_DIGITS]}]"


def body_to_send(text: str, reference: str, *, rich: bool) -> Json:
    """The comment's body: ADF for REST v3, text for v2."""
    marked = f"{text}\n\n{mark(reference)}"
    return document_of(marked) if rich else marked


def text_read(body: Json) -> str:
    """The text of a comment's body as either API gives it."""
    return text_of(body) if is_adf(body) else str(body or "")


def carries(body: Json, reference: str) -> bool:
    """Whether this comment is the one made for the reference."""
    return text_read(body).rstrip().endswith(mark(reference))


def without_mark(body: Json) -> str:
    """The text as it was asked for, our last line taken off."""
    text = text_read(body).replace("\r\n", "\n").rstrip()
    before, separator, last = text.rpartition("\n\n")
    return before if separator and last.startswith("[ref:") and last.endswith("]") else text
