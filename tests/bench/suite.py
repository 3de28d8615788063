"""The benches by name, each run in a process of its own, so that none inherits another's heap."""

from __future__ import annotations

import importlib
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.bench.row import Row

BENCHES = (
    *("engine", "apply", "store", "postgres", "embedded", "webhook", "latency", "loop", "check", "impact"),
    "memory",
)


def run(names: Sequence[str]) -> list[Row]:
    """The rows of these benches, one process after the other."""
    rows: list[Row] = []
    for name in names:
        started = time.monotonic()
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            rows += pool.submit(measure, name).result()
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return rows


def measure(name: str) -> list[Row]:
    return list(importlib.import_module(f"tests.bench.bench_{name}").rows())
