"""What reconciliation found, kept: since when each difference is seen, and who accepted it.

A difference that is not seen any more closes by itself (``closed_by`` is ``hub``). One a person accepted stays closed
as long as the target says the same; another value opens it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import Connection
from sqlalchemy import select as query

from hub.model.changes import Audit, Changes
from hub.model.clock import Micros
from hub.model.finding import Finding
from hub.store import tables
from hub.store.port import Transaction
from hub.store.statements import upsert
from hub.store.transaction import execute

HUB = "hub"


@dataclass(frozen=True, slots=True)
class Kept:
    """A finding with its story."""

    integration: str
    finding: Finding
    owner: str
    since: Micros
    seen: Micros
    closed_at: Micros | None = None
    closed_by: str = ""
    why: str = ""


def findings(db: Connection, integration: str = "", *, closed: bool = False) -> list[Kept]:
    """Findings, oldest first; the open ones, or all."""
    table = tables.finding
    statement = query(table).order_by(table.c.since, table.c.integration, table.c.id)
    if integration:
        statement = statement.where(table.c.integration == integration)
    if not closed:
        statement = statement.where(table.c.closed_at.is_(None))
    return [_kept(row) for row in db.execute(statement)]


def remember(
    transaction: Transaction,
    integration: str,
    seen: Mapping[str, tuple[Finding, str]],
    unasked: Sequence[str],
    now: Micros,
) -> None:
    """Write what a run saw: id -> (finding, owner). ``unasked``: ``connection.action`` whose targets could not be
    asked; nothing is closed about them."""
    before = {one.finding.id: one for one in _all(transaction, integration)}
    for identity, (finding, owner) in sorted(seen.items()):
        _put(transaction, _seen(before.get(identity), integration, finding, owner, now))
    for identity, one in sorted(before.items()):
        place = f"{one.finding.connection}.{one.finding.action}"
        if identity not in seen and one.closed_at is None and place not in unasked:
            _put(transaction, _closed(one, HUB, "not seen any more", now))


def accept(transaction: Transaction, integration: str, identity: str, who: str, why: str, now: Micros) -> Kept | None:
    """A person says the target is right as it is; None where there is no such finding."""
    found = next((one for one in _all(transaction, integration) if one.finding.id == identity), None)
    if found is None:
        return None
    closed = _closed(found, who, why, now)
    _put(transaction, closed)
    audit = Audit(now, who, "finding accept", f"{integration}/{identity}", why, "accepted")
    transaction.write(Changes(audits=[audit]), now)
    return closed


def _seen(before: Kept | None, integration: str, finding: Finding, owner: str, now: Micros) -> Kept:
    if before is None or (before.closed_at is not None and before.closed_by == HUB):
        return Kept(integration, finding, owner, now, now)
    if before.closed_at is not None and before.finding == finding:
        return Kept(integration, finding, owner, before.since, now, before.closed_at, before.closed_by, before.why)
    return Kept(integration, finding, owner, now if before.closed_at is not None else before.since, now)


def _closed(one: Kept, who: str, why: str, now: Micros) -> Kept:
    return Kept(one.integration, one.finding, one.owner, one.since, one.seen, now, who, why)


def _all(transaction: Transaction, integration: str) -> list[Kept]:
    transaction.hold(f"findings/{integration}")
    columns = ", ".join(f'"{column.name}"' for column in tables.finding.columns)
    rows = transaction.db.execute(f"SELECT {columns} FROM finding WHERE integration = ?", (integration,))
    return [_kept(row) for row in rows.fetchall()]


def _kept(row: Any) -> Kept:
    integration, _, _, owner, since, seen, closed_at, closed_by, why, document = row
    values = orjson.loads(document)
    finding = Finding(**{**values, "documents": tuple(values["documents"])})
    return Kept(integration, finding, owner, since, seen, closed_at, closed_by, why)


def _put(transaction: Transaction, one: Kept) -> None:
    finding = one.finding
    document = orjson.dumps(asdict(finding), option=orjson.OPT_SORT_KEYS)
    told = (one.owner, one.since, one.seen, one.closed_at, one.closed_by, one.why)
    execute(transaction, upsert(tables.finding), (one.integration, finding.id, finding.kind, *told, document))
