"""The engine over one partition of a delivery topic: what the broker hands over becomes deliveries, and is settled.

The deliveries' rows are written by the transaction that concludes them and moves the partition's checkpoint, so a
delivery is in the store exactly when it is settled. Who of several equal ones is the first is looked up before, and
left to the tables' unique keys where two partitions meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from hub.engine.prepare import Prepared
from hub.engine.settling import ActivationMoved, Settling
from hub.log.port import Arrival
from hub.log.stored import sealed
from hub.log.topics import Topics
from hub.log.wire import Record, decode
from hub.mapping.catalog import Catalog
from hub.model.boundary import boundary
from hub.model.delivery import Delivery
from hub.store import tables
from hub.store.appending import Placed, Sealed
from hub.store.port import CheckpointMoved, Store, Transaction
from hub.store.statements import select


class Read(Record):
    """What a consumer hands over, with its place in the partition."""

    offset: int


@dataclass(frozen=True, slots=True)
class TopicCut:
    """Records of one partition as arrivals, with what the store knew of each. Implements ``Cut``."""

    store: Store
    consumer: str
    partition: int
    before: int
    after: int
    offsets: Sequence[int]
    arrivals: Sequence[Arrival]
    sealed: Sequence[Sealed]
    placed: Sequence[Placed]
    deliveries: Sequence[Delivery]

    def halves(self) -> tuple[TopicCut, TopicCut] | None:
        if len(self.arrivals) == 1:
            return None
        middle = len(self.arrivals) // 2
        border = self.offsets[middle]
        first, second = slice(None, middle), slice(middle, None)
        return self._part(first, self.before, border), self._part(second, border, self.after)

    def _part(self, some: slice, before: int, after: int) -> TopicCut:
        arrivals, placed = self.arrivals[some], self.placed[some]
        rows = (self.offsets[some], arrivals, self.sealed[some], placed, delivered(arrivals, placed))
        return TopicCut(self.store, self.consumer, self.partition, before, after, *rows)

    def land(self, transaction: Transaction) -> None:
        transaction.land(self.sealed, self.placed)

    async def anew(self) -> TopicCut:
        """Somebody else may have written one of them meanwhile: look again."""
        placed = await asyncio.to_thread(self.store.identify, self.sealed)
        rows = (self.offsets, self.arrivals, self.sealed, placed, delivered(self.arrivals, placed))
        return TopicCut(self.store, self.consumer, self.partition, self.before, self.after, *rows)


def delivered(arrivals: Sequence[Arrival], placed: Sequence[Placed]) -> list[Delivery]:
    """Those that are no duplicates, with their provisional positions."""
    return [
        Delivery(
            *(a.connection, p.ref.hex(), a.body, a.headers, a.received_at, a.origin, a.source_id),
            *(p.conflict, a.cause, p.position),
        )
        for a, p in zip(arrivals, placed, strict=True)
        if not p.duplicate
    ]


class Partitions:
    """Implements the pump's ``Partitions`` on the store: the row of a topic's partition is the truth."""

    def __init__(
        self,
        store: Store,
        topics: Topics,
        settling: Settling,
        refresh: Callable[[], Awaitable[object]],
        settled: Callable[[], None],
    ) -> None:
        """``refresh`` takes over what was activated, asked before each batch; ``settled`` is told after each."""
        self._store, self._topics, self._settling = store, topics, settling
        self._refresh, self._settled = refresh, settled

    async def load(self, topic: str, partition: int) -> int | None:
        return await asyncio.to_thread(self._load, topic, partition)

    def _load(self, topic: str, partition: int) -> int | None:
        with self._store.reader() as db:
            row = db.execute(select(tables.checkpoint, "consumer", "partition"), (topic, partition)).fetchone()
        return None if row is None else int(row[2])

    async def create(self, topic: str, partition: int, offset: int) -> int:
        def work(transaction: Transaction) -> int:
            transaction.create_checkpoint(topic, partition, offset)
            return transaction.checkpoint(topic, partition)

        return await self._store.write(work)

    async def apply(self, topic: str, partition: int, old: int, new: int, records: Sequence[Read]) -> bool:
        """Settle them under what is in force; a version that goes live meanwhile gets the batch again."""
        while True:
            await self._refresh()
            catalog = self._settling.catalog_of()
            cut, prepared = await asyncio.to_thread(self._prepared, topic, partition, old, new, records, catalog)
            boundary("B7")
            try:
                await self._settling.settle(cut, prepared, catalog)
            except CheckpointMoved:
                return False
            except ActivationMoved:
                continue
            boundary("B8")
            self._settled()
            return True

    def _prepared(
        self, topic: str, partition: int, old: int, new: int, records: Sequence[Read], catalog: Catalog
    ) -> tuple[TopicCut, Prepared]:
        """Everything that needs no lock. In a thread: heartbeats go on meanwhile."""
        connection = self._topics.connection_of(topic)
        arrivals = [decode(connection, record) for record in records]
        rows = [sealed(self._store, one) for one in arrivals]
        placed = self._store.identify(rows)
        deliveries = delivered(arrivals, placed)
        offsets = [record.offset for record in records]
        cut = TopicCut(self._store, topic, partition, old, new, offsets, arrivals, rows, placed, deliveries)
        return cut, self._settling.prepare(deliveries, catalog)
