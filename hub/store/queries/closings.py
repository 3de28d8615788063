"""What a backtest needs of the store: every event as it was written, which closings began when, their links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select

from hub.model.changes import Quarantine
from hub.model.clock import Micros
from hub.model.event import Event
from hub.store.documents import load_quarantine
from hub.store.tables import event, link, loop, quarantine, stream

PAGE = 1_000
_COLUMNS = (
    *(event.c.id, stream.c.name, event.c.version, event.c.type, event.c.time, event.c.recorded, event.c.data),
    *(event.c.schema, event.c.correlation, event.c.causation, event.c.logic, event.c.delivery, event.c.record),
    event.c.position,
)
STORED = select(*_COLUMNS).join_from(event, stream, event.c.stream == stream.c.id)


@dataclass(frozen=True, slots=True)
class Began:
    """One ``loop.started`` event: which closing, of what, where in the log."""

    loop: str
    kind: str
    subject: str
    position: int
    recorded: Micros


def stored(db: Connection, after: int = 0) -> Iterator[Event]:
    """Every event above a position as it stands, its bytes unread."""
    statement = STORED.where(event.c.position > after).order_by(event.c.position)
    for row in db.execution_options(yield_per=PAGE).execute(statement):
        yield event_of(tuple(row))


def event_of(row: tuple[object, ...]) -> Event:
    """From the columns of ``STORED``."""
    return Event(str(UUID(bytes=row[0])), *row[1:])  # type: ignore[arg-type]


def began(db: Connection, since: Micros, only: str = "") -> Iterator[Began]:
    """Closings that started to act since then (a revived one at its last start), in the order of the log."""
    columns = (loop.c.id, loop.c.subject_kind, loop.c.subject, event.c.position, event.c.recorded)
    statement = (
        select(*columns)
        .join_from(event, stream, event.c.stream == stream.c.id)
        .join(loop, stream.c.name == "loop/" + loop.c.id)
        .where(event.c.type == "loop.started", event.c.recorded >= since)
        .order_by(event.c.position)
    )
    if only:
        statement = statement.where(loop.c.loop == only)
    yield from {row[0]: Began(*row) for row in db.execute(statement)}.values()


def closing_event(db: Connection, one: Began) -> int:
    """The position of the subject's own event right before the closing began; 0 where there is none."""
    statement = (
        select(event.c.position)
        .join_from(event, stream, event.c.stream == stream.c.id)
        .where(stream.c.name == f"{one.kind}/{one.subject}", event.c.position < one.position)
        .order_by(event.c.position.desc())
        .limit(1)
    )
    return int(db.execute(statement).scalar() or 0)


def links(db: Connection) -> dict[tuple[str, str], dict[str, str]]:
    """(kind, key) -> connection -> object id, all of them."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for connection, kind, key, to in db.execute(select(link.c.connection, link.c.kind, link.c.key, link.c.object)):
        found.setdefault((kind, key), {})[connection] = to
    return found


def quarantined(db: Connection) -> list[Quarantine]:
    """Every row there ever was."""
    return [load_quarantine(tuple(row)) for row in db.execute(select(quarantine))]
