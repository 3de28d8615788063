"""Targets that had better be left alone for a while: credentials refused, told to wait, failing again and again.

Kept in memory: after a restart the first call finds out afresh, once. No clock of its own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from hub.model.clock import SECOND, Micros

IN_A_ROW = 5
WINDOW = 20
PROBE_EVERY: Micros = 60 * SECOND
"""A paused or failing target is tried once a minute."""
Why = Literal["paused", "failing", "throttled"]


@dataclass(slots=True)
class Target:
    """What the executor remembers of one connection."""

    results: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))
    why: Why | None = None
    until: Micros = 0
    words: str = ""
    tokens: float = 1.0
    counted_at: float = 0.0
    unsettled: dict[str, float] = field(default_factory=dict)
    """Effect key -> steady seconds until which the target may still commit what was sent: a clock on the wall that
    is set forward must not end that wait (F20)."""

    def held(self, now: Micros) -> bool:
        """Whether nothing may be sent now."""
        return self.why is not None and now < self.until

    def may_send(self, per_second: float | None, steady: float) -> bool:
        """Take one of the sends the system is to be asked for (a bucket of one second's worth, at least one)."""
        if per_second is None:
            return True
        filled = self.tokens + (steady - self.counted_at) * per_second
        self.tokens, self.counted_at = min(max(1.0, per_second), filled), steady
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def slots(self, most: int) -> int:
        """How many calls at once: one while a failing target is tried again."""
        return 1 if self.why == "failing" else most

    def hold(self, why: Why, until: Micros, words: str) -> None:
        self.why, self.until, self.words = why, until, words

    def succeeded(self) -> None:
        self.results.append(True)
        if self.why != "paused":
            self.why = None

    def released(self) -> None:
        """Credentials work again, or the pause was lifted."""
        self.why = None
        self.results.clear()

    def failed(self, now: Micros, words: str) -> None:
        """Count a failure; hold the target when there are too many."""
        self.results.append(False)
        if self.why != "paused" and (self.why == "failing" or self._too_many()):
            self.hold("failing", now + PROBE_EVERY, words)

    def _too_many(self) -> bool:
        last = list(self.results)
        row = len(last) >= IN_A_ROW and not any(last[-IN_A_ROW:])
        return row or (len(last) == WINDOW and last.count(False) * 2 >= WINDOW)

    @property
    def reason(self) -> str:
        """Why an effect waits, in words."""
        return f"{self.why}: {self.words}"
