"""Measures of one integration: pure functions from facts to figures, each with n, window, interval, formula.

"Not measured" is ``value=None``, never 0 and never green. Shares carry a 95 % Wilson interval (E. B. Wilson, 1927:
the interval stays inside [0, 1] and is honest for small n); formulas are those of ``docs/reliability.md``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

from hub.health.facts import DocumentFact, IntegrationFacts, LoopFact
from hub.model.clock import SECOND, Micros
from hub.model.effect import EffectState
from hub.model.instance import LoopState

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: a two-sided 95 % interval."""
UNKNOWN_PATIENCE: Micros = 15 * 60 * SECOND
"""An effect whose result is unknown longer than this asks for a person (reliability §7)."""
DAY: Micros = 24 * 3600 * SECOND

Number = int | float


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. ``unit``: count, share (0..1), seconds, money; ``amounts`` is only for money.

    ``good`` says whether the target holds: None where there is no target or no measurement.
    """

    name: str
    unit: str
    value: Number | None
    n: int
    window: Micros
    low: float | None = None
    high: float | None = None
    target: Number | None = None
    good: bool | None = None
    amounts: Mapping[str, Decimal] | None = None


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of ``hits`` out of ``n`` (n > 0), as shares."""
    share, z2 = hits / n, Z95 * Z95
    middle = share + z2 / (2 * n)
    spread = Z95 * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low, high = (middle - spread) / (1 + z2 / n), (middle + spread) / (1 + z2 / n)
    return (0.0 if hits == 0 else max(0.0, low)), (1.0 if hits == n else min(1.0, high))


def share(name: str, hits: int, n: int, window: Micros, target: float | None) -> Measure:
    """A share with its interval; no items means not measured."""
    if n == 0:
        return Measure(name, "share", None, 0, window, target=target)
    low, high = wilson(hits, n)
    value = hits / n
    return Measure(name, "share", value, n, window, low, high, target, None if target is None else value >= target)


def count(name: str, value: int, window: Micros, target: int | None = None) -> Measure:
    """A count; a target is an upper bound."""
    return Measure(
        name, "count", value, value, window, target=target, good=None if target is None else value <= target
    )


def seconds(name: str, value: Micros | None, n: int, window: Micros, target: Micros | None) -> Measure:
    """A duration in seconds; a target is an upper bound."""
    if value is None:
        return Measure(name, "seconds", None, n, window, target=None if target is None else target / SECOND)
    good = None if target is None else value <= target
    return Measure(name, "seconds", value / SECOND, n, window, target=target and target / SECOND, good=good)


def _recent(facts: IntegrationFacts) -> tuple[LoopFact, ...]:
    return tuple(
        loop
        for loop in facts.loops
        if loop.state not in (LoopState.HISTORY, LoopState.CANCELLED)
        and (loop.finished_at is None or loop.finished_at > facts.now - facts.window)
    )


def confirmed_documents(facts: IntegrationFacts) -> tuple[DocumentFact, ...]:
    """Business documents (notes such as comments left out) read back equal inside the window."""
    return tuple(
        document
        for document in facts.documents
        if document.state is EffectState.CONFIRMED
        and document.weight != "note"
        and (document.settled_at or 0) > facts.now - facts.window
    )


def totals(documents: Iterable[DocumentFact]) -> Mapping[str, Decimal]:
    """Amounts per currency; documents without an amount add nothing."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for document in documents:
        if document.amount is not None:
            found[document.amount.currency] += document.amount.amount
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of document: how many, and what they add up to (sums over different sorts would mislead)."""

    title: Mapping[str, str]
    count: int
    amounts: Mapping[str, Decimal]


def by_kind(facts: IntegrationFacts) -> list[Kind]:
    """Confirmed documents by what they are, in a fixed order."""
    found: dict[str, list[DocumentFact]] = defaultdict(list)
    for document in confirmed_documents(facts):
        found[document.action].append(document)
    return [Kind(many[0].title, len(many), totals(many)) for _, many in sorted(found.items())]


def documents(facts: IntegrationFacts) -> Measure:
    done = confirmed_documents(facts)
    return Measure("documents", "count", len(done), len(done), facts.window, amounts=totals(done))


def consistency(facts: IntegrationFacts) -> Measure:
    """Read back equal / read back at all. SENT but unreadable stays outside, as design §7 says."""
    equal = sum(document.state is EffectState.CONFIRMED for document in facts.documents)
    unequal = sum(document.state is EffectState.MISMATCH for document in facts.documents)
    return share("consistency", equal, equal + unequal, facts.window, facts.slo_consistent)


def _late(facts: IntegrationFacts, loop: LoopFact, limit: Micros) -> bool:
    return (loop.finished_at or facts.now) - loop.started_at > limit


def on_time(facts: IntegrationFacts) -> Measure:
    """Closings done within the limit / closings done or overdue; open ones still in time are not counted yet."""
    limit = facts.slo_done_within
    if limit is None:
        return Measure("on_time", "share", None, 0, facts.window, target=facts.slo_done_share)
    judged = [loop for loop in _recent(facts) if loop.state is LoopState.DONE or _late(facts, loop, limit)]
    hits = sum(loop.state is LoopState.DONE and not _late(facts, loop, limit) for loop in judged)
    return share("on_time", hits, len(judged), facts.window, facts.slo_done_share)


