"""What a system answered to a call that creates or changes something: reliability §2 as exceptions.

A connector's ``act`` returns a ``Receipt`` or raises one of these; the SDK's ``Http`` already raises the right
one for status codes, time-outs and broken bodies. The executor alone turns them into effect states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.model.record import Json


class NotSent(Exception):
    """DNS, refused, TLS: no request byte left us. Not done; retry with backoff."""


class RefusedByTarget(Exception):
    """400, 404, 413, 422 (and 409 when reading by reference finds nothing): never retried, to a person."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.words, self.status = words, status


class AlreadyThere(Exception):
    """409, or a uniqueness error on our reference: read by reference, then SENT or REJECTED."""


class Unauthorized(Exception):
    """401, 403: pause the integration's sending, ask a person, no retry storm."""


class Throttled(Exception):
    """429, or 503 with Retry-After. ``not_done``: the target documents that it did nothing."""

    def __init__(self, words: str, retry_after: float | None, *, not_done: bool) -> None:
        super().__init__(words)
        self.retry_after, self.not_done = retry_after, not_done


class Ambiguous(Exception):
    """500, 502, 503, 504, time-out, reset, cut body, 2xx without an id, HTML in place of JSON: UNKNOWN."""


class ReadFailed(Exception):
    """A read (never a write) failed; reads may be retried freely. ``retry_after`` in seconds or None."""

    def __init__(self, words: str, retry_after: float | None = None) -> None:
        super().__init__(words)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Receipt:
    """A write that was acknowledged with an id. ``state`` is the document's state where the answer says it."""

    remote_id: str
    number: str = ""
    url: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """An object as read: ``document`` in the action's document terms (canonical JSON; money as
    {"amount","currency"}), ``body`` the raw bytes where the object belongs to a source stream."""

    remote_id: str
    number: str = ""
    url: str = ""
    state: str = ""
    document: Mapping[str, Json] | None = None
    body: bytes | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Carried:
    """A document in the target that carries a reference of ours. ``live``: not cancelled or deleted there."""

    reference: str
    found: Found
    live: bool = True
