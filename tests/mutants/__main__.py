"""``make mutants``: plant every bug, one at a time, and see that its catcher fails. Writes docs/mutants.md.

A bug nobody catches ends the run with exit 1 when all have been tried. ``--only NAME …`` tries those alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hub.sim.faults import KINDS
from hub.sim.mutants import MUTANTS
from hub.sim.sweep import quiet, sweep
from tests.mutants.machine import machine
from tests.mutants.planted import PLANTED, Planted

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "mutants.md"
SEEDS = 2_000


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one planted bug; ``how`` is the catcher and what it said."""

    name: str
    about: str
    kind: str
    how: str
    caught: bool
    seconds: float


def simulated(name: str) -> Tried:
    """Seeds from 0 until an invariant breaks."""
    bug, started = MUTANTS[name], time.monotonic()
    swept = sweep(0, SEEDS, KINDS, mutant=name, shrink=False, jobs=os.cpu_count() or 1)
    broken = swept.broken.violation if swept.broken is not None else None
    how = f"{broken.name} at seed {swept.seeds - 1}" if broken else f"nothing in {SEEDS} seeds"
    caught = broken is not None and broken.name in bug.breaks
    return Tried(name, bug.about, "simulation", how, caught, time.monotonic() - started)


def tested(bug: Planted) -> Tried:
    """The catcher must fail with the bug; that it passes without is seen once for all (``sound``)."""
    started = time.monotonic()
    caught = _ruff(bug, planted=True) != 0 if bug.catcher.startswith("ruff ") else _pytest(bug.name, bug.catcher) == 1
    return Tried(bug.name, bug.about, bug.kind, f"`{bug.catcher}`", caught, time.monotonic() - started)


def sound() -> bool:
    """Without a bug every catcher is content."""
    bugs = PLANTED.values()
    tests = sorted({bug.catcher for bug in bugs if not bug.catcher.startswith("ruff ")})
    linted = all(_ruff(bug, planted=False) == 0 for bug in bugs if bug.catcher.startswith("ruff "))
    return linted and _pytest("", *tests) == 0


def _pytest(bug: str, *tests: str) -> int:
    """Its exit code: 1 is a test that failed, anything above something else that went wrong."""
    environ = {**os.environ, "HUB_PLANTED": bug}
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutants.plant", "-q", "-x", "-p", "no:cacheprovider"]
    return subprocess.run([*command, *tests], cwd=ROOT, env=environ, capture_output=True, check=False).returncode


def _ruff(bug: Planted, *, planted: bool) -> int:
    text = (ROOT / bug.file).read_text("utf-8")
    text = text.replace(bug.old, bug.new) if planted else text
    rule = bug.catcher.removeprefix("ruff ")
    command = [sys.executable, "-m", "ruff", "check", "--select", rule, "--stdin-filename", bug.file, "-"]
    return subprocess.run(command, cwd=ROOT, input=text, text=True, capture_output=True, check=False).returncode


def written(tried: list[Tried]) -> str:
    rows = [
        f"| `{one.name}` | {one.about} | {one.kind} | {one.how} | {'yes' if one.caught else '**NO**'} |"
        for one in tried
    ]
    head = ["| bug | what it does | catcher | how | caught |", "|---|---|---|---|---|"]
    caught = sum(one.caught for one in tried)
    words = f"{caught} of {len(tried)} planted bugs are caught. Written by `make mutants`; do not edit."
    return "\n".join(["# Planted bugs", "", words, "", machine(), "", *head, *rows, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[*PLANTED, *MUTANTS])
    only = parser.parse_args().only
    quiet()
    if not sound():
        print("a catcher fails without any bug: nothing it says would mean anything")
        return 1
    tried: list[Tried] = []
    for name in only:
        tried.append(tested(PLANTED[name]) if name in PLANTED else simulated(name))
        one = tried[-1]
        print(f"{'caught' if one.caught else 'MISSED'}  {one.name}  {one.how}  {one.seconds:.0f} s", flush=True)
    if len(only) == len(PLANTED) + len(MUTANTS):
        REPORT.write_text(written(tried), "utf-8")
    return 0 if all(one.caught for one in tried) else 1


if __name__ == "__main__":
    sys.exit(main())
