"""Time as the hub stores it: whole microseconds since 1970-01-01T00:00:00Z (``Micros``).

Integers compare and travel through SQL and JSON without loss; people and files see ISO 8601 in UTC.
Nothing here reads a clock: ``now`` always comes in as an argument (a ``Clock`` from the rim).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

Micros = int

SECOND: Micros = 1_000_000
NEVER: Micros = 2**62
"""A due time that does not come: nothing will happen here by itself."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """The rim's clock; tests and the simulator give their own."""

    def now(self) -> Micros: ...


def micros(moment: datetime) -> Micros:
    """The moment (aware) as microseconds since 1970 in UTC."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def moment(value: Micros) -> datetime:
    """The aware UTC datetime of a ``Micros``."""
    return EPOCH + timedelta(microseconds=value)


def iso(value: Micros) -> str:
    """Canonical text of an instant: ``2026-01-05T01:02:03.004Z`` (micros only where they are not zero)."""
    return instant_text(moment(value))


def instant_text(when: datetime) -> str:
    """Canonical text of an aware datetime, in UTC; milliseconds unless the microseconds need more."""
    utc = when.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="microseconds" if utc.microsecond % 1000 else "milliseconds") + "Z"
