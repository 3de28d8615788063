"""A log that is a plain SQLite group commit and nothing else: the limit of a durable webhook on this machine.

One thread takes what is queued, inserts the bodies in one transaction and wakes the callers after the flush. No
identity, no duplicates, no headers, one table with one key: what the hub's own log promises beyond that is its price.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from hub.log.port import Appended, Arrival
from hub.model.delivery import Delivery
from hub.store import hot_sqlite

Waiting = tuple[bytes, "asyncio.Future[int]"]


class PlainLog:
    """As the design page measured it: same pragmas, ``synchronous=FULL``."""

    def __init__(self, path: Path) -> None:
        self._db = hot_sqlite.connect_writer(path)
        self._db.execute("CREATE TABLE body (position INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._db.close()

    async def append(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        answers: list[asyncio.Future[int]] = []
        for arrival in arrivals:
            answers.append(asyncio.get_running_loop().create_future())
            self._queue.put((arrival.body, answers[-1]))
        return [Appended(await answer, "") for answer in answers]

    def read(self, after: int, limit: int) -> Sequence[Delivery]:
        return ()

    def get(self, position: int) -> Delivery | None:
        return None

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            waiting = [first]
            try:
                while (more := self._queue.get_nowait()) is not None:
                    waiting.append(more)
            except Empty:
                pass
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO body (body) VALUES (?)", [(body,) for body, _ in waiting])
            self._db.execute("COMMIT")
            first[1].get_loop().call_soon_threadsafe(_answer, waiting)


def _answer(waiting: Sequence[Waiting]) -> None:
    for _, answer in waiting:
        if not answer.done():
            answer.set_result(1)
