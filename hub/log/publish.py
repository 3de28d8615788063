"""The publisher: what the hub decided goes out to Kafka, in order, at least once.

Events are followed by position under a checkpoint that moves by compare-and-set once the brokers have the whole
page: a publisher that dies in between, or one that still believes it holds the lease, repeats a page with equal ids
and loses none. Set-aside records have no position; what was last told of each is kept beside them (table ``told``).
It runs under the lease ``publish``; it must not know what an event means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import structlog

from hub.log.cloudevents import OF_LOOPS, Message, of_event, of_quarantine
from hub.log.producing import Producing
from hub.log.topics import Topics
from hub.model.changes import Quarantine
from hub.model.clock import SECOND, Micros
from hub.store import tables
from hub.store.port import CheckpointMoved, Store, Transaction
from hub.store.queries.published import Outgoing, outgoing, untold
from hub.store.statements import upsert

CONSUMER, PARTITION = "publish/event", 0
PAGE = 1_000
ASIDE_EVERY: Micros = 5 * SECOND
"""How often set-aside records are looked through."""

logger = structlog.get_logger()


class Publisher:
    """``turn`` publishes what there is. Raises ``RetryableError`` while the brokers do not take it."""

    def __init__(self, store: Store, producing: Producing, topics: Topics, kinds: Collection[str]) -> None:
        """``kinds``: entities that have a topic (and a schema)."""
        self._store, self._producing, self._topics = store, producing, topics
        self._kinds = frozenset(kinds) | OF_LOOPS
        self._strange: set[str] = set()
        self._looked: Micros | None = None

    async def turn(self) -> int:
        """One page of events and, now and then, of set-aside records; gives how many records were published."""
        found = await self._events()
        now = self._store.clock.now()
        if self._looked is None or not 0 <= now - self._looked < ASIDE_EVERY:
            aside = await self._aside()
            if aside < PAGE:
                self._looked = now
            found += aside
        return found

    async def close(self) -> None:
        await self._producing.close()

    async def _events(self) -> int:
        before = self._store.checkpoint(CONSUMER, PARTITION)
        with self._store.read() as db:
            page = outgoing(db, before, PAGE)
        if not page:
            return 0
        messages = [of_event(self._topics, one.event, one.loop) for one in page if self._has_topic(one)]
        await self._send(messages)
        try:
            await self._store.write(lambda t: t.advance(CONSUMER, PARTITION, before, page[-1].event.position, 0))
        except CheckpointMoved:
            logger.info("published by another", action="publish.moved", position=before)
        return len(messages)

    async def _aside(self) -> int:
        with self._store.read() as db:
            rows = untold(db, PAGE)
        if rows:
            await self._send([of_quarantine(self._topics, row) for row in rows])
            await self._store.write(lambda transaction: _tell(transaction, rows))
        return len(rows)

    async def _send(self, messages: Sequence[Message]) -> None:
        """All of them, in order; when one fails the page is sent again later."""
        sent = [self._producing.put(topic, wire) for topic, wire in messages]
        for answer in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer

    def _has_topic(self, one: Outgoing) -> bool:
        """An entity whose schema is gone has no topic: said once, its events stay in the store."""
        kind = one.event.stream.partition("/")[0]
        if kind not in self._kinds and kind not in self._strange:
            self._strange.add(kind)
            logger.warning("no topic", action="publish.unknown", kind=kind)
        return kind in self._kinds


def _tell(transaction: Transaction, rows: Sequence[Quarantine]) -> None:
    told = [(row.id, row.since, row.reason, row.closed_at or 0) for row in rows]
    transaction.db.executemany(upsert(tables.told), told)
