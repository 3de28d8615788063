"""Pollers: one per connection and polled stream with an interval, on the same path as webhooks.

The cursor is stored only after the page's deliveries are committed: a crash between the two repeats a page, and
what repeats is recognised as a duplicate. It is stored after every page, an empty one too: its time is what
freshness in health means. A failing source is asked again later, further and further apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from hub.connector.answers import ReadFailed, Throttled, Unauthorized
from hub.connector.base import Connector, Page
from hub.errors import RetryableError
from hub.intake.arrivals import arrival
from hub.log.port import Log
from hub.model.clock import SECOND, Clock, Micros

BACKOFF_SECONDS = (5, 30, 120, 600, 1800)
PAGES_MAX = 10_000
"""Pages of one round; a source that always says ``more`` is left for the next round."""

logger = structlog.get_logger()


class Cursors(Protocol):
    """Where the resume tokens are kept."""

    async def get(self, connection: str, stream: str) -> str: ...
    async def put(self, connection: str, stream: str, cursor: str, at: Micros) -> None: ...


@dataclass(slots=True)
class Poller:
    """One stream of one connection. ``due`` is when it asks next; ``problem`` what went wrong last, or empty."""

    connector: Connector
    stream: str
    every: Micros
    due: Micros = 0
    failures: int = 0
    problem: str = ""

    async def round(self, log: Log, cursors: Cursors, clock: Clock, wake: Callable[[], None]) -> int:
        """Read every page there is; gives how many deliveries were new. Sets ``due``."""
        try:
            new = await self._pages(log, cursors, clock, wake)
        except (ReadFailed, Throttled, Unauthorized, RetryableError) as error:
            self._failed(error, clock.now())
            return 0
        self.failures, self.problem, self.due = 0, "", clock.now() + self.every
        return new

    async def _pages(self, log: Log, cursors: Cursors, clock: Clock, wake: Callable[[], None]) -> int:
        connection = self.connector.connection.name
        cursor = await cursors.get(connection, self.stream)
        new = 0
        for _ in range(PAGES_MAX):
            page = await self._page(cursor)
            arrivals = [arrival(self.connector, raw, clock.now(), "poll") for raw in page.deliveries]
            if arrivals:
                appended = await log.append(arrivals)
                new += sum(not one.duplicate for one in appended)
                wake()
            await cursors.put(connection, self.stream, page.cursor, clock.now())
            cursor = page.cursor
            if not page.more:
                break
        return new

    async def _page(self, cursor: str) -> Page:
        """The next page. A bug in the connector is a poll that failed, of this stream alone (I11)."""
        try:
            return await self.connector.poll(self.stream, cursor)
        except (ReadFailed, Throttled, Unauthorized, RetryableError):
            raise
        except Exception as bug:
            name = self.connector.connection.name
            logger.exception("connector failed", action="poll.bug", connection=name, stream=self.stream)
            raise ReadFailed(f"the connector raised {type(bug).__name__}") from bug

    def _failed(self, error: Exception, now: Micros) -> None:
        wait = getattr(error, "retry_after", None)
        if wait is None:
            wait = BACKOFF_SECONDS[min(self.failures, len(BACKOFF_SECONDS) - 1)]
        self.failures += 1
        self.problem = str(error)
        self.due = now + int(min(wait, 3600) * SECOND)
        logger.warning(
            "poll failed", action="poll.failed", connection=self.connector.connection.name, stream=self.stream
        )
