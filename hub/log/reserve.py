"""Disk kept free: deliveries are refused while the disk is nearly full, outcomes of effects already sent are not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from hub.model.clock import SECOND, Clock, Micros
from hub.store.failures import DiskReserve

RESERVE_BYTES = 1 << 30
RESERVE_SHARE = 0.05
"""1 GiB or 5 %, whichever is less."""


def disk_space(path: str) -> tuple[int, int]:
    """(free, total) bytes of the disk that holds ``path``."""
    usage = shutil.disk_usage(path)
    return usage.free, usage.total


class Reserve:
    """The disk that holds ``folder``; it is asked at most once a second. None: a disk of another machine, not ours to
    watch."""

    def __init__(
        self, folder: Path | None, clock: Clock, space: Callable[[str], tuple[int, int]] = disk_space
    ) -> None:
        self._folder, self._clock, self._space = folder, clock, space
        self._looked_at: Micros | None = None
        self._full: DiskReserve | None = None

    def check(self) -> None:
        """Raises ``DiskReserve`` while less than the reserve is left."""
        now = self._clock.now()
        if self._looked_at is None or not 0 <= now - self._looked_at < SECOND:
            self._looked_at = now
            self._full = self._reached()
        if self._full is not None:
            raise self._full.with_traceback(None)  # one object for all callers of this second

    def _reached(self) -> DiskReserve | None:
        if self._folder is None:
            return None
        free, total = self._space(str(self._folder))
        reserve = min(RESERVE_BYTES, int(total * RESERVE_SHARE))
        if free >= reserve:
            return None
        return DiskReserve(
            f"the disk has {free >> 20} MiB left, {reserve >> 20} MiB are kept in reserve",
            retry_after=30,
            where=str(self._folder),
            why="the rest is needed to record what became of documents already sent",
            fix="free disk space; the hub accepts deliveries again by itself",
        )
