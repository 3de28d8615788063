"""Settle deliveries in one transaction: conclude, write, move the checkpoint. All of it, or nothing.

Both hosts do it here, from the log's own table or from a topic's partition: what differs is a ``Cut``. What fails
as a whole is halved until the one delivery is found that cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

from hub.engine.conclude import conclude
from hub.engine.prepare import Prepared, Work, prepare
from hub.engine.transaction import TRIES, decide_in
from hub.errors import HubError
from hub.mapping.catalog import Catalog
from hub.model.changes import Touched
from hub.model.clock import Clock
from hub.model.delivery import Delivery
from hub.model.record import Decoded, Rejected
from hub.store.failures import LOST_RACE, OPERATIONAL
from hub.store.port import CheckpointMoved, Store, Transaction

Decoder = Callable[[Mapping[str, str], bytes], Decoded]


class ActivationMoved(Exception):
    """Another mapping version went live while a batch was being concluded: map it again under that one."""


class Cut(Protocol):
    """Deliveries that are settled together: the checkpoint of ``consumer`` moves from ``before`` to ``after``."""

    @property
    def consumer(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def before(self) -> int: ...
    @property
    def after(self) -> int: ...
    @property
    def deliveries(self) -> Sequence[Delivery]: ...

    def halves(self) -> tuple[Self, Self] | None:
        """The same in two; None where there is one delivery."""
        ...

    def land(self, transaction: Transaction) -> None:
        """Put the deliveries into the store, where they are not there already."""
        ...

    async def anew(self) -> Self:
        """After a lost race: the same deliveries as committed state knows them now."""
        ...


def always(transaction: Transaction) -> bool:
    return True


class Settling:
    """``catalog_of`` gives the catalog of the moment, ``decoders`` a decode per connection."""

    def __init__(
        self,
        store: Store,
        catalog_of: Callable[[], Catalog],
        decoders: Mapping[str, Decoder],
        clock: Clock,
        stands: Callable[[Transaction], bool] = always,
    ) -> None:
        """``stands`` says inside a batch's transaction whether the catalog is still the one in force."""
        self._store, self._clock = store, clock
        self.catalog_of, self._decoders, self._stands = catalog_of, decoders, stands

    def prepare(self, deliveries: Sequence[Delivery], catalog: Catalog) -> Prepared:
        return prepare(deliveries, catalog, self.decode)

    def decode(self, delivery: Delivery) -> Decoded:
        """The records of a delivery, by its connection's decode."""
        decoder = self._decoders.get(delivery.connection)
        if decoder is None:
            words = f"hub.yaml has no connection {delivery.connection}"
            return Decoded(rejected=Rejected("unknown-connection", words))
        return decoder(delivery.headers, delivery.body)

    async def settle(self, cut: Cut, prepared: Prepared, catalog: Catalog) -> None:
        """Write one cut. Raises ``CheckpointMoved``, ``ActivationMoved`` and what the database says, with nothing
        written that the checkpoint does not say; a bug in one delivery sets that one aside."""
        try:
            await self._raced(cut, prepared, catalog)
        except (HubError, *OPERATIONAL, CheckpointMoved, ActivationMoved):
            raise
        except Exception as bug:
            halves = cut.halves()
            if halves is None:
                if isinstance(bug, LOST_RACE):
                    raise
                await self._set_aside(cut, bug, catalog)
                return
            for half in halves:
                await self.settle(half, self.prepare(half.deliveries, catalog), catalog)

    async def _raced(self, cut: Cut, prepared: Prepared, catalog: Catalog) -> None:
        """Run the transaction; after a lost race again, on what is known by then."""
        for _ in range(TRIES - 1):
            try:
                return await self._written(cut, prepared, catalog)
            except LOST_RACE:
                fresh = await cut.anew()
                if fresh is not cut:
                    cut, prepared = fresh, self.prepare(fresh.deliveries, catalog)
        return await self._written(cut, prepared, catalog)

    async def _set_aside(self, cut: Cut, bug: Exception, catalog: Catalog) -> None:
        """A delivery that cannot be written at all: its outcome is a quarantine with the exception."""
        rejected = Rejected("exception", f"{type(bug).__name__}: {bug}")
        works = [Work(delivery, alone=[(0, "quarantined", rejected)]) for delivery in cut.deliveries]
        await self._written(cut, Prepared(works, Touched()), catalog)

    async def _written(self, cut: Cut, prepared: Prepared, catalog: Catalog) -> None:
        await self._store.write(lambda transaction: self._write(transaction, cut, prepared, catalog))

    def _write(self, transaction: Transaction, cut: Cut, prepared: Prepared, catalog: Catalog) -> None:
        """The one transaction: load, conclude, write, move the checkpoint. All of it, or nothing."""
        if not self._stands(transaction):
            raise ActivationMoved
        now = self._clock.now()
        changes = decide_in(transaction, prepared.touched, lambda view: conclude(prepared, view, now, catalog))
        cut.land(transaction)
        transaction.write(changes, now)
        transaction.advance(cut.consumer, cut.partition, cut.before, cut.after, changes.expected)
