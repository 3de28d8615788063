"""The gate of one connection: what the webhook server must know to admit or refuse a request, and per-address rate.

Nothing here stores a delivery or knows HTTP's wire form; ``webhook`` asks, in the order of design §8.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from dataclasses import dataclass, field

from hub.connector.base import Connector

REFUSALS_PER_SECOND = 10
REFUSALS_BURST = 200
"""What one address may get wrong before it is no longer looked at; authentic requests are not counted here."""
ADDRESSES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a request may take to arrive, and how many may be under way."""

    header_seconds: float = 10.0
    body_seconds: float = 30.0
    concurrent_max: int = 2_000


@dataclass(slots=True)
class Gate:
    """``closed``: why nothing is admitted (a secret is missing), empty when open. ``token`` guards the path."""

    name: str
    connector: Connector
    url: str
    token: bytes = b""
    closed: str = ""
    keep: tuple[str, ...] = field(init=False)
    """Headers stored with a delivery, in one order: the same delivery has the same bytes in every process."""
    body_bytes_max: int = field(init=False)

    def __post_init__(self) -> None:
        self.keep = tuple(sorted(self.connector.keep_headers()))
        self.body_bytes_max = min(self.connector.spec.body_bytes_max, 10 * 1024 * 1024)
        if not self.closed and not self.connector.spec.signed and not self.token:
            self.closed = "its source cannot sign, so a token of at least 128 bits is needed (setting token)"

    def right_path(self, given: str) -> bool:
        """Whether the path's token is ours, compared in constant time over bytes."""
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.token)


class Allowance:
    """A token bucket per address; the oldest addresses are forgotten beyond ``ADDRESSES_MAX``."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float, cost: int = 1) -> bool:
        """Spend ``cost``; False when the address has used up what it may. ``now`` in monotonic seconds."""
        left, at = self._left.get(address, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.rate)
        self._left[address] = (max(left - cost, 0.0), now)
        if len(self._left) > ADDRESSES_MAX:
            self._left.popitem(last=False)
        return left >= 1
