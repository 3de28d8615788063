"""When an effect is tried, looked up or given to a person: back-off, quiesce, key life (reliability §2). Pure."""

from __future__ import annotations

from hub.mapping.catalog import ConnectionFacts
from hub.model.action import ActionSpec
from hub.model.clock import SECOND, Micros
from hub.model.effect import Effect

BACKOFF_SECONDS = (5, 30, 120, 600, 1800, 7200, 18000, 36000)
"""5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h: then a person."""
JITTER = 0.2
THROTTLE_SECONDS_MAX = 3600.0
KEY_LIFE_SHARE = 0.8
"""A target's clock and ours differ, and it may count from its own start: a fifth of the life is left unused."""


def backoff(attempts: int, random: float, least_seconds: float | None = None) -> Micros:
    """How long to wait after that many attempts; ``random`` in [0, 1) spreads it by ±20 %.

    ``least_seconds`` is what the target asked for: kept exactly, but never more than an hour.
    """
    if least_seconds is not None:
        return int(min(max(least_seconds, 1.0), THROTTLE_SECONDS_MAX) * SECOND)
    seconds = BACKOFF_SECONDS[min(max(attempts, 1), len(BACKOFF_SECONDS)) - 1]
    return int(seconds * (1 + JITTER * (2 * random - 1)) * SECOND)


def is_exhausted(attempts: int) -> bool:
    """Whether a person is asked instead of trying again."""
    return attempts > len(BACKOFF_SECONDS)


def quiesce(action: ActionSpec, connection: ConnectionFacts) -> Micros:
    """How long after a lost answer the target may still commit (class B)."""
    own = connection.quiesce_seconds
    return (action.quiesce_seconds if own is None else own) * SECOND


def key_lives(effect: Effect, action: ActionSpec, now: Micros) -> bool:
    """Whether the target still remembers our key, so that the same bytes may be sent again (class A)."""
    first = effect.planned_at if effect.first_sent_at is None else effect.first_sent_at
    return now < first + int(action.key_life_seconds * KEY_LIFE_SHARE) * SECOND
