"""The deliveries of one connection on their way: straight to the brokers, or behind what is spooled (design §8).

Straight: each caller waits for the brokers' acknowledgement. Is one not there within ``patience``, or refused, all
that is under way is written to the spool as well, in order, and answered; from then on everything goes into the
spool. The producer keeps trying what it has; what it gets through is taken out of the spool again, and only then
is the rest sent, oldest first. So nothing overtakes, and nothing is sent twice while this process lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from hub.errors import RetryableError
from hub.log.producing import Place, Producing
from hub.log.spooling import Spooling
from hub.log.wire import Wire

RETRY_SECONDS = 1.0
"""Between two attempts to send what is spooled, where the brokers refuse it."""

logger = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Call:
    """What one caller wants kept. ``left``: records without an acknowledgement."""

    wires: Sequence[Wire]
    since: float
    answer: asyncio.Future[None]
    left: int
    sent: Sequence[asyncio.Future[Place]] = ()


class Connection:
    """``add`` returns once the records are durable, in Kafka or in the spool."""

    def __init__(self, name: str, topic: str, producing: Producing, spooling: Spooling, patience: float) -> None:
        self._name, self._topic = name, topic
        self._producing, self._spooling, self._patience = producing, spooling, patience
        self.behind = False
        self._calls: dict[Call, None] = {}
        self._moving: Sequence[Call] = ()
        """Under way when the connection fell behind, and not yet in the spool."""
        self._adding = 0
        self._turn: asyncio.Future[None] | None = None
        """Resolved when the last spooled records are through, or will not be soon: newcomers wait for it."""
        self._told = False
        self._alarm: asyncio.TimerHandle | None = None
        self.draining: asyncio.Task[None] | None = None
        """Works while the connection is behind its spool, and ends when it is straight again."""

    async def add(self, wires: Sequence[Wire]) -> None:
        """Keep them. Raises ``RetryableError`` when neither brokers nor disk take them."""
        while self._turn is not None:
            await asyncio.shield(self._turn)  # bounded: see _drained
        if self.behind:
            await self._spool(wires)
        else:
            await self._straight(wires)

    def fall_behind(self) -> None:
        """From now on through the spool: it holds records of this connection, or the brokers are away."""
        if self.behind:
            return
        self.behind = True
        calls, self._calls = list(self._calls), {}
        self._moving = calls
        logger.warning("behind the spool", action="spool.behind", connection=self._name, calls=len(calls))
        self.draining = asyncio.create_task(self._catch_up(calls, self._written(calls)))

    def unanswered(self) -> list[asyncio.Future[None]]:
        return [call.answer for call in (*self._moving, *self._calls)]

    async def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self.draining is not None:
            self.draining.cancel()
            await asyncio.wait([self.draining])

    async def _spool(self, wires: Sequence[Wire]) -> None:
        kept = self._spooling.add(self._name, wires)
        self._adding += 1
        kept.add_done_callback(self._added)
        await asyncio.shield(kept)  # a caller that leaves does not stop the flush

    def _added(self, kept: asyncio.Future[list[int]]) -> None:
        self._adding -= 1

    async def _straight(self, wires: Sequence[Wire]) -> None:
        loop = asyncio.get_running_loop()
        call = Call(wires, loop.time(), loop.create_future(), len(wires))
        self._calls[call] = None
        if self._alarm is None:
            self._alarm = loop.call_later(self._patience, self._look)
        call.sent = [self._producing.put(self._topic, wire) for wire in wires]
        for future in call.sent:
            future.add_done_callback(lambda done, call=call: self._arrived(call, done))  # type: ignore[misc]
        await call.answer

    def _arrived(self, call: Call, done: asyncio.Future[Place]) -> None:
        if call not in self._calls:
            return  # it is in the spool by now; catching up takes it out
        if done.cancelled() or done.exception() is not None:
            self.fall_behind()
            return
        call.left -= 1
        if not call.left:
            del self._calls[call]
            if not call.answer.done():
                call.answer.set_result(None)

    def _look(self) -> None:
        """Whether the oldest call has waited too long; at most one timer, however many calls."""
        self._alarm = None
        oldest = next(iter(self._calls), None)
        if oldest is None:
            return
        loop = asyncio.get_running_loop()
        due = oldest.since + self._patience
        if due <= loop.time():
            self.fall_behind()
        else:
            self._alarm = loop.call_at(due, self._look)

    def _written(self, calls: Sequence[Call]) -> asyncio.Future[list[int]] | RetryableError:
        """Queue what is under way for the spool at once, before anybody else can queue something."""
        try:
            return self._spooling.add(self._name, [wire for call in calls for wire in call.wires])
        except RetryableError as error:
            return error

    async def _catch_up(self, calls: Sequence[Call], written: asyncio.Future[list[int]] | RetryableError) -> None:
        """First what was under way, then the spool until it is empty."""
        ids = await _answered(calls, written)
        self._moving = ()
        sent = await asyncio.gather(*(one for call in calls for one in call.sent), return_exceptions=True)
        await self._remove([number for number, place in zip(ids, sent, strict=False) if isinstance(place, Place)])
        try:
            while not await self._drained():
                pass
        finally:
            self._turned()
        logger.info("spool is empty", action="spool.empty", connection=self._name)

    async def _drained(self) -> bool:
        """Send what is oldest. True, and straight again, when nothing is left and nobody is adding."""
        try:
            kept, more = await self._spooling.take(self._name)
        except RetryableError as error:
            await self._again(error)
            return False
        if not kept and not self._adding:
            self.behind = self._told = False
            return True
        if not more and self._turn is None:
            self._turn = asyncio.get_running_loop().create_future()
        sent = [self._producing.put(self._topic, one.wire) for one in kept]
        if sent and (await asyncio.wait(sent, timeout=self._patience))[1]:
            self._turned()  # the brokers are slow: newcomers go into the spool
        places = await asyncio.gather(*sent, return_exceptions=True)
        await self._remove([one.id for one, place in zip(kept, places, strict=True) if isinstance(place, Place)])
        failed = [place for place in places if isinstance(place, BaseException)]
        if failed:
            await self._again(failed[0])
        return False

    async def _again(self, error: BaseException) -> None:
        """Newcomers do not wait for what takes long: they go into the spool."""
        if not isinstance(error, (RetryableError, asyncio.CancelledError)):
            raise error
        self._turned()
        if not self._told:
            logger.warning("spool waits", action="spool.waits", connection=self._name, reason=str(error))
        self._told = True
        await asyncio.sleep(RETRY_SECONDS)

    async def _remove(self, ids: Sequence[int]) -> None:
        """Out of the spool. Where the disk refuses even that, they are sent again later: at least once."""
        if not ids:
            return
        try:
            await self._spooling.remove(ids)
        except RetryableError as error:
            logger.warning("spool", action="spool.remove", connection=self._name, reason=error.what)
            await asyncio.sleep(RETRY_SECONDS)

    def _turned(self) -> None:
        if self._turn is not None:
            self._turn.set_result(None)
            self._turn = None


async def _answered(calls: Sequence[Call], written: asyncio.Future[list[int]] | RetryableError) -> list[int]:
    """Tell the callers; gives the ids of what was kept. Not kept: the source sends again, maybe what arrived."""
    try:
        if isinstance(written, RetryableError):
            raise written
        ids = await written
    except RetryableError as error:
        for call in calls:
            if not call.answer.done():
                call.answer.set_exception(error)
                call.answer.exception()
        return []
    for call in calls:
        if not call.answer.done():
            call.answer.set_result(None)
    return ids
