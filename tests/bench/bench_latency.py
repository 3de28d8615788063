"""Webhook → request arrives at the ERP, and → read back there, at 200 events/s; every tenth closes a project.

Driven from here into a real ``hub run`` and a real ERP process. The peer is a hand-written service.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hub.cli.run import run_loop
from tests.bench import stage, story
from tests.bench.row import Row

PER_SECOND, SECONDS, CLOSE_EVERY, WARM = 200, 15, 10, 200
CONNECTIONS = 16
FIRST = 20_000
DOCUMENTS = (WARM + PER_SECOND * SECONDS) // CLOSE_EVERY


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as there, tempfile.TemporaryDirectory() as here:
        arrive, confirm = _hub(Path(there))
        peer = _by_hand(Path(here))
    said = f"{PER_SECOND} events/s"
    limit = "hand-written, keeps nothing"
    p50, p99 = _quantiles(peer)
    return [
        Row("latency", f"webhook → ERP request, {said}: p50", _quantiles(arrive)[0], "ms", p50, limit, 6),
        Row("latency", f"webhook → ERP request, {said}: p99", _quantiles(arrive)[1], "ms", p99, limit, 25),
        Row("latency", f"webhook → read back, {said}: p50", _quantiles(confirm)[0], "ms", None, "", 15),
        Row("latency", f"webhook → read back, {said}: p99", _quantiles(confirm)[1], "ms", None, "", 60),
    ]


def requests() -> list[bytes]:
    """Changes of open projects, and every tenth the closing of one that was open."""
    found = []
    for n in range(WARM + PER_SECOND * SECONDS):
        closing = n % CLOSE_EVERY == 0
        found.append(story.request(story.body(FIRST + n if closing else n % 500 + 1_000, n, closed=closing), n))
    return found


def _hub(folder: Path) -> tuple[list[float], list[float]]:
    with stage.erp(folder) as erp, stage.hub(folder, erp) as url:
        due = _send(url)
        _wait(lambda: len(stage.confirmed(folder)), DOCUMENTS)
        arrived, settled = stage.arrivals(erp), stage.confirmed(folder)
    return (
        [(arrived[story.name_of(one)] - at) / 1000 for one, at in due.items()],
        [(settled[str(one)] - at) / 1000 for one, at in due.items()],
    )


def _by_hand(folder: Path) -> list[float]:
    with stage.erp(folder) as erp, stage.by_hand(folder, erp) as url:
        due = _send(url)
        _wait(lambda: len(stage.arrivals(erp)), DOCUMENTS)
        arrived = stage.arrivals(erp)
    return [(arrived[story.name_of(one)] - at) / 1000 for one, at in due.items()]


def _send(url: str) -> dict[int, int]:
    """Closed project -> when its event was due; the first second warms up and is left out."""
    times = run_loop(stage.send(url, requests(), CONNECTIONS, PER_SECOND))
    return {FIRST + n: at for n, at in enumerate(times) if n >= WARM and n % CLOSE_EVERY == 0}


def _wait(count: Callable[[], int], wanted: int) -> None:
    until = time.monotonic() + 30
    while count() < wanted:
        if time.monotonic() > until:
            raise SystemExit(f"{count()} of {wanted} documents after 30 s")
        time.sleep(0.1)


def _quantiles(times: Sequence[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98]
