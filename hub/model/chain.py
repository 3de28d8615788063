"""What makes the log tamper-evident: leaves, Merkle trees over them, blocks chained by their hashes. Pure.

A leaf commits to one row: its header in the clear, and its content by a salted hash, so that a certificate may show
that a row exists and where it stands without showing what it says. Trees are those of RFC 6962 (a leaf is hashed with
0x00 before it, a node with 0x01), so that no node can pass for a leaf.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson

from hub.model.clock import Micros
from hub.model.record import Json

NOTHING = bytes(32)
"""What the first of a chain names as the one before it."""


def canonical(value: object) -> bytes:
    """The bytes that are hashed: JSON, keys sorted, no space."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def salt(key: bytes, log: str, position: int) -> bytes:
    """What is hashed with a row's content, so that nobody can find it by trying values."""
    return hmac.digest(key, f"{log}/{position}".encode(), "sha256")[:16]


def commitment(salted: bytes, content: bytes) -> bytes:
    return sha256(salted + content).digest()


def leaf(header: Mapping[str, Json], content: bytes = b"") -> bytes:
    """``content`` is the commitment to what the row says; empty where the header says all."""
    return sha256(b"\x00" + canonical(header) + content).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over these leaves."""
    level = list(leaves)
    while len(level) > 1:
        pairs = [_node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = [*pairs, *level[len(level) & ~1 :]]
    return level[0] if level else sha256(b"").digest()


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from one leaf to the root."""
    found: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        other = index ^ 1
        if other < len(level):
            found.append(level[other])
        pairs = [_node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = [*pairs, *level[len(level) & ~1 :]]
        index //= 2
    return found


def climb(start: bytes, index: int, count: int, steps: Sequence[bytes]) -> bytes:
    """The root a leaf at this place of a tree of ``count`` leaves leads to; empty for a path that does not fit."""
    here, left = start, list(steps)
    while count > 1:
        if index ^ 1 < count:
            if not left:
                return b""
            other = left.pop(0)
            here = _node(other, here) if index & 1 else _node(here, other)
        index, count = index // 2, (count + 1) // 2
    return b"" if left or index else here


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def chained(previous: bytes, row: Mapping[str, Json]) -> bytes:
    """One row of a chain of rows: its hash covers the one before it."""
    return sha256(previous + canonical(row)).digest()


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed run of rows of one log (``event``, ``delivery``, ``audit``), ``first`` to ``last`` inclusive."""

    number: int
    log: str
    first: int
    last: int
    count: int
    root: bytes
    previous: bytes
    """Hash of the block before it, whatever log that one is of."""
    sealed_at: Micros

    @property
    def hash(self) -> bytes:
        return sha256(canonical(self.json())).digest()

    def json(self) -> dict[str, Json]:
        plain = {name: getattr(self, name) for name in ("number", "log", "first", "last", "count", "sealed_at")}
        return {**plain, "root": self.root.hex(), "previous": self.previous.hex()}

    @staticmethod
    def of(said: Mapping[str, Json]) -> Block:
        """What ``json`` gave. Raises ``KeyError``, ``ValueError`` or ``TypeError`` for anything else."""
        plain = {name: said[name] for name in ("number", "log", "first", "last", "count", "sealed_at")}
        return Block(**plain, root=bytes.fromhex(said["root"]), previous=bytes.fromhex(said["previous"]))