def steps_in_time(facts: IntegrationFacts) -> Measure:
    """Steps over within their own limit / steps with a limit that are over or overdue."""
    loops = _recent(facts)
    return share(
        "steps_in_time", sum(one.in_time for one in loops), sum(one.limited for one in loops), facts.window, None
    )


AUTOMATION_TARGET = 0.8
"""Reliability §7: at least four of five closings need no hand touch."""


def _stuck(loop: LoopFact) -> bool:
    """Whether a person must mend something; an approval by policy is the process, not a repair."""
    if loop.state is LoopState.NEEDS_PERSON:
        return any(waiting.kind != "approval" for waiting in loop.waiting)
    return loop.state is LoopState.BLOCKED


def automation(facts: IntegrationFacts) -> Measure:
    """Closings done with no hand touch / closings done, stuck on a person, or blocked, and open quarantine."""
    judged = [loop for loop in _recent(facts) if loop.state is LoopState.DONE or _stuck(loop)]
    waiting = sum(row.closed_at is None for row in facts.quarantine)
    hits = sum(loop.state is LoopState.DONE and not loop.touched for loop in judged)
    return share("automation", hits, len(judged) + waiting, facts.window, AUTOMATION_TARGET)


def open_obligations(facts: IntegrationFacts) -> Measure:
    return count("open_obligations", sum(loop.open_obligations for loop in facts.loops), facts.window)


def unaccounted(facts: IntegrationFacts) -> Measure:
    return count("unaccounted", facts.balance.unaccounted, facts.window, target=0)


def quarantine(facts: IntegrationFacts) -> Measure:
    return count("quarantine", sum(row.closed_at is None for row in facts.quarantine), facts.window)


def unknown_effects(facts: IntegrationFacts) -> Measure:
    """Effects whose result is unknown now; the target is none older than 15 minutes."""
    everything = (*facts.documents, *facts.updates)
    since = [d.unknown_since for d in everything if d.state is EffectState.UNKNOWN and d.unknown_since]
    old = sum(facts.now - moment > UNKNOWN_PATIENCE for moment in since)
    return Measure("unknown_effects", "count", len(since), len(since), facts.window, target=0, good=old == 0)


def field_updates(facts: IntegrationFacts) -> Measure:
    """Updates of two-way fields that were read back equal; n: all that were not overtaken by newer values."""
    counted = [one for one in facts.updates if one.state not in (EffectState.SUPERSEDED, EffectState.CANCELLED)]
    done = sum(one.state is EffectState.CONFIRMED for one in counted)
    return Measure("field_updates", "count", done, len(counted), facts.window)


def field_conflicts(facts: IntegrationFacts) -> Measure:
    return count("field_conflicts", facts.conflicts, facts.window)


def freshness(facts: IntegrationFacts) -> Measure:
    """Age of the last contact (delivery or successful poll) of the source heard from least recently."""
    contacts = [max(s.newest_delivery or 0, s.newest_poll or 0) for s in facts.sources]
    oldest = min((moment for moment in contacts if moment), default=None)
    age = None if oldest is None or len(contacts) != sum(map(bool, contacts)) else facts.now - oldest
    return seconds("freshness", age, len(contacts), facts.window, facts.slo_fresh)


def lag(facts: IntegrationFacts) -> Measure:
    """Age of the oldest delivery not concluded yet; 0 when none waits (that is measured, not missing)."""
    waiting = [source.oldest_waiting for source in facts.sources if source.oldest_waiting]
    oldest = min(waiting, default=None)
    return seconds("lag", 0 if oldest is None else facts.now - oldest, len(waiting), facts.window, 5 * 60 * SECOND)


def latency(facts: IntegrationFacts) -> Measure:
    """95th percentile from the start of a closing to its document read back equal."""
    spans = sorted(d.settled_at - d.asked_at for d in confirmed_documents(facts) if d.settled_at)
    value = spans[min(len(spans) - 1, int(len(spans) * 0.95))] if spans else None
    return seconds("latency_p95", value, len(spans), facts.window, facts.slo_done_within)


def not_measured(name: str, unit: str) -> Callable[[IntegrationFacts], Measure]:
    """A measure whose inputs nobody has given: it says so instead of guessing."""
    return lambda facts: Measure(name, unit, None, 0, facts.window)


MEASURES: tuple[Callable[[IntegrationFacts], Measure], ...] = (
    documents,
    consistency,
    on_time,
    steps_in_time,
    automation,
    open_obligations,
    unaccounted,
    quarantine,
    unknown_effects,
    field_updates,
    field_conflicts,
    freshness,
    lag,
    latency,
    not_measured("satisfaction", "share"),
    not_measured("roi", "share"),
)


def measure(facts: IntegrationFacts) -> dict[str, Measure]:
    """Every measure by name, in report order."""
    return {found.name: found for found in (make(facts) for make in MEASURES)}
