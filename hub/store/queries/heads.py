"""Every head as it stands, one after the other: for somebody who holds them against their events."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.instance import Instance
from hub.store.documents import load_effect, load_entity, load_instance
from hub.store.tables import effect, entity, loop, shape, taken

_ENTITY = (entity.c.kind, entity.c.key, entity.c.label, entity.c.version, entity.c.deleted, entity.c.state)


def every_entity(db: Connection) -> Iterator[Entity]:
    """Without what is null, and without the marks of its sources, which events do not repeat."""
    for row in db.execute(select(*_ENTITY)):
        found = load_entity((*row, b"{}"))
        state = {name: value for name, value in found.state.items() if value is not None}
        yield Entity(found.kind, found.key, found.label, found.version, state, {}, found.deleted)


def every_instance(db: Connection) -> Iterator[Instance]:
    return (load_instance(row[0]) for row in db.execute(select(loop.c.document)))


def every_effect(db: Connection) -> Iterator[Effect]:
    return (load_effect(row[0]) for row in db.execute(select(effect.c.document)))


def every_taken(db: Connection) -> Iterator[tuple[str, str, str]]:
    return ((row[0], row[1], row[2]) for row in db.execute(select(taken.c.kind, taken.c.key, taken.c.loop)))


def shapes(db: Connection) -> dict[str, int]:
    """Of which version of their schema the stored entities of a kind are; kinds of version 1 are left out."""
    return {row[0]: int(row[1]) for row in db.execute(select(shape.c.kind, shape.c.version))}
