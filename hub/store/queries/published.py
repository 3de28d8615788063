"""What the publisher reads: events above a position, and set-aside records that changed since they were told."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, func, or_, select

from hub.model.changes import Quarantine
from hub.model.event import Event
from hub.store.documents import load_quarantine
from hub.store.tables import effect, event, quarantine, stream, told

_OF_EFFECT = (func.substr(stream.c.name, 1, 7) == "effect/") & (effect.c.key == func.substr(stream.c.name, 8))
_EVENTS = (
    select(
        *(event.c.id, stream.c.name, event.c.version, event.c.type, event.c.time, event.c.recorded, event.c.data),
        *(event.c.schema, event.c.correlation, event.c.causation, event.c.logic, event.c.delivery, event.c.record),
        *(event.c.position, effect.c.loop),
    )
    .join_from(event, stream, event.c.stream == stream.c.id)
    .join(
        effect,
        (func.substr(stream.c.name, 1, 7) == "effect/") & (effect.c.key == func.substr(stream.c.name, 8)),
        isouter=True,
    )
    .order_by(event.c.position)
)
_ASIDE = (
    select(quarantine)
    .join(told, told.c.id == quarantine.c.id, isouter=True)
    .where(
        or_(
            told.c.id.is_(None),
            told.c.since != quarantine.c.since,
            told.c.reason != quarantine.c.reason,
            told.c.closed_at != func.coalesce(quarantine.c.closed_at, 0),
        )
    )
    .order_by(quarantine.c.since, quarantine.c.id)
)


class Outgoing(NamedTuple):
    """An event, and the loop whose effect it is about (empty for every other)."""

    event: Event
    loop: str


def outgoing(db: Connection, after: int, limit: int) -> list[Outgoing]:
    """The next events in order of position."""
    rows = db.execute(_EVENTS.where(event.c.position > after).limit(limit))
    return [Outgoing(Event(str(UUID(bytes=row[0])), *row[1:14]), row[14] or "") for row in rows]


def untold(db: Connection, limit: int) -> list[Quarantine]:
    """Set-aside records that are new, changed or closed since they were told, oldest first."""
    return [load_quarantine(tuple(row)) for row in db.execute(_ASIDE.limit(limit))]
