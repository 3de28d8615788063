"""The log port: append deliveries durably, read them in order. SQL here; Kafka and a spool come beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hub.model.clock import Micros
from hub.model.delivery import Delivery, Origin
from hub.model.frozen import value


@value(frozen=True, slots=True)
class Arrival:
    """A delivery before it has a place in the log."""

    connection: str
    body: bytes
    headers: Mapping[str, str]
    received_at: Micros
    origin: Origin
    source_id: str | None = None
    cause: str = ""


@value(frozen=True, slots=True)
class Appended:
    """``duplicate``: same id, same body, nothing stored; ``position`` is then the first one's."""

    position: int
    ref: str
    duplicate: bool = False
    conflict: bool = False


class Log(Protocol):
    """Append-only. ``append`` returns only after the delivery is committed and flushed (I1)."""

    async def append(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        """One durable append for all of them; concurrent callers share a commit."""
        ...

    def read(self, after: int, limit: int) -> Sequence[Delivery]:
        """Deliveries with a position above ``after``, in order."""
        ...

    def get(self, position: int) -> Delivery | None: ...
