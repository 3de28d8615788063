"""One engine step: read the next deliveries after the checkpoint, prepare, and settle them in one transaction.

While one batch is being committed the next is prepared. The checkpoint moves in the same transaction, by
compare-and-set: whatever dies, nothing is skipped and nothing is concluded twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from hub.engine.prepare import Prepared
from hub.engine.settling import Decoder, Settling, always
from hub.engine.transaction import TRIES
from hub.log.port import Log
from hub.mapping.catalog import Catalog
from hub.model.boundary import boundary
from hub.model.clock import Clock
from hub.model.delivery import Delivery
from hub.store.port import CheckpointMoved, Store, Transaction

CONSUMER = "engine"
PARTITION = 0


@dataclass(frozen=True, slots=True)
class LogCut:
    """Deliveries of the log's table: they are in the store already. Implements ``Cut``."""

    before: int
    deliveries: Sequence[Delivery]
    consumer: str = CONSUMER
    partition: int = PARTITION

    @property
    def after(self) -> int:
        return self.deliveries[-1].position

    def halves(self) -> tuple[LogCut, LogCut] | None:
        if len(self.deliveries) == 1:
            return None
        middle = len(self.deliveries) // 2
        first = LogCut(self.before, self.deliveries[:middle])
        return first, LogCut(first.after, self.deliveries[middle:])

    def land(self, transaction: Transaction) -> None:
        pass

    async def anew(self) -> Self:
        return self


class Engine:
    """The embedded engine: it follows the log's table. ``catalog_of`` and what comes after are ``Settling``'s."""

    def __init__(
        self,
        store: Store,
        log: Log,
        catalog_of: Callable[[], Catalog],
        decoders: Mapping[str, Decoder],
        clock: Clock,
        stands: Callable[[Transaction], bool] = always,
    ) -> None:
        self._store, self._log = store, log
        self._settling = Settling(store, catalog_of, decoders, clock, stands)
        self.decode = self._settling.decode
        self._at: int | None = None
        self._ahead: tuple[Sequence[Delivery], Prepared, Catalog] | None = None

    @property
    def at(self) -> int:
        """The delivery this engine rests at; below all of them while it has not looked yet."""
        return -1 if self._at is None else self._at

    async def step(self, limit: int = 500) -> int:
        """Settle the next batch; gives the number of deliveries, 0 when there was none.

        Raises ``ActivationMoved`` with nothing written when the catalog is not in force any more.
        """
        for _ in range(TRIES - 1):
            try:
                return await self._step(limit)
            except CheckpointMoved:
                continue  # somebody else settled these: go on from where the checkpoint stands now
        return await self._step(limit)

    async def _step(self, limit: int) -> int:
        if self._at is None:
            self._at = await self._store.write(lambda transaction: transaction.checkpoint(CONSUMER, PARTITION))
        catalog = self._settling.catalog_of()
        batch, prepared = self._next(self._at, limit, catalog)
        if not batch:
            return 0
        boundary("B7")
        writing = asyncio.ensure_future(self._settling.settle(LogCut(self._at, batch), prepared, catalog))
        await asyncio.sleep(0)  # the writer thread starts; meanwhile:
        self._look_ahead(batch[-1].position, limit, catalog)
        try:
            await writing
        except BaseException:
            self._at = self._ahead = None
            raise
        self._at = batch[-1].position
        return len(batch)

    def _next(self, after: int, limit: int, catalog: Catalog) -> tuple[Sequence[Delivery], Prepared]:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[2] is catalog and ahead[0][0].position > after:
            return ahead[0], ahead[1]
        batch = self._log.read(after, limit)
        return batch, self._settling.prepare(batch, catalog)

    def _look_ahead(self, after: int, limit: int, catalog: Catalog) -> None:
        batch = self._log.read(after, limit)
        if batch:
            self._ahead = batch, self._settling.prepare(batch, catalog), catalog
