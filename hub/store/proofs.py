"""Proof that a row lies in the sealed log: its leaf's place in a block, and the hashes from there to its root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hub.model.chain import Block, path, root
from hub.store.blocks import blocks, covering, key_of
from hub.store.leaves import DELIVERIES, EVENTS, Leaf, leaves
from hub.store.sql import Database, Sql

Row = Sequence[Any]
AT_ONCE = 500
ALL = 1 << 62
"""More rows than there are."""
_OF_STREAMS = "WHERE e.position IN (SELECT position FROM event WHERE stream IN (SELECT id FROM stream WHERE name IN"
EVENTS_OF = Sql(
    EVENTS.replace("WHERE", f"{_OF_STREAMS} (SELECT value FROM json_each(?)))) AND", 1),
    EVENTS.postgres.replace("WHERE", f"{_OF_STREAMS} (SELECT json_array_elements_text(?::json)))) AND", 1),
)


@dataclass(frozen=True, slots=True)
class Proof:
    block: Block
    index: int
    path: tuple[bytes, ...]


class Broken(Exception):
    """The rows of a block do not give its root any more: nothing can be proved from it."""


class Prover:
    """Reads each block it needs once."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.key = key_of(db) or b""
        self._read: dict[int, tuple[Block, list[Leaf]]] = {}

    def proof(self, log: str, position: int) -> Proof:
        """Raises ``Broken`` where the block was tampered with, ``KeyError`` for a row no block covers."""
        block = covering(self.db, log, position)
        if block is None:
            raise KeyError(f"{log} {position}")
        if block.number not in self._read:
            self._read[block.number] = block, self._leaves(block)
        found = self._read[block.number][1]
        index = next(n for n, leaf in enumerate(found) if leaf.position == position)
        return Proof(block, index, tuple(path([leaf.hash for leaf in found], index)))

    def _leaves(self, block: Block) -> list[Leaf]:
        found = leaves(self.db, block.log, block.first - 1, block.count, self.key)
        if root([leaf.hash for leaf in found]) != block.root or len(found) != block.count:
            raise Broken(f"{block.log} {block.first} to {block.last} (block {block.number})")
        return found

    def used(self) -> list[Block]:
        """Every block from the first that was read to the last: an unbroken piece of the chain."""
        if not self._read:
            return []
        first, last = min(self._read), max(self._read)
        return [one.block for one in blocks(self.db, first, last - first + 1)]


def event_rows(db: Database, streams: Sequence[str]) -> list[Row]:
    """The events of some streams as ``leaves.event_header`` wants them, their bytes last; in order of position."""
    return db.execute(EVENTS_OF, (orjson.dumps(list(streams)).decode(), 0, ALL)).fetchall()


def delivery_rows(db: Database, refs: Sequence[str]) -> list[Row]:
    """Deliveries by ref as ``leaves.delivery_header`` wants them, in order of position."""
    found: list[Row] = []
    for start in range(0, len(refs), AT_ONCE):
        some = [bytes.fromhex(ref) for ref in refs[start : start + AT_ONCE]]
        wanted = f"WHERE ref IN ({','.join('?' * len(some))}) AND"
        statement = Sql(DELIVERIES.replace("WHERE", wanted, 1), DELIVERIES.postgres.replace("WHERE", wanted, 1))
        found += db.execute(statement, (*some, 0, ALL)).fetchall()
    return sorted(found, key=lambda row: int(row[0]))
