"""An event: a fact of ours, past tense, append-only; and the ids that make replay byte-identical."""

from __future__ import annotations

from hashlib import sha1
from uuid import UUID

from hub.model.clock import Micros
from hub.model.frozen import value

NAMESPACE = UUID("5f0d3f0e-6d0c-5e0a-9b0e-70726f6a6f70").bytes
"""The hub's own uuid5 name space; changing it changes every event id."""


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
    digest = bytearray(sha1(NAMESPACE + f"{cause}|{record}|{table}|{ordinal}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
