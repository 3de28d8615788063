"""A delivery: what a source handed us. Raw bytes and metadata, never changed, kept for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from hashlib import sha256
from typing import Literal

from hub.model.clock import Micros
from hub.model.frozen import value

Origin = Literal["webhook", "poll", "file", "ingest", "read"]
"""How it came in. ``read`` is the answer to a read the hub itself asked for (first sight, money re-read)."""


@value(frozen=True, slots=True)
class Raw:
    """Bytes as they arrived, before identity is known. Header names are lower case."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    received_at: Micros | None = None


@value(frozen=True, slots=True)
class Delivery:
    """One raw delivery in the log.

    ``ref`` is its identity in every host (see ``delivery_ref``); ``position`` its place in the log, 0 until it
    is appended. ``conflict`` marks a body that came under an id already used for another body (kept,
    quarantined ``id_conflict``). ``cause`` is the loop instance that asked for a read, or empty.
    """

    connection: str
    ref: str
    body: bytes
    headers: Mapping[str, str]
    received_at: Micros
    origin: Origin = "webhook"
    source_id: str | None = None
    conflict: bool = False
    cause: str = ""
    position: int = 0


def fingerprint(connection: str, source_id: str | None, body: bytes) -> bytes:
    """What makes two deliveries "the same": the source's own id where it gave one, else the body (16 bytes)."""
    content = b"i" + source_id.encode() if source_id is not None else b"b" + body
    return sha256(connection.encode() + b"\0" + content).digest()[:16]


def delivery_ref(connection: str, source_id: str | None, body: bytes, nth: int) -> str:
    """Design §5: sha256(connection, id or none, body, n-th equal one), as hex; equal in both hosts."""
    digest = sha256()
    for part in (connection.encode(), b"" if source_id is None else b"i" + source_id.encode(), body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    digest.update(nth.to_bytes(8, "big"))
    return digest.hexdigest()
