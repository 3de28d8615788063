"""The log on Kafka: a delivery counts as kept once all in-sync replicas have it, or once it is in the local spool.

Each connection goes straight to the brokers until they are slow to answer or refuse; then everything under way and
everything after it goes through the spool, in order, until the spool is empty again (``Connection``). Reading is
from the store: the engine lands deliveries there when it concludes them, and finds duplicates doing so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

from hub.errors import RetryableError
from hub.log.connection import Connection
from hub.log.port import Appended, Arrival
from hub.log.producing import Producing
from hub.log.reserve import Reserve
from hub.log.spooling import Spooling
from hub.log.stored import StoredDeliveries
from hub.log.topics import Topics
from hub.log.wire import Wire, encode
from hub.model.boundary import boundary
from hub.store.port import Store

PATIENCE_SECONDS = 1.0
"""How long the brokers may take before the delivery goes into the spool: senders give up after some seconds."""
ADOPT_SECONDS = 5.0
CLOSE_SECONDS = 3.0
"""What a process that ends gives its spool to empty itself; the next one sends the rest."""
UNPLACED = Appended(-1, "")

logger = structlog.get_logger()
Route = Callable[[str, Mapping[str, str], bytes], str]
"""(connection, headers, body) -> the object's key"""


class KafkaLog(StoredDeliveries):
    """Implements ``hub.log.port.Log``. Reaches for brokers and spool with the first ``append``."""

    def __init__(
        self,
        store: Store,
        producing: Callable[[], Producing],
        topics: Topics,
        route: Route,
        folder: Path,
        reserve: Reserve,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """``folder``: where spools live. ``producing`` is called in the event loop that appends."""
        super().__init__(store)
        self._make, self._topics, self._route = producing, topics, route
        self._folder, self._reserve, self._patience = folder, reserve, patience
        self._connections: dict[str, Connection] = {}
        self._producing: Producing | None = None
        self._spooling: Spooling | None = None
        self._adopting: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        self.start()
        wires: dict[str, list[Wire]] = {}
        for one in arrivals:
            wires.setdefault(one.connection, []).append(
                encode(one, self._route(one.connection, one.headers, one.body))
            )
        boundary("B3")
        if len(wires) == 1:
            ((name, only),) = wires.items()
            await self._connection(name).add(only)
        else:
            await asyncio.gather(*(self._connection(name).add(some) for name, some in wires.items()))
        boundary("B4")
        return [UNPLACED] * len(arrivals)

    def start(self) -> None:
        """Open the spool and go on where the last process ended. Later calls do nothing."""
        if self._closed:
            raise RetryableError("the log is closed", why="the hub is stopping")
        if self._spooling is not None:
            return
        self._producing, self._spooling = self._make(), Spooling(self._folder, self._reserve)
        for name in self._spooling.left():
            self._connection(name).fall_behind()
        self._adopting = asyncio.create_task(self._adopt())

    def waiting(self) -> Mapping[str, bool]:
        """Connection -> whether it is behind its spool now."""
        return {name: one.behind for name, one in self._connections.items()}

    async def close(self) -> None:
        """What is under way is answered, one way or the other; what is spooled stays for the next process."""
        closed, self._closed = self._closed, True
        if closed or self._spooling is None or self._producing is None:
            return
        if self._adopting is not None:
            self._adopting.cancel()
        unanswered = [answer for one in self._connections.values() for answer in one.unanswered()]
        if unanswered:
            await asyncio.wait(unanswered, timeout=self._patience + CLOSE_SECONDS)
        if drains := [one.draining for one in self._connections.values() if one.draining is not None]:
            await asyncio.wait(drains, timeout=CLOSE_SECONDS)
        await asyncio.gather(*(one.close() for one in self._connections.values()))
        await self._producing.close()
        await self._spooling.close()

    def _wire(self, one: Arrival) -> Wire:
        return encode(one, self._route(one.connection, one.headers, one.body))

    def _connection(self, name: str) -> Connection:
        found = self._connections.get(name)
        if found is None:
            assert self._producing is not None
            assert self._spooling is not None
            topic = self._topics.delivery(name)
            found = Connection(name, topic, self._producing, self._spooling, self._patience)
            self._connections[name] = found
        return found

    async def _adopt(self) -> None:
        """What other processes left on this machine is sent by us."""
        assert self._spooling is not None
        while True:
            try:
                for name in await self._spooling.adopt():
                    self._connection(name).fall_behind()
            except RetryableError as error:
                logger.warning("spool", action="spool.adopt", reason=error.what)
            await asyncio.sleep(ADOPT_SECONDS)
