"""``make soak``: many seeds with every kind of fault, on all cores. Writes docs/soak.md; exit 1 if one breaks.

``--minutes`` ends it early: the report says how many seeds it was. ``--jobs``: one process for each core by default.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from hub.sim.faults import KINDS
from hub.sim.report import words_of
from hub.sim.sweep import Swept, quiet, sweep
from tests.mutants.machine import machine

REPORT = Path(__file__).parents[2] / "docs" / "soak.md"
SEEDS = 20_000


def written(swept: Swept, first: int, wanted: int, jobs: int) -> str:
    found = swept.as_json()
    broken = found["broken"]
    pace = f"{swept.seeds / swept.seconds:.1f} seeds a second in {jobs} process{'es' if jobs > 1 else ''}"
    share = 300 / swept.seeds
    early = f"Ended early: {wanted - swept.seeds:,} of the {wanted:,} seeds were not run."
    lines = [
        "# Soak",
        "",
        f"{swept.seeds:,} of {wanted:,} seeds from {first}, every kind of fault, {pace}. Written by `make soak`.",
        *([early] if swept.seeds < wanted and broken is None else []),
        "",
        machine(),
        "",
        "0 lost, 0 double, 0 unaccounted, 0 stuck."
        if broken is None
        else f"Seed {broken['seed']} breaks {broken['invariant']}: {broken['message']}",
        f"Zero failures in {swept.seeds:,} runs means, at 95 %, a rate below {share:.3f} %."
        if broken is None
        else "",
        "",
        "| what | how often |",
        "|---|---|",
        *(f"| {name} | {number:,} |" for name, number in found["totals"].items()),
        *(f"| fault `{name}` | {number:,} |" for name, number in found["faults"].items()),
        "",
    ]
    return "\n".join(lines)


def _say(swept: Swept) -> None:
    if swept.seeds % 100 == 0:
        print(f"{swept.seeds} seeds, {swept.seconds:.0f} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    quiet()
    swept = sweep(given.first, given.seeds, KINDS, minutes=given.minutes, said=_say, jobs=given.jobs)
    REPORT.write_text(written(swept, given.first, given.seeds, given.jobs), "utf-8")
    if swept.broken is not None:
        print(words_of(swept.broken, swept.small, f"hub sim --first {swept.broken.seed} --seeds 1"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
