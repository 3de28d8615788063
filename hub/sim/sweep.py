"""Many seeds, one after the other: stop at the first broken invariant, shrink it, say what was seen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.sim.faults import Fault
from hub.sim.report import shrunk
from hub.sim.world import Outcome, run_seed


@dataclass(slots=True)
class Swept:
    """What a sweep saw. ``broken`` is the first failing seed, ``small`` its shrunk schedule."""

    seeds: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    broken: Outcome | None = None
    small: tuple[Fault, ...] = ()

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.faults.update(fault.kind for fault in outcome.hit)
        self.totals.update(outcome.stats)

    def as_json(self) -> dict[str, Any]:
        rate = round(self.seeds / self.seconds, 2) if self.seconds else None
        found: dict[str, Any] = {"seeds": self.seeds, "seconds": round(self.seconds, 1), "seeds_per_second": rate}
        found |= {"faults": dict(sorted(self.faults.items())), "totals": dict(self.totals), "broken": None}
        if self.broken is not None and self.broken.violation is not None:
            found["broken"] = {
                "seed": self.broken.seed,
                "invariant": self.broken.violation.name,
                "message": self.broken.violation.words,
                "about": self.broken.violation.about,
                "faults": [str(fault) for fault in self.small],
                "timeline": list(self.broken.timeline),
            }
        return found


def sweep(
    first: int,
    seeds: int,
    kinds: Sequence[str],
    *,
    mutant: str = "",
    minutes: float | None = None,
    shrink: bool = True,
    said: Callable[[Swept], None] = lambda swept: None,
) -> Swept:
    """Run seeds ``first … first + seeds - 1``, or as many as fit into ``minutes``."""
    swept, started = Swept(), time.monotonic()
    for seed in range(first, first + seeds):
        outcome = run_seed(seed, kinds, mutant=mutant)
        swept.add(outcome)
        swept.seconds = time.monotonic() - started
        said(swept)
        if outcome.violation is not None:
            _explain(swept, outcome, kinds, mutant, shrink)
            break
        if minutes is not None and swept.seconds > minutes * 60:
            break
    return swept


def _explain(swept: Swept, outcome: Outcome, kinds: Sequence[str], mutant: str, shrink: bool) -> None:
    violation = outcome.violation
    assert violation is not None

    def fails(faults: Sequence[Fault]) -> bool:
        again = run_seed(outcome.seed, kinds, faults=faults, mutant=mutant)
        return again.violation is not None and again.violation.name == violation.name

    swept.small = shrunk(outcome.hit, fails) if shrink and fails(outcome.hit) else outcome.faults
    swept.broken = run_seed(outcome.seed, kinds, faults=swept.small, mutant=mutant, timeline=True)
