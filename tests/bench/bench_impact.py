"""What running two versions over a recorded history costs: records a second on one core, and memory over the length.

``measure()`` makes a seeded history in a temporary store, runs the impact of one changed value in one process and
checks that exactly the planted records, entities and documents are found. The raw limit is decoding alone.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from hub.bootstrap import open_workspace
from hub.cli.mapping_versions import Opening, decoder
from hub.history.impact import impact
from tests.bench.row import Row
from tests.project_history import history, recorded

DELIVERIES = 50_000
AFFECTED = 200
SHORT = 10_000


def measure(deliveries: int = DELIVERIES, affected: int = AFFECTED) -> dict[str, float]:
    """Records/s of one process over both versions, by the clock and by the processor's (``processor``: neighbours do
    not count); MiB it reached; seconds; records and documents found."""
    with tempfile.TemporaryDirectory() as folder:
        made = history(deliveries, affected)
        root = Path(folder) / "space"
        _, before, after = recorded(root, made)
        wanted = (made.records, len(made.projects), len(made.assets))
        del made
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found = pool.submit(_run, root, before, after).result()
        got = (found["differ"], found["entities"], found["documents"])
        if got != wanted:
            raise AssertionError(f"planted {wanted}, found {got}")
    return found


def _run(root: Path, before: str, after: str) -> dict[str, float]:
    began = time.process_time()
    found = impact(Opening(root, before, after), jobs=1)
    processor, tally = time.process_time() - began, found.tally
    return {
        "records": tally.records,
        "seconds": found.seconds,
        "rate": tally.records / found.seconds,
        "processor": tally.records / processor,
        "decode": _decoding(root),
        "differ": tally.records_differ,
        "entities": sum(tally.entities.values()),
        "documents": sum(group.count for key, group in tally.by_document.items() if key.change == "added"),
        "mebibytes": _peak(),
    }


def _peak() -> float:
    """MiB this process reached; ``ru_maxrss`` would count what its parent held when it was started."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _decoding(root: Path, sample: int = 10_000) -> float:
    """Deliveries read and decoded a second, nothing else."""
    space = open_workspace(root)
    decode = decoder(space)
    began = time.perf_counter()
    after, done = 0, 0
    while done < sample and (batch := space.log.read(after, 500)):
        for delivery in batch:
            decode(delivery)
        after, done = batch[-1].position, done + len(batch)
    seconds = time.perf_counter() - began
    space.store.close()
    return done / seconds


def rows() -> list[Row]:
    short, found = measure(SHORT, 50), measure()
    name = "impact, both versions, one core"
    note = f"{found['mebibytes']:.0f} MiB; {short['mebibytes']:.0f} MiB over {SHORT:,} deliveries"
    return [Row("impact", name, found["rate"], "records/s", found["decode"], "read + decode alone", 15_000, note)]
