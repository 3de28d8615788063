"""Sealed runs of the log: rows hashed into blocks off the path of commits, each block chained to the one before it.

Hashing happens in the caller's thread on a reading connection; a block costs the writer one small row. Block 0 is the
genesis: it carries the key of the salts.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hub.model.chain import NOTHING, Block, root
from hub.model.clock import SECOND, Micros
from hub.store import tables
from hub.store.leaves import LOGS, Leaf, leaves
from hub.store.port import Store, Transaction
from hub.store.sql import Database
from hub.store.statements import insert
from hub.store.transaction import execute

SIZE = 256
"""Rows of a full block: small enough that hashing one never shows, large enough that blocks stay few."""
PATIENCE: Micros = 60 * SECOND
"""How long rows may wait for a block that does not fill."""
MARK = 8
"""Bytes of each leaf's hash kept beside a block, so that a check can name the row that differs."""
_ROW = "number, log, first, last, count, root, previous, sealed_at"
NEWEST = f"SELECT {_ROW} FROM block ORDER BY number DESC LIMIT 1"
SEALED = "SELECT coalesce(max(last), 0) FROM block WHERE log = ?"
BLOCKS = f"SELECT {_ROW}, hash, marks FROM block WHERE number >= ? ORDER BY number LIMIT ?"
COVERING = f"SELECT {_ROW} FROM block WHERE log = ? AND first <= ? AND last >= ? LIMIT 1"
KEY = "SELECT marks FROM block WHERE number = 0"


@dataclass(frozen=True, slots=True)
class Stored:
    """A block as it lies in the store, with the hash and the marks written beside it."""

    block: Block
    hash: bytes
    marks: bytes


def key_of(db: Database) -> bytes | None:
    """The key of the salts; None before anything was sealed."""
    row = db.execute(KEY).fetchone()
    return None if row is None else bytes(row[0])


def newest(db: Database) -> Block | None:
    row = db.execute(NEWEST).fetchone()
    return None if row is None else Block(*row)


def covering(db: Database, log: str, position: int) -> Block | None:
    """The block a row lies in."""
    row = db.execute(COVERING, (log, position, position)).fetchone()
    return None if row is None else Block(*row)


def blocks(db: Database, start: int, limit: int) -> Iterator[Stored]:
    for row in db.execute(BLOCKS, (start, limit)):
        yield Stored(Block(*row[:8]), bytes(row[8]), bytes(row[9]))


def hashes(db: Database, wanted: str) -> set[str]:
    """That hash, where some block has it: computed from the block, not taken from beside it."""
    found = db.execute(f"SELECT {_ROW} FROM block WHERE hash = ?", (bytes.fromhex(wanted),))
    return {Block(*row).hash.hex() for row in found}


def sealed_to(db: Database, log: str) -> int:
    return int(db.execute(SEALED, (log,)).fetchone()[0])


def seal(store: Store, now: Micros, *, whole: bool = False) -> int:
    """Seal the next block of one log; gives how many rows it holds, 0 when nothing is due.

    ``whole``: also blocks that are not full, whatever their age.
    """
    with store.reader() as db:
        key = key_of(db)
        if key is None:
            return _begin(store, now)
        head = newest(db)
        found = next((one for log in LOGS if (one := _due(db, log, key, now, whole))), None)
    if found is None or head is None:
        return 0
    log, rows = found
    made = Block(
        head.number + 1, log, rows[0].position, rows[-1].position, len(rows), root([r.hash for r in rows]),
        head.hash, now,
    )  # fmt: skip
    marks = b"".join(row.hash[:MARK] for row in rows)
    return len(rows) if store.write_now(lambda transaction: _append(transaction, made, marks)) else 0


def seal_all(store: Store, now: Micros) -> int:
    """Everything there is, for somebody who needs it proved now."""
    done = 0
    while sealed := seal(store, now, whole=True):
        done += sealed
    return done


def _begin(store: Store, now: Micros) -> int:
    """The genesis: what it hashes is the key's commitment; returns 1, so that sealing goes on."""
    key = secrets.token_bytes(32)
    made = Block(0, "genesis", 0, 0, 0, root([key]), NOTHING, now)
    store.write_now(lambda transaction: _append(transaction, made, key))
    return 1


def _due(db: Database, log: str, key: bytes, now: Micros, whole: bool) -> tuple[str, Sequence[Leaf]] | None:
    rows = leaves(db, log, sealed_to(db, log), SIZE, key)
    full = len(rows) == SIZE or (rows and (whole or _waited(db, now)))
    return (log, rows) if full else None


def _waited(db: Database, now: Micros) -> bool:
    head = newest(db)
    return head is None or now - head.sealed_at >= PATIENCE


def _append(transaction: Transaction, made: Block, marks: bytes) -> bool:
    """Add a block to the chain as it stands now; False where somebody else was faster."""
    transaction.hold("block")
    row = transaction.db.execute(NEWEST).fetchone()
    head = None if row is None else Block(*row)
    if (NOTHING if head is None else head.hash) != made.previous or (head.number + 1 if head else 0) != made.number:
        return False
    values = (made.number, made.log, made.first, made.last, made.count, made.root, made.previous, made.sealed_at)
    execute(transaction, insert(tables.block), (*values, made.hash, marks))
    return True


def pending(db: Database) -> dict[str, int]:
    """Rows no block covers yet, by log."""
    columns = {"event": "position", "delivery": "position", "audit": "id"}
    return {
        log: int(db.execute(f"SELECT count(*) FROM {log} WHERE {column} > ?", (sealed_to(db, log),)).fetchone()[0])
        for log, column in columns.items()
    }
