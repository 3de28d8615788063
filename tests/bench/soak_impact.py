"""``python -m tests.bench.soak_impact [DELIVERIES …]``: the impact of one changed value over long seeded histories.

Exactly the planted records, entities and documents must be found, in flat memory; a length that fails ends the run.
Part of ``make soak``: 200,000 deliveries take about a minute, 1,000,000 about six.
"""

from __future__ import annotations

import sys

from tests.bench.bench_impact import measure

LENGTHS = (200_000, 1_000_000)
AFFECTED = 500
MEBIBYTES_MAX = 300


def main(lengths: tuple[int, ...]) -> int:
    """0 when every length stayed within the memory; a wrong count raises."""
    for length in lengths:
        found = measure(length, AFFECTED)
        planted = (
            f"{found['differ']:.0f} records, {found['entities']:.0f} entities, {found['documents']:.0f} documents"
        )
        rates = f"{found['processor']:,.0f} records a CPU second, {found['rate']:,.0f} by the clock"
        print(f"{length:,} deliveries: exactly the planted {planted}")
        print(f"  {rates}; {found['mebibytes']:.0f} MiB (at most {MEBIBYTES_MAX})", flush=True)
        if found["mebibytes"] > MEBIBYTES_MAX:
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(tuple(map(int, sys.argv[1:])) or LENGTHS))
