"""The log in the store's own database: deliveries are appended by the writer thread and read in order.

Hashing and sealing happen in the caller's thread, while the writer flushes somebody else's commit; identity
(duplicate, conflict, n-th equal body) is decided under the write lock (``hub.store.appending``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hub.log.port import Appended, Arrival
from hub.log.reserve import Reserve, disk_space
from hub.log.stored import StoredDeliveries, sealed
from hub.store.appending import Placed
from hub.store.port import Store


class SqlLog(StoredDeliveries):
    """Implements ``hub.log.port.Log``."""

    def __init__(self, store: Store, space: Callable[[str], tuple[int, int]] = disk_space) -> None:
        super().__init__(store)
        self._reserve = Reserve(store.folder, store.clock, space)

    async def append(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        self._reserve.check()
        placed = await self._store.appending([sealed(self._store, arrival) for arrival in arrivals])
        return [_appended(each) for each in placed]

    def append_now(self, arrivals: Sequence[Arrival]) -> Sequence[Appended]:
        """The same, blocking, for callers without an event loop."""
        self._reserve.check()
        placed = self._store.append_now([sealed(self._store, arrival) for arrival in arrivals])
        return [_appended(each) for each in placed]

    async def close(self) -> None:
        """Nothing of its own to let go of."""


def _appended(placed: Placed) -> Appended:
    return Appended(placed.position, placed.ref.hex(), placed.duplicate, placed.conflict)
