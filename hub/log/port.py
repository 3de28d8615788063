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
    """``duplicate``: same id, same body, nothing stored; ``position`` is then the first one's.

    Where the log gives no position by itself (Kafka), ``position`` is -1 and ``ref`` empty: the engine finds out
    what is new when it lands the delivery in the store.
    """

    position: int
    ref: str
    duplicate: bool = False
    conflict: bool = False


@value(frozen=True, slots=True)
class Outside:
    """Deliveries accepted and not yet in the store: connection -> how many. ``problem``: why not all are known."""

    waiting: Mapping[str, int]
    problem: str = ""

    @property
    def count(self) -> int:
        return sum(self.waiting.values())


class Log(Protocol):
    """Append-only. ``append`` returns only after the delivery is committed and flushed (I1)."""

    async def append(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        """One durable append for all of them; concurrent callers share a commit."""
        ...

    def read(self, after: int, limit: int) -> Sequence[Delivery]:
        """Deliveries with a position above ``after``, in order."""
        ...

    def get(self, position: int) -> Delivery | None: ...

    def by_ref(self, ref: str) -> Delivery | None:
        """The delivery an event or outcome names."""
        ...

    def end(self) -> int:
        """The position of the newest delivery; 0 in an empty log."""
        ...

    async def close(self) -> None:
        """Let go of what it holds; everything answered stays durable. The store is not the log's to close."""
        ...
