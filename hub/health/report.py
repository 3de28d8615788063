"""The health report: one judged value per integration, rendered as JSON, text or one self-contained HTML page.

The same numbers go to every reader; only the words differ. ``documents.md`` of the manual shows an example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.health.facts import IntegrationFacts
from hub.health.measures import Measure, measure
from hub.health.status import Status, judge
from hub.health.words import MEASURES, REASONS, say
from hub.model.clock import SECOND, iso


@dataclass(frozen=True, slots=True)
class Health:
    """One integration, judged."""

    facts: IntegrationFacts
    measures: dict[str, Measure]
    status: Status

    def reason(self, language: str) -> str:
        return say(REASONS[self.status.reason], language).format(**self.status.detail)


def assess(facts: IntegrationFacts) -> Health:
    """Measure and judge one integration."""
    measures = measure(facts)
    return Health(facts, measures, judge(facts, measures))


def as_json(healths: Sequence[Health]) -> dict[str, Any]:
    """The machine contract of design §9.1, with the reason and the balance beside it."""
    return {"integrations": [_integration(health) for health in healths]}


def _integration(health: Health) -> dict[str, Any]:
    return {
        "name": health.facts.name,
        "status": health.status.name,
        "since": iso(health.status.since),
        "as_of": iso(health.facts.now),
        "reason": {"zh": health.reason("zh"), "en": health.reason("en")},
        "measures": {name: _measure(found) for name, found in health.measures.items()},
    }


def _measure(found: Measure) -> dict[str, Any]:
    words = MEASURES[found.name]
    result: dict[str, Any] = {
        "value": found.value,
        "unit": found.unit,
        "n": found.n,
        "window": found.window // SECOND,
        "low": found.low,
        "high": found.high,
        "target": found.target,
        "good": found.good,
        "formula": words.formula["en"],
    }
    if found.amounts is not None:
        result["amounts"] = {currency: format(amount, "f") for currency, amount in found.amounts.items()}
    return result
