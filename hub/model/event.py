"""An event: a fact of ours, past tense, append-only; and the ids that make replay byte-identical."""

from __future__ import annotations

from hashlib import sha1
from uuid import UUID

from hub.model.clock import Micros
from hub.model.frozen import value

NAMESPACE = UUID("5f0d3f0e-6d0c-5e0a-9b0e-70726f6a6f70").bytes
"""The hub's own uuid5 name space; changing it changes every event id."""
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


@value(frozen=True, slots=True)
class Event:
    """One fact.

    ``stream``/``version`` order it (``project/jira:10041`` 3), ``time`` is when it happened at the source,
    ``recorded`` when we decided it, ``data`` canonical JSON bytes, ``schema`` names their shape
    (``project/v1``), ``correlation`` the whole story (the first delivery or loop), ``causation`` the direct
    parent, ``logic`` the mapping version that decided, ``delivery``/``record`` the bytes it came from.
    """

    id: str
    stream: str
    version: int
    type: str
    time: Micros
    recorded: Micros
    data: bytes
    schema: str
    correlation: str
    causation: str
    logic: str
    delivery: str = ""
    record: int = 0
    position: int = 0


def event_id(cause: str, record: int, table: str, ordinal: int) -> str:
    """Design §5: uuid5(delivery ref | effect key | timer | decision, record, table, ordinal)."""
    named = NAMESPACE + f"{cause}|{record}|{table}|{ordinal}".encode()
    text = sha1(named, usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"
