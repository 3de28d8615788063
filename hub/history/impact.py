"""``hub mapping impact``: run two versions over the recorded history and say what would differ.

Two passes. The first maps every record under both versions, without state (``probe``), on all cores; it notes which
objects differ and which names tie objects together. The second runs only those objects, and all that is tied to them,
again under each version with the engine's own prepare, conclude and facts (``rerun``), group by group, and compares
where they end (``compare``). What is not run again maps alike and decides alike, so it ends alike. Memory stays flat:
positions and ties are on disk, a group is forgotten once it is compared.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import tempfile
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hub.history.compare import compare
from hub.history.counted import Tally
from hub.history.pairs import Pairs
from hub.history.probe import Probe, object_text
from hub.history.rerun import Rerun
from hub.history.ties import Groups, Ties, node
from hub.model.clock import Micros
from hub.model.delivery import Delivery
from hub.model.record import Decoded, Record

RANGE = 4_000
"""Deliveries one task of the first pass looks at."""
GROUP = 1_000
"""Deliveries one task of the second pass runs again; a tied group is never split."""
ALONE_MAX = 6_000
"""Below this a second process costs more than it saves."""


class Past(Protocol):
    """The recorded deliveries."""

    def read(self, after: int, limit: int) -> Sequence[Delivery]: ...
    def get(self, position: int) -> Delivery | None: ...
    def end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """What one process needs: both versions, the history, a decode per connection."""

    pairs: Pairs
    log: Past
    decode: Callable[[Delivery], Decoded]
    since: Micros = 0


Make = Callable[[], AbstractContextManager[Stage]]
"""Opens a stage; picklable, because every process opens its own."""


@dataclass(slots=True)
class Impact:
    """The answer: the counts, and what the run itself cost."""

    tally: Tally
    seconds: float
    jobs: int
    objects: int = 0
    """Source objects that were run again."""
    timings: dict[str, float] = field(default_factory=dict)


Advance = Callable[[str, int, int], None]
"""(pass, done, total) -> somebody shows progress."""


def quiet(stage: str, done: int, total: int) -> None:
    """Show nothing."""


def impact(make: Make, *, jobs: int = 0, advance: Advance = quiet) -> Impact:
    """Run both passes. ``jobs`` 0: as many processes as there are cores, one for a short history."""
    began = time.perf_counter()
    with make() as stage, tempfile.TemporaryDirectory(prefix="hub-impact-") as folder:
        end = stage.log.end()
        jobs = jobs or (1 if end <= ALONE_MAX else os.cpu_count() or 1)
        with _crew(jobs, make, stage, folder) as crew:
            tally = Tally()
            ranges = [(start, min(start + RANGE, end)) for start in range(0, end, RANGE)]
            for done, part in enumerate(crew.map(_probe, ranges)):
                tally.join(part)
                advance("map", ranges[done][1], end)
            mapped = time.perf_counter()
            objects = _second(crew, Path(folder), tally, advance)
    ended = time.perf_counter()
    return Impact(tally, ended - began, jobs, objects, {"map": mapped - began, "run": ended - mapped})


def _second(crew: _Crew, folder: Path, tally: Tally, advance: Advance) -> int:
    crew.finish_first()
    groups = Groups(sorted(folder.glob("ties-*.db")))
    objects = 0

    def counted() -> Iterator[tuple[array[int], array[int]]]:
        nonlocal objects
        for found, positions in groups.groups(GROUP):
            objects += len(found)
            yield found, positions

    try:
        total = groups.hits
        for part in crew.map(_rerun, counted()):
            tally.join(part)
            advance("run again", min(objects, total), total)
    finally:
        groups.close()
    return objects


# --- one process's work

_here: dict[str, Any] = {}
"""What this process has open: its stage and its ties. Set once when the process starts."""


def _open(make: Make, folder: str) -> None:
    manager = make()
    _begin(manager.__enter__(), folder)
    _here["manager"] = manager
    _collect_by_hand()


def _collect_by_hand() -> None:
    """Nothing here makes cycles that outlive a task: collected between tasks, never while records are mapped."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _begin(stage: Stage, folder: str) -> None:
    _here["stage"] = stage
    _here["ties"] = Ties(Path(folder) / f"ties-{os.getpid()}.db")
    _here["probe"] = Probe(stage.pairs, stage.decode, _here["ties"])


def _probe(span: tuple[int, int]) -> Tally:
    after, upto = span
    stage: Stage = _here["stage"]
    tally = Tally()
    while after < upto:
        batch = [one for one in stage.log.read(after, min(500, upto - after)) if one.position <= upto]
        if not batch:
            break
        after = batch[-1].position
        tally.join(_here["probe"].run(one for one in batch if one.received_at >= stage.since))
    gc.collect(0)
    return tally


def _rerun(group: tuple[array[int], array[int]]) -> Tally:
    stage: Stage = _here["stage"]
    objects = frozenset(group[0])
    found = (stage.log.get(position) for position in group[1])
    deliveries = [one for one in found if one is not None]

    def wanted(delivery: Delivery, record: Record) -> bool:
        return node(object_text(delivery.connection, record)) in objects

    decoded: dict[int, Decoded] = {}

    def decode(delivery: Delivery) -> Decoded:
        if delivery.position not in decoded:
            decoded[delivery.position] = stage.decode(delivery)
        return decoded[delivery.position]

    tally = Tally(rerun_deliveries=len(deliveries))
    before = Rerun(stage.pairs.before, decode, wanted).run(deliveries)
    after = Rerun(stage.pairs.after, decode, wanted).run(deliveries)
    compare(stage.pairs, before, after, tally)
    gc.collect(0)
    return tally


# --- who does it


class _Crew(Protocol):
    def map(self, work: Callable[[Any], Tally], over: Iterable[Any]) -> Iterator[Tally]: ...
    def finish_first(self) -> None: ...


class _Alone:
    """This process does it all."""

    def __init__(self, stage: Stage, folder: str) -> None:
        self._stage, self._folder = stage, folder

    def __enter__(self) -> _Alone:
        _begin(self._stage, self._folder)
        self._collected = gc.isenabled()
        _collect_by_hand()
        return self

    def __exit__(self, *_: object) -> None:
        _here.clear()
        if self._collected:
            gc.unfreeze()
            gc.enable()

    def map(self, work: Callable[[Any], Tally], over: Iterable[Any]) -> Iterator[Tally]:
        return (work(one) for one in over)

    def finish_first(self) -> None:
        _here["ties"].close()


class _Pool:
    """Several processes; never more than a few tasks ahead, so what waits stays small."""

    def __init__(self, jobs: int, make: Make, folder: str) -> None:
        self._jobs = jobs
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_open, initargs=(make, folder))

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def map(self, work: Callable[[Any], Tally], over: Iterable[Any]) -> Iterator[Tally]:
        running: deque[Future[Tally]] = deque()
        for one in over:
            running.append(self._pool.submit(work, one))
            if len(running) > 2 * self._jobs:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()

    def finish_first(self) -> None:
        """Every task has committed its ties; each process keeps its file open and writes no more."""


def _crew(jobs: int, make: Make, stage: Stage, folder: str) -> Any:
    return _Alone(stage, folder) if jobs == 1 else _Pool(jobs, make, folder)
