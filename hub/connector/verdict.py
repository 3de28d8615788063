"""The ambiguity table (reliability §2): what an HTTP answer to a write means. Pure.

One place, so that no connector decides by itself whether something may be sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import jiter

from hub.connector.answers import AlreadyThere, Ambiguous, RefusedByTarget, Throttled, Unauthorized
from hub.model.record import Json

RETRY_AFTER_SECONDS_MAX = 3600.0
"""A target that asks for more is asked again after an hour (F15)."""
_GATEWAY = 503


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer. ``json`` is None when the body was empty; header names are lower case."""

    status: int
    json: Json
    headers: Mapping[str, str]
    body: bytes = b""


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait, from a Retry-After header in seconds or as an HTTP date; None when it says nothing useful."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), RETRY_AFTER_SECONDS_MAX)
    try:
        seconds = parsedate_to_datetime(value).timestamp() - now
    except (ValueError, OverflowError, IndexError):
        return None
    return min(seconds, RETRY_AFTER_SECONDS_MAX) if seconds > 0 else None


def refusal(status: int, words: str, wait: float | None, *, not_done_429: bool, told: bool) -> Exception | None:
    """The exception a status stands for; None for 2xx. ``told``: the answer had a usable Retry-After."""
    if 200 <= status < 300:
        return None
    if status in (401, 403):
        return Unauthorized(words)
    if status == 409:
        return AlreadyThere(words)
    if status == 429 or (status == _GATEWAY and told):
        # What a target documents of its 429 says nothing about a 503: a gateway may say that after the work was done.
        return Throttled(words, wait, not_done=not_done_429 and status == 429)
    if 400 <= status < 500 and status != 408:
        return RefusedByTarget(words, status)
    # Redirects too: some systems answer a POST that worked with one, others one that did not.
    return Ambiguous(words)


def parsed(body: bytes) -> Json:
    """The JSON of a body, decimals kept; None for an empty one. Raises ``ValueError``."""
    if not body.strip():
        return None
    return jiter.from_json(body, float_mode="decimal", catch_duplicate_keys=True, allow_inf_nan=False)
