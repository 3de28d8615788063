"""Whether the sealed log is what was sealed: changed, missing, added or exchanged rows and blocks are named (F28)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub.model.chain import NOTHING, root
from hub.store.blocks import MARK, Stored, blocks, key_of, newest
from hub.store.failures import UNREADABLE
from hub.store.leaves import broken_audits, forged_bodies, leaves
from hub.store.port import Store
from hub.store.sql import Database

AT_ONCE = 64
"""Blocks a running hub looks at in one go."""


@dataclass(frozen=True, slots=True)
class Break:
    """``place``: ``event 123``, ``delivery 7``, ``block 5``; ``what`` says how it differs."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def check(db: Database, start: int = 0, limit: int = 1 << 62) -> Iterator[Break]:
    """Every break of the blocks from ``start`` on, in order; an empty store has none."""
    key = key_of(db)
    if key is None:
        if newest(db) is not None:
            yield Break("block 0", "the genesis is missing")
        return
    before = next(blocks(db, start - 1, 1), None) if start else None
    number, previous = start, NOTHING if before is None else before.hash
    for one in blocks(db, start, limit):
        if one.block.number != number:
            yield Break(f"block {number}", "it is missing")
        elif one.block.previous != previous:
            yield Break(f"block {number}", "it does not follow from the block before it")
        if one.block.hash != one.hash:
            yield Break(f"block {one.block.number}", "its header is not what was sealed")
        try:
            yield from _rows(db, one, key)
        except UNREADABLE as error:
            yield Break(f"{one.block.log} {one.block.first} to {one.block.last}", f"it cannot be read: {error}")
        number, previous = one.block.number + 1, one.hash


def _rows(db: Database, one: Stored, key: bytes) -> Iterator[Break]:
    block = one.block
    if block.log == "genesis":
        if root([one.marks]) != block.root:
            yield Break("block 0", "the key of the salts is not the one it began with")
        return
    found = [
        leaf for leaf in leaves(db, block.log, block.first - 1, block.count + 1, key) if leaf.position <= block.last
    ]
    if root([leaf.hash for leaf in found]) != block.root:
        yield from _named(one, {leaf.position: leaf.hash for leaf in found})
    if block.log == "delivery":
        for position in forged_bodies(db, block.first, block.last):
            yield Break(f"delivery {position}", "its bytes are not those it was kept with")
    if block.log == "audit":
        for position in broken_audits(db, block.first, block.last):
            yield Break(f"audit {position}", "it does not follow from the row before it")


def _named(one: Stored, found: dict[int, bytes]) -> Iterator[Break]:
    """Which rows differ, by the marks kept beside the block; the block itself where the marks do not tell."""
    block, named = one.block, False
    for n in range(block.count):
        position, mark = block.first + n, one.marks[n * MARK : (n + 1) * MARK]
        if position not in found:
            named = True
            yield Break(f"{block.log} {position}", "it is missing")
        elif found[position][:MARK] != mark:
            named = True
            yield Break(f"{block.log} {position}", "it is not what was sealed")
    if not named:
        yield Break(f"block {block.number}", "its rows do not add up to its root")


class ChainCheck:
    """For the hub that watches itself: the newest blocks at once, then all of them, some at each call."""

    def __init__(self) -> None:
        self._next: int | None = None

    def __call__(self, store: Store) -> str:
        """The first break in words, empty while there is none."""
        with store.reader() as db:
            head = newest(db)
            if head is None:
                return ""
            start = max(0, head.number - AT_ONCE + 1) if self._next is None else self._next
            if start > head.number:
                start = 0
            self._next = 0 if self._next is None else start + AT_ONCE
            found = next(check(db, start, AT_ONCE), None)
        return "" if found is None else f"F28: the sealed log was changed: {found} (hub verify --store)"
