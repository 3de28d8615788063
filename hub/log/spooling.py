"""The spool as an event loop sees it: one thread does the work, callers of one moment share a flush."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from hub.log.reserve import Reserve
from hub.log.spool import Kept, Spool, adopt_orphans, claim
from hub.log.wire import Wire
from hub.store.failures import StoreBusy, explained

T = TypeVar("T")
Queued = tuple[str, Sequence[Wire], "asyncio.Future[list[int]]"]


class Spooling:
    """Keeps records in order of ``add``. Raises what ``hub.store.failures`` names."""

    def __init__(self, folder: Path, reserve: Reserve) -> None:
        self._reserve = reserve
        self._spool = _claimed(folder)
        self._thread = ThreadPoolExecutor(1, "hub-spool")
        self._queue: list[Queued] = []
        self._flushing: asyncio.Task[None] | None = None

    def add(self, connection: str, wires: Sequence[Wire]) -> asyncio.Future[list[int]]:
        """Queue them now; the future gives their ids once they are flushed. Raises ``DiskReserve``."""
        self._reserve.check()
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._queue.append((connection, wires, future))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return future

    async def take(self, connection: str) -> tuple[list[Kept], bool]:
        return await self._in_thread(lambda: self._spool.take(connection))

    async def remove(self, ids: Iterable[int]) -> None:
        await self._in_thread(lambda: self._spool.remove(ids))

    async def adopt(self) -> Mapping[str, int]:
        """Take over what dead processes left; gives how many records of each connection came."""
        return await self._in_thread(lambda: adopt_orphans(self._spool))

    def left(self) -> Mapping[str, int]:
        """What the last life of this process left, by connection. Blocks; asked once, at the start."""
        return self._spool.counts()

    async def close(self) -> None:
        if self._flushing is not None:
            await self._flushing
        await self._in_thread(self._spool.close)
        self._thread.shutdown()

    async def _flush(self) -> None:
        while self._queue:
            queue, self._queue = self._queue, []
            rows = [(connection, wire) for connection, wires, _ in queue for wire in wires]
            try:
                ids = await self._in_thread(lambda rows=rows: self._spool.add(rows))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - every caller gets it; nothing was kept
                for _, _, future in queue:
                    if not future.done():
                        future.set_exception(error)
                continue
            _answer(queue, ids)
        self._flushing = None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise explained(error, str(self._spool.path)) from error


def _claimed(folder: Path) -> Spool:
    try:
        return claim(folder)
    except (sqlite3.Error, OSError) as error:
        raise StoreBusy(f"the spool cannot be opened: {error}", where=str(folder)) from error


def _answer(queue: Sequence[Queued], ids: Sequence[int]) -> None:
    first = 0
    for _, wires, future in queue:
        if not future.done():
            future.set_result(list(ids[first : first + len(wires)]))
        first += len(wires)
