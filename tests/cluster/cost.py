"""What a process and its children have cost so far, in CPU seconds: on a shared machine the sounder figure."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of its living children, and of those it has buried."""
    root = psutil.Process(pid)
    found = 0.0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it ended between the list and the question; its parent has its time
            times = process.cpu_times()
            found += times.user + times.system + times.children_user + times.children_system
    return found


@dataclass(frozen=True, slots=True)
class Meter:
    """CPU seconds of named processes since ``start``."""

    pids: Mapping[str, int]
    before: Mapping[str, float]

    @classmethod
    def start(cls, pids: Mapping[str, int]) -> Meter:
        return cls(pids, {name: cpu_seconds(pid) for name, pid in pids.items()})

    def spent(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) - self.before[name] for name, pid in self.pids.items()}

    def micros_each(self, count: int) -> Callable[[str], float]:
        """CPU µs a record, by name of the process."""
        spent = self.spent()
        return lambda name: spent[name] * 1e6 / count


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the machine was there for us since ``now()``: on one that does other things clocks say less."""

    at: float
    busy: float
    ours: float

    @classmethod
    def now(cls) -> Share:
        times = psutil.cpu_times()
        return cls(
            time.monotonic(), sum(times) - times.idle - getattr(times, "iowait", 0.0), cpu_seconds(os.getpid())
        )

    def seconds(self) -> float:
        return time.monotonic() - self.at

    def left(self) -> float:
        """What others left us, 0 to 1."""
        new = Share.now()
        others = max(0.0, (new.busy - self.busy) - (new.ours - self.ours))
        return max(0.05, 1 - others / max(1e-9, (new.at - self.at) * (os.cpu_count() or 1)))
