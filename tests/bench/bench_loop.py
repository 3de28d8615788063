"""The whole loop sustained: signed webhooks in, 2 % close a project, until the last document is read back.

As fast as 32 connections of another process deliver; ours is ``hub run``, durable at every step. The peer is a
hand-written service that answers before it has kept anything, and keeps nothing.
"""

from __future__ import annotations

import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from hub.cli.run import run_loop
from tests.bench import stage, story
from tests.bench.row import Row

EVENTS, CLOSE_EVERY, PROJECTS, CONNECTIONS = 12_000, 50, 1_500, 32
FIRST_CLOSED = 50_000
WAIT_SECONDS = 60.0


def rows() -> list[Row]:
    requests = _requests()
    documents = EVENTS // CLOSE_EVERY
    with tempfile.TemporaryDirectory() as there, stage.erp(Path(there)) as erp, stage.hub(Path(there), erp) as url:
        ours = _timed(url, requests, lambda: len(stage.confirmed(Path(there))), documents)
        once = len(stage.arrivals(erp)) == documents
    with tempfile.TemporaryDirectory() as here, stage.erp(Path(here)) as erp, stage.by_hand(Path(here), erp) as url:
        peer = _timed(url, requests, lambda: _done(url), documents)
    name = "whole loop sustained, 2 % close, until the last read-back"
    note = f"{documents} documents" + ("" if once else ", NOT ONE EACH")
    return [Row("loop", name, EVENTS / ours, "events/s", EVENTS / peer, "hand-written, keeps nothing", 3_000, note)]


def _requests() -> list[bytes]:
    found = []
    for n in range(EVENTS):
        closed = n % CLOSE_EVERY == 0
        project = FIRST_CLOSED + n if closed else n % PROJECTS + 1
        found.append(story.request(story.body(project, n, closed=closed), n))
    return found


def _timed(url: str, requests: list[bytes], count: Callable[[], int], wanted: int) -> float:
    """Seconds from the first byte sent to the last document read back."""
    started = time.perf_counter()
    run_loop(stage.send(url, requests, CONNECTIONS))
    until = time.monotonic() + WAIT_SECONDS
    while (found := count()) < wanted:
        if time.monotonic() > until:
            raise SystemExit(f"{found} of {wanted} documents after {WAIT_SECONDS:.0f} s")
        time.sleep(0.05)
    return time.perf_counter() - started


def _done(url: str) -> int:
    with urllib.request.urlopen(f"{url}/done") as answer:
        return int(answer.read())
