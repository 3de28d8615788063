"""Reads the hub itself asks for: a partial first sight, and a loop's money re-read. The answer is a delivery.

A reading stays open until the engine has concluded its answer; one that fails is tried again with back-off,
one whose object is gone, or whose answers cannot be understood, is told to the loop that asked. It must not know
what the answer means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NamedTuple

import structlog

from hub.connector.answers import Found, ReadFailed, Throttled, Unauthorized
from hub.connector.base import Connector, ObjectRef
from hub.errors import RetryableError
from hub.intake.arrivals import arrival
from hub.log.port import Log
from hub.model.changes import Reading
from hub.model.clock import SECOND, Clock, Micros
from hub.model.delivery import Raw

BACKOFF_SECONDS = (2, 5, 15, 60, 300, 900)
AT_ONCE = 8
WRONG_ANSWERS_MAX = 3
"""Answers in a row that did not hold the object asked for, before a person is told: more of them say the same."""

logger = structlog.get_logger()


class Answer(NamedTuple):
    """An answer that was appended; ``position`` is -1 while the log has not placed it."""

    position: int
    connection: str
    cause: str
    received_at: Micros


Place = tuple[str, str, Micros]
"""One asking for an object: asked for anew later it is another."""


def _place(reading: Reading) -> Place:
    return reading.id, reading.cause, reading.since


class Reader:
    """Serves open readings. ``gone`` and ``refused`` tell the engine, ``keep`` writes one back, ``feed`` a twin."""

    def __init__(
        self,
        connectors: Callable[[str], Connector],
        log: Log,
        clock: Clock,
        *,
        feed: Callable[[str], Awaitable[None]],
        gone: Callable[[Reading], Awaitable[None]],
        refused: Callable[[Reading], Awaitable[None]],
        keep: Callable[[Reading], Awaitable[None]],
    ) -> None:
        self._connectors, self._log, self._clock = connectors, log, clock
        self._feed, self._gone, self._refused, self._keep = feed, gone, refused, keep
        self._wrong: dict[Place, int] = {}
        self._answered: dict[Place, Answer] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def serve(self, readings: list[Reading], concluded: Callable[[Answer], bool]) -> int:
        """Read each that is not under way; gives how many answers were appended.

        ``concluded``: whether the engine has gone past an answer.
        """
        answers = ((one, self._answered.get(_place(one))) for one in readings)
        waiting = [one for one, answer in answers if answer is None or concluded(answer)]
        self._forget(readings, concluded)
        for connection in sorted({one.connection for one in waiting}):
            await self._feed(connection)
        return sum(await asyncio.gather(*(self._serve(one) for one in waiting)))

    def _forget(self, readings: list[Reading], concluded: Callable[[Answer], bool]) -> None:
        """Answers that are concluded and whose readings are over: nobody asks for them any more."""
        open_ = {_place(one) for one in readings}
        for place in [at for at, answer in self._answered.items() if at not in open_ and concluded(answer)]:
            del self._answered[place]
            self._wrong.pop(place, None)

    async def _serve(self, reading: Reading) -> bool:
        async with self._slots:
            if self._answered.pop(_place(reading), None) is not None:
                await self._misunderstood(reading)
                return False
            try:
                connector = self._connectors(reading.connection)
                found = await _asked(connector, reading)
            except (ReadFailed, Throttled, Unauthorized, RetryableError) as error:
                await self._again(reading, str(error), getattr(error, "retry_after", None))
                return False
            if found is None or found.body is None:
                await self._gone(reading)
                return False
            await self._append(connector, reading, found)
            return True

    async def _misunderstood(self, reading: Reading) -> None:
        """The answer is concluded and the reading still open: it could not be decoded, or held another object."""
        reason = "the answer did not hold the object that was asked for"
        place = _place(reading)
        self._wrong[place] = self._wrong.get(place, 0) + 1
        if reading.cause and self._wrong[place] >= WRONG_ANSWERS_MAX:
            del self._wrong[place]
            await self._refused(replace(reading, reason=f"{reason}; see hub quarantine list"))
        else:
            await self._again(reading, reason, None)

    async def _append(self, connector: Connector, reading: Reading, found: Found) -> None:
        raw = Raw(found.body or b"", found.headers or {"content-type": "application/json"})
        sent = arrival(connector, raw, self._clock.now(), "read", reading.cause)
        (appended,) = await self._log.append([sent])
        self._answered[_place(reading)] = Answer(
            appended.position, reading.connection, reading.cause, sent.received_at
        )

    async def _again(self, reading: Reading, reason: str, retry_after: float | None) -> None:
        wait = retry_after
        if wait is None:
            wait = BACKOFF_SECONDS[min(reading.attempts, len(BACKOFF_SECONDS) - 1)]
        due: Micros = self._clock.now() + int(min(wait, 3600) * SECOND)
        logger.warning("read failed", action="read.failed", connection=reading.connection, object=reading.id)
        await self._keep(replace(reading, attempts=reading.attempts + 1, due=due, reason=reason))


async def _asked(connector: Connector, reading: Reading) -> Found | None:
    """One read. A bug in the connector is a read that failed, of this object alone (I11)."""
    try:
        return await connector.read(ObjectRef(reading.stream, reading.object))
    except (ReadFailed, Throttled, Unauthorized, RetryableError):
        raise
    except Exception as bug:
        logger.exception("connector failed", action="read.bug", connection=reading.connection, object=reading.id)
        raise ReadFailed(f"the connector raised {type(bug).__name__}") from bug
