"""One engine step: read the next deliveries after the checkpoint, prepare, and settle them in one transaction.

While one batch is being committed the next is prepared. The checkpoint moves in the same transaction, by
compare-and-set: whatever dies, nothing is skipped and nothing is concluded twice.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence

from hub.engine.conclude import conclude
from hub.engine.prepare import Prepared, Work, prepare
from hub.engine.transaction import LOST_RACE, TRIES, again, decide_in
from hub.errors import HubError
from hub.log.port import Log
from hub.mapping.catalog import Catalog
from hub.model.boundary import boundary
from hub.model.changes import Touched
from hub.model.clock import Clock
from hub.model.delivery import Delivery
from hub.model.record import Decoded, Rejected
from hub.store.port import CheckpointMoved, Store, Transaction

CONSUMER = "engine"
PARTITION = 0
Decoder = Callable[[Mapping[str, str], bytes], Decoded]


class ActivationMoved(Exception):
    """Another mapping version went live while a batch was being concluded: map it again under that one."""


def _stands(transaction: Transaction) -> bool:
    return True


class Engine:
    """The embedded engine. ``catalog_of`` gives the catalog of the moment, ``decoders`` a decode per connection."""

    def __init__(
        self,
        store: Store,
        log: Log,
        catalog_of: Callable[[], Catalog],
        decoders: Mapping[str, Decoder],
        clock: Clock,
        stands: Callable[[Transaction], bool] = _stands,
    ) -> None:
        """``stands`` says inside a batch's transaction whether the catalog is still the one in force."""
        self._store, self._log, self._clock = store, log, clock
        self._catalog_of, self._decoders, self._stands = catalog_of, decoders, stands
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
        catalog = self._catalog_of()
        batch, prepared = self._next(self._at, limit, catalog)
        if not batch:
            return 0
        boundary("B7")
        writing = asyncio.ensure_future(self._settle(batch, prepared, catalog))
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
        return batch, prepare(batch, catalog, self.decode)

    def _look_ahead(self, after: int, limit: int, catalog: Catalog) -> None:
        batch = self._log.read(after, limit)
        if batch:
            self._ahead = batch, prepare(batch, catalog, self.decode), catalog

    def decode(self, delivery: Delivery) -> Decoded:
        """The records of a delivery, by its connection's decode."""
        decoder = self._decoders.get(delivery.connection)
        if decoder is None:
            words = f"hub.yaml has no connection {delivery.connection}"
            return Decoded(rejected=Rejected("unknown-connection", words))
        return decoder(delivery.headers, delivery.body)

    async def _settle(self, batch: Sequence[Delivery], prepared: Prepared, catalog: Catalog) -> None:
        """Write one batch. What fails as a whole is halved until the one delivery is found that cannot be written."""
        before = self._before(batch)
        try:
            await again(lambda: self._store.write(lambda t: self._write(t, before, batch, prepared, catalog)))
        except (HubError, sqlite3.OperationalError, CheckpointMoved, ActivationMoved):
            raise
        except Exception as bug:
            if len(batch) == 1:
                if isinstance(bug, LOST_RACE):
                    raise
                await self._set_aside(before, batch[0], bug, catalog)
                return
            self._at = before
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                await self._settle(half, prepare(half, catalog, self.decode), catalog)
                self._at = half[-1].position

    def _before(self, batch: Sequence[Delivery]) -> int:
        return 0 if self._at is None else self._at

    async def _set_aside(self, before: int, delivery: Delivery, bug: Exception, catalog: Catalog) -> None:
        """A delivery that cannot be written at all: its outcome is a quarantine with the exception."""
        rejected = Rejected("exception", f"{type(bug).__name__}: {bug}")
        alone = Prepared([Work(delivery, alone=[(0, "quarantined", rejected)])], Touched())
        await self._store.write(lambda t: self._write(t, before, [delivery], alone, catalog))

    def _write(
        self,
        transaction: Transaction,
        before: int,
        batch: Sequence[Delivery],
        prepared: Prepared,
        catalog: Catalog,
    ) -> None:
        """The one transaction: load, conclude, write, move the checkpoint. All of it, or nothing."""
        if not self._stands(transaction):
            raise ActivationMoved
        now = self._clock.now()
        changes = decide_in(transaction, prepared.touched, lambda view: conclude(prepared, view, now, catalog))
        transaction.write(changes, now)
        transaction.advance(CONSUMER, PARTITION, before, batch[-1].position, changes.expected)
