"""The one status of an integration: the first condition that holds, never an average (an average hides a double)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.health.facts import IntegrationFacts
from hub.health.measures import DAY, UNKNOWN_PATIENCE, Measure
from hub.model.clock import Micros
from hub.model.effect import EffectState
from hub.model.instance import LoopState

Measures = Mapping[str, Measure]


@dataclass(frozen=True, slots=True)
class Status:
    """``name``: paused action_required failing late degraded unknown healthy; ``reason`` a key of ``words``."""

    name: str
    since: Micros
    reason: str
    detail: Mapping[str, str | int]


Rule = Callable[[IntegrationFacts, Measures], Status | None]


HALTED = {
    "person": ("paused", "paused_by"),
    "restored": ("action_required", "restored"),
    "invariant": ("action_required", "broken_invariant"),
}
"""Why an integration was stopped -> its status and the reason given."""


def halted(facts: IntegrationFacts, measures: Measures) -> Status | None:
    if facts.halt is None:
        return None
    name, reason = HALTED[facts.halt.kind]
    return Status(name, facts.halt.since, reason, {"who": facts.halt.who, "why": facts.halt.why})


def broken_balance(facts: IntegrationFacts, measures: Measures) -> Status | None:
    if not facts.balance.unaccounted:
        return None
    return Status("action_required", facts.now, "unaccounted", {"n": facts.balance.unaccounted})


def refused_credentials(facts: IntegrationFacts, measures: Measures) -> Status | None:
    paused = [source for source in facts.sources if source.paused_since]
    if not paused:
        return None
    since = min(source.paused_since or facts.now for source in paused)
    return Status("action_required", since, "credentials", {"connection": paused[0].connection})


def old_unknown(facts: IntegrationFacts, measures: Measures) -> Status | None:
    old = [
        d.unknown_since
        for d in facts.documents
        if d.state is EffectState.UNKNOWN and d.unknown_since and facts.now - d.unknown_since > UNKNOWN_PATIENCE
    ]
    return Status("action_required", min(old) + UNKNOWN_PATIENCE, "unknown_effects", {"n": len(old)}) if old else None


def lagging(facts: IntegrationFacts, measures: Measures) -> Status | None:
    found = measures["lag"]
    if found.good is not False:
        return None
    oldest = min(source.oldest_waiting or facts.now for source in facts.sources)
    return Status("failing", oldest, "lag", {"seconds": int(found.value or 0)})


def stale_source(facts: IntegrationFacts, measures: Measures) -> Status | None:
    """Late, or failing past twice the interval, only where polling proves the silence; webhooks alone do not."""
    found = measures["freshness"]
    if found.good is not False or not all(source.newest_poll for source in facts.sources):
        return None
    worse = (found.value or 0) > 2 * (found.target or 0)
    since = min(max(s.newest_delivery or 0, s.newest_poll or 0) for s in facts.sources)
    return Status("failing" if worse else "late", since, "stale", {"seconds": int(found.value or 0)})


def old_quarantine(facts: IntegrationFacts, measures: Measures) -> Status | None:
    old = [row.since for row in facts.quarantine if row.closed_at is None and facts.now - row.since > DAY]
    return Status("degraded", min(old) + DAY, "quarantine", {"n": len(old)}) if old else None


def drifted(facts: IntegrationFacts, measures: Measures) -> Status | None:
    """Somebody changed what we made: the target may be right, but nobody has said so."""
    if not facts.drift:
        return None
    return Status("degraded", min(one.since for one in facts.drift), "drift", {"n": len(facts.drift)})


def under_target(facts: IntegrationFacts, measures: Measures) -> Status | None:
    for name in ("consistency", "on_time"):
        if measures[name].good is False:
            return Status("degraded", facts.now, name, {"n": measures[name].n})
    return None


def never_heard(facts: IntegrationFacts, measures: Measures) -> Status | None:
    if measures["freshness"].value is None or measures["freshness"].good is False:
        return Status("unknown", facts.activated_at, "no_heartbeat", {})
    return None


def nothing_measured(facts: IntegrationFacts, measures: Measures) -> Status | None:
    running = any(loop.state is not LoopState.HISTORY for loop in facts.loops)
    if running and measures["consistency"].value is None:
        return Status("unknown", facts.activated_at, "not_read_back", {})
    return None


RULES: tuple[Rule, ...] = (
    halted,
    broken_balance,
    refused_credentials,
    old_unknown,
    lagging,
    stale_source,
    old_quarantine,
    drifted,
    under_target,
    never_heard,
    nothing_measured,
)


def judge(facts: IntegrationFacts, measures: Measures) -> Status:
    """The first rule that holds; healthy since the last mended thing, or since activation."""
    for rule in RULES:
        found = rule(facts, measures)
        if found is not None:
            return found
    mended = [row.closed_at for row in facts.quarantine if row.closed_at]
    return Status("healthy", max([facts.activated_at, *mended]), "healthy", {})
