"""The page that ``make soak-cluster`` writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.bench.row import machine

if TYPE_CHECKING:
    from tests.cluster.soak import Verdict

PAGE = """\
# Soak of the cluster

{rounds} rounds from seed {seed}, written by `make soak-cluster`. {cpu}, {cpus} CPUs for everything; Python {python};
{date}; load average {load}.

{wrong}{late}
{kept:,} deliveries sent straight to the intake, each kept exactly once; {kills} processes killed with SIGKILL;
recovered {median:.0f} s after the last fault in the middle round, {worst:.0f} s in the worst; "share" is what other
programs left of the machine meanwhile.

| what happened | how often |
|---|---|
{faults}

| round | fault | killed | kept | recovered after, s | share | in all, s |
|---|---|---|---|---|---|---|
{table}
"""


def report(verdicts: Sequence[Verdict], seed: int) -> str:
    """The whole page."""
    waits = sorted(one.recovered_seconds for one in verdicts)
    problems = [f"round {one.number + 1}: {what}" for one in verdicts for what in one.problems]
    return PAGE.format(
        **machine(),
        rounds=len(verdicts),
        seed=seed,
        wrong="".join(f"- WRONG: {one}\n" for one in problems) or "0 lost, 0 double, 0 unaccounted, 0 stuck.\n",
        late="".join(f"- LATE: round {one.number + 1} {one.late}\n" for one in verdicts if one.late),
        kept=sum(one.kept for one in verdicts),
        kills=sum(one.kills for one in verdicts),
        median=waits[len(waits) // 2],
        worst=waits[-1],
        faults="\n".join(f"| {name} | {count} |" for name, count in sorted(_happened(verdicts).items())),
        table="\n".join(_row(one) for one in verdicts),
    )


def _happened(verdicts: Sequence[Verdict]) -> Counter[str]:
    """The cluster's faults, and what the hostile systems did."""
    found = Counter({f"fault `{one.fault}`": 0 for one in verdicts})
    for one in verdicts:
        found[f"fault `{one.fault}`"] += 1
        found.update({f"system `{name}`": count for name, count in one.struck.items()})
    return found


def _row(one: Verdict) -> str:
    times = f"{one.recovered_seconds:.0f}", f"{one.share:.0%}", f"{one.seconds:.0f}"
    cells = (one.number + 1, one.fault, one.kills, one.kept, *times)
    return f"| {' | '.join(map(str, cells))} |"
