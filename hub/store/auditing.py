"""Audit rows as they are written: each covers the one before it, so that none can be changed or taken out unseen."""

from __future__ import annotations

from collections.abc import Sequence

from hub.model.chain import NOTHING, chained
from hub.model.changes import Audit
from hub.store.leaves import audit_row
from hub.store.sql import Database

NEWEST = "SELECT id, chain FROM audit ORDER BY id DESC LIMIT 1"
INSERT = "INSERT INTO audit (id, at, who, action, object, why, result, chain) VALUES (?,?,?,?,?,?,?,?)"


def append_audits(db: Database, audits: Sequence[Audit]) -> None:
    """Add rows to the chain, inside the transaction of what they tell about."""
    if not audits:
        return
    newest = db.execute(NEWEST).fetchone()
    number, previous = (0, NOTHING) if newest is None else (int(newest[0]), bytes(newest[1]))
    for one in audits:
        number += 1
        row = (number, one.at, one.who, one.action, one.object, one.why, one.result)
        previous = chained(previous, audit_row(row))
        db.execute(INSERT, (*row, previous))
