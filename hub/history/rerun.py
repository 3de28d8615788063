"""Run recorded deliveries again under one catalog: the engine's own prepare, conclude and facts, on memory.

Nothing leaves the process. What the outside would have said is assumed, the same way for every version (recorded
answers to reads count where there are any). Time is the deliveries' own; timers fall due between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hub.engine.conclude import conclude
from hub.engine.prepare import Decode, Prepared, Work, prepare
from hub.history.assumed import Assumed
from hub.history.memory import Memory
from hub.mapping.catalog import Catalog
from hub.model.changes import Touched
from hub.model.delivery import Delivery
from hub.model.record import Record

BATCH = 256
Wanted = Callable[[Delivery, Record], bool]


class Rerun(Assumed):
    """One version's run over the deliveries of one group of objects, in the order of their positions."""

    def __init__(self, catalog: Catalog, decode: Decode, wanted: Wanted) -> None:
        super().__init__(catalog, Memory())
        self.decode, self.wanted = decode, wanted

    def run(self, deliveries: Sequence[Delivery]) -> Memory:
        """All of them, then everything that was still due."""
        self._answering = {one.cause for one in deliveries if one.origin == "read" and one.cause}
        for start in range(0, len(deliveries), BATCH):
            for work in prepare(deliveries[start : start + BATCH], self.catalog, self.decode).works:
                self._work(work)
        self._answering = frozenset()
        self._settle()
        self._timers(until=None)
        return self.memory

    def _work(self, work: Work) -> None:
        self._timers(until=work.delivery.received_at)
        self.now = max(self.now, work.delivery.received_at)
        self._narrow(work)
        changes = conclude(Prepared([work], _NOTHING), self.memory, self.now, self.catalog)
        self.memory.take(changes)
        if changes.loops or self.memory.readings:
            self._settle()

    def _narrow(self, work: Work) -> None:
        """Keep the records of the objects in question; the delivery's others run in their own group."""
        if len(work.records) > 1:
            delivery, records = work.delivery, work.records
            work.items = [item for item in work.items if self.wanted(delivery, item.record)]
            work.alone = [
                one for one in work.alone if one[0] < len(records) and self.wanted(delivery, records[one[0]])
            ]


_NOTHING = Touched()
