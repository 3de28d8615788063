"""Many seeds, on one core or several: stop at the first broken invariant, shrink it, say what was seen.

Seeds run in small runs of neighbours; whatever the number of processes, the lowest failing seed is the one reported.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import structlog

from hub.sim.faults import Fault
from hub.sim.report import shrunk
from hub.sim.world import Outcome, run_seed

AT_ONCE = 8
"""Seeds a process runs between two collections of garbage, and hands over together."""


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
        found |= {"faults": dict(sorted(self.faults.items())), "totals": dict(sorted(self.totals.items()))}
        found["broken"] = None
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
    jobs: int = 1,
) -> Swept:
    """Run seeds ``first … first + seeds - 1``, or as many as fit into ``minutes``, in ``jobs`` processes."""
    swept, started = Swept(), time.monotonic()
    for outcome in _outcomes(first, seeds, tuple(kinds), mutant, jobs):
        swept.add(outcome)
        swept.seconds = time.monotonic() - started
        said(swept)
        if outcome.violation is not None:
            _explain(swept, outcome, kinds, mutant, shrink)
            break
        if minutes is not None and swept.seconds > minutes * 60:
            break
    return swept


def _outcomes(first: int, seeds: int, kinds: tuple[str, ...], mutant: str, jobs: int) -> Iterator[Outcome]:
    """In the order of the seeds, whoever ran them."""
    runs = [range(at, min(at + AT_ONCE, first + seeds)) for at in range(first, first + seeds, AT_ONCE)]
    if jobs == 1:
        yield from _here(runs, kinds, mutant)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, _tuned) as pool:
        for outcomes in pool.imap(partial(_run, kinds=kinds, mutant=mutant), runs):
            yield from outcomes


def _here(runs: Sequence[range], kinds: tuple[str, ...], mutant: str) -> Iterator[Outcome]:
    """In this process, whose collector of garbage rests inside a run."""
    collected = gc.isenabled()
    gc.disable()
    try:
        for seed in chain.from_iterable(runs):
            yield run_seed(seed, kinds, mutant=mutant, digested=False)
            if seed % AT_ONCE == 0:
                gc.collect()
    finally:
        if collected:
            gc.enable()


def quiet() -> None:
    """What the hub logs about faults is not news here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _tuned() -> None:
    """In a process of its own: what is loaded now stays."""
    quiet()
    run_seed(0, ())
    gc.collect()
    gc.freeze()
    gc.disable()


def _run(seeds: range, kinds: tuple[str, ...], mutant: str) -> list[Outcome]:
    found = []
    for seed in seeds:
        found.append(run_seed(seed, kinds, mutant=mutant, digested=False))
        if found[-1].violation is not None:
            break
    gc.collect()
    return found


def _explain(swept: Swept, outcome: Outcome, kinds: Sequence[str], mutant: str, shrink: bool) -> None:
    violation = outcome.violation
    assert violation is not None

    def fails(faults: Sequence[Fault]) -> bool:
        again = run_seed(outcome.seed, kinds, faults=faults, mutant=mutant)
        return again.violation is not None and again.violation.name == violation.name

    swept.small = shrunk(outcome.hit, fails) if shrink and fails(outcome.hit) else outcome.faults
    swept.broken = run_seed(outcome.seed, kinds, faults=swept.small, mutant=mutant, timeline=True)
