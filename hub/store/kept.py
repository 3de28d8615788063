"""Entities the writer wrote or read last, kept between its transactions: reading one again costs 20 µs.

They hold as long as nobody else writes: SQLite's data version says when another process did, and everything is
forgotten. A transaction that is rolled back leaves nothing here; used in the writer's thread only.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Mapping

from hub.model.entity import Entity

BYTES_MAX = 12 << 20
"""Of encoded states; as objects they take about four times that."""
Place = tuple[str, str]
Sized = tuple[Entity, int]
"""An entity and the bytes of its encoded state."""


class Kept:
    """The newest committed form of some entities, least recently used first."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._entities: OrderedDict[Place, Sized] = OrderedDict()
        self._bytes, self._bytes_max = 0, bytes_max
        self._version = -1

    def check(self, db: sqlite3.Connection) -> None:
        """Under the write lock, where nobody can follow: forget everything if somebody else wrote meanwhile."""
        version = int(db.execute("PRAGMA data_version").fetchone()[0])
        if version != self._version:
            self.forget()
            self._version = version

    def get(self, place: Place) -> Entity | None:
        held = self._entities.get(place)
        return None if held is None else held[0]

    def keep(self, found: Mapping[Place, Sized]) -> None:
        for place, sized in found.items():
            before = self._entities.pop(place, None)
            self._bytes += sized[1] - (0 if before is None else before[1])
            self._entities[place] = sized
        while self._bytes > self._bytes_max:
            _, (_, size) = self._entities.popitem(last=False)
            self._bytes -= size

    def forget(self) -> None:
        self._entities.clear()
        self._bytes = 0
