"""What the health report asks the store: rows of one integration, as plain values. No judgement here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from hub.model.changes import Quarantine
from hub.model.clock import Micros
from hub.model.halt import Halt
from hub.store import tables as t
from hub.store.documents import load_quarantine
from hub.store.queries.status import engine_checkpoint

RECENT_DELIVERIES = 5000
"""How far back the newest contact of a source is looked for; older silence is as good as none."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A source connection's times; None where nothing is known."""

    newest: Micros | None
    oldest_waiting: Micros | None
    waiting: int


def verdicts(db: Connection, integration: str, sources: Sequence[str]) -> Counter[tuple[str, str]]:
    """(verdict, reason) -> outcomes of its tables, and of what its sources sent that no table took."""
    own = t.outcome.c.table_name.startswith(f"{integration}/", autoescape=True)
    counted = (t.outcome.c.verdict, t.outcome.c.reason)
    found: Counter[tuple[str, str]] = Counter()
    for verdict, reason, n in db.execute(select(*counted, func.count()).where(own).group_by(*counted)):
        found[verdict, reason] += n
    joined = t.outcome.join(t.delivery, t.delivery.c.position == t.outcome.c.position)
    nobody = and_(t.outcome.c.table_name == "", t.delivery.c.connection.in_(sources))
    query = select(*counted, func.count()).select_from(joined).where(nobody).group_by(*counted)
    for verdict, reason, n in db.execute(query):
        found[verdict, reason] += n
    return found


def halted(db: Connection, integration: str) -> Halt | None:
    """Why it sends nothing now, None where it may."""
    row = db.execute(select(t.halt).where(t.halt.c.integration == integration)).one_or_none()
    return None if row is None else Halt(*row)


def undecoded(db: Connection, sources: Sequence[str]) -> list[Quarantine]:
    """Deliveries of its sources that could not be read at all, open and closed."""
    nobody = and_(t.quarantine.c.table_name == "", t.quarantine.c.connection.in_(sources))
    return [load_quarantine(tuple(row)) for row in db.execute(select(t.quarantine).where(nobody))]


def labels(db: Connection, names: Sequence[str]) -> dict[str, str]:
    """Stream name (``project/jira:10041``) -> what people call it."""
    joined = t.entity.join(t.stream, t.stream.c.id == t.entity.c.stream)
    found: dict[str, str] = {}
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        query = select(t.stream.c.name, t.entity.c.label).select_from(joined).where(t.stream.c.name.in_(part))
        found.update({row.name: row.label for row in db.execute(query) if row.label})
    return found


def contacts(db: Connection, sources: Sequence[str]) -> Mapping[str, Contact]:
    """When each source was last heard from, and what of it is in the table and not concluded yet."""
    after, _ = engine_checkpoint(db)
    of = (t.delivery.c.connection, t.delivery.c.received_at)
    recent = select(*of).order_by(t.delivery.c.position.desc()).limit(RECENT_DELIVERIES).subquery()
    newest_query = select(recent.c.connection, func.max(recent.c.received_at)).group_by(recent.c.connection)
    newest: dict[str, Micros] = {row[0]: row[1] for row in db.execute(newest_query)}
    query = select(t.delivery.c.connection, func.min(t.delivery.c.received_at), func.count())
    waiting_rows = db.execute(query.where(t.delivery.c.position > after).group_by(t.delivery.c.connection))
    waiting = {name: (oldest, n) for name, oldest, n in waiting_rows}
    return {name: Contact(newest.get(name), *waiting.get(name, (None, 0))) for name in sources}


def polled(db: Connection) -> dict[str, Micros]:
    """connection -> the last time one of its polls succeeded, empty ones included."""
    query = select(t.cursor.c.connection, func.max(t.cursor.c.at)).group_by(t.cursor.c.connection)
    return {name: at for name, at in db.execute(query)}


def activated_at(db: Connection, integration: str, logic: str) -> Micros | None:
    """When this version went live."""
    which = and_(t.mapping.c.integration == integration, t.mapping.c.logic == logic)
    found: Micros | None = db.execute(select(func.min(t.mapping.c.activated_at)).where(which)).scalar()
    return found
