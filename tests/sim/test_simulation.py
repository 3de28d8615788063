"""The whole hub under faults: what must hold holds, a seed replays to the byte, planted bugs are caught.

``HUB_SIM_SEEDS`` says how many seeds run here; where it is not set 25, in CI 1,500 or what fits into three minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from random import Random

import pytest

from hub.sim import replay
from hub.sim.faults import KINDS, Fault, chosen, drawn
from hub.sim.mutants import MUTANTS
from hub.sim.report import shrunk
from hub.sim.sweep import sweep
from hub.sim.world import run_seed

WANTED, CI = os.environ.get("HUB_SIM_SEEDS"), bool(os.environ.get("CI"))
SEEDS = int(WANTED or (1500 if CI else 25))
MINUTES = 3.0 if CI and not WANTED else None
CAUGHT = {
    "retry-on-timeout": 10, "ack-before-commit": 40, "send-before-intent": 3, "position-before-outcome": 3,
    "failed-commit-is-done": 10, "newest-version-for-all": 20, "short-memory": 40, "arrival-order-wins": 40,
}  # fmt: skip
"""Planted bug -> the number of seeds within which it must fall here; ``hub sim --mutant NAME`` plants any."""


def test_nothing_breaks_under_all_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """Says how many of the wanted seeds ran, and the pace of this machine; a slow machine runs fewer in CI."""
    swept = sweep(0, SEEDS, KINDS, minutes=MINUTES, jobs=len(os.sched_getaffinity(0)))
    pace = f"{swept.seconds:.0f} s, {swept.seeds / swept.seconds:.1f} a second"
    with capsys.disabled():
        print(f"\n{swept.seeds} of {SEEDS} seeds in {pace}")
    assert swept.broken is None, swept.as_json()["broken"]
    assert swept.totals["lives"] > swept.seeds, "no seed crashed: the faults do not strike"


def test_every_document_is_made_when_nothing_goes_wrong() -> None:
    outcome = run_seed(1, ())
    assert outcome.violation is None
    assert outcome.stats["documents"] > 40


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = run_seed(4, KINDS), run_seed(4, KINDS)
    assert first.hit == second.hit != ()
    assert first.digest == second.digest
    assert first.digest != run_seed(5, KINDS).digest


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    here = run_seed(4, KINDS)
    code = "from hub.sim.faults import KINDS; from hub.sim.world import run_seed; print(run_seed(4, KINDS).digest)"
    for hash_seed in ("1", "4711"):
        environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
        there = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
        assert there.stdout.split()[-1] == here.digest


def test_several_processes_see_what_one_sees() -> None:
    alone, together = sweep(0, 12, KINDS), sweep(0, 12, KINDS, jobs=2)
    assert (alone.faults, alone.totals) == (together.faults, together.totals)
    assert alone.broken is together.broken is None


def test_whoever_finds_it_the_lowest_failing_seed_is_reported() -> None:
    alone = sweep(0, 24, KINDS, mutant="nobody-is-late", shrink=False)
    together = sweep(0, 24, KINDS, mutant="nobody-is-late", shrink=False, jobs=2)
    assert alone.broken is not None
    assert together.broken is not None
    assert together.broken.seed == alone.broken.seed


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_strikes_and_is_survived(kind: str) -> None:
    schedule = drawn(Random(f"all of {kind}"), [kind]) + drawn(Random(f"more of {kind}"), [kind])
    outcome = run_seed(2, KINDS, faults=schedule)
    assert outcome.violation is None
    assert kind == "lag" or {fault.kind for fault in outcome.hit} == {kind}


def test_a_process_dies_again_while_it_recovers() -> None:
    outcome = run_seed(3, KINDS, faults=[Fault("crash-at", "B12", 20, 1, "1,2,5")])
    assert outcome.violation is None
    assert outcome.stats["lives"] == 5


def test_a_fact_left_out_of_the_second_run_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = replay._conclude
    monkeypatch.setattr(replay, "_conclude", lambda store, kept: whole(store, replay.Journal(kept.kept[:-1])))
    outcome = run_seed(0, ())
    assert outcome.violation is not None
    assert outcome.violation.name == "I8"


@pytest.mark.parametrize(("name", "seeds"), CAUGHT.items())
def test_a_planted_bug_is_caught(name: str, seeds: int) -> None:
    swept = sweep(0, seeds, KINDS, mutant=name, shrink=False)
    assert swept.broken is not None
    assert swept.broken.violation is not None
    assert swept.broken.violation.name in MUTANTS[name].breaks


def test_a_schedule_is_shrunk_to_what_the_failure_needs() -> None:
    faults = [Fault("crash", "boundary", number) for number in range(20)]
    needed = {3, 17}
    small = shrunk(faults, lambda left: needed <= {fault.at for fault in left})
    assert {fault.at for fault in small} == needed


def test_faults_are_drawn_from_the_seed_alone() -> None:
    assert drawn(Random("7/faults"), KINDS) == drawn(Random("7/faults"), KINDS)
    assert drawn(Random("7/faults"), ()) == ()


def test_kinds_are_chosen_by_name_group_and_minus() -> None:
    assert chosen("crash, lag") == ("crash", "lag")
    assert set(chosen("all,-clock")) == set(KINDS) - {"clock"}
    with pytest.raises(ValueError, match="rain"):
        chosen("rain")
