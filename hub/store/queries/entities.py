"""Entities as they stand: by key or label, with their links, labels and refs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from hub.model.entity import Entity
from hub.store.documents import load_entity
from hub.store.tables import entity, label, link, quarantine, ref, stream

_COLUMNS = (
    *(entity.c.kind, entity.c.key, entity.c.label, entity.c.version),
    *(entity.c.deleted, entity.c.state, entity.c.marks),
)


def entity_of(db: Connection, kind: str, key_or_label: str) -> Entity | None:
    """By key; else by its present label; else by one it had."""
    found = entity_by_key(db, kind, key_or_label)
    if found is not None:
        return found
    past = select(label.c.key).where(label.c.kind == kind, label.c.label == key_or_label).order_by(label.c.id.desc())
    candidates = [each for key in db.execute(past).scalars() if (each := entity_by_key(db, kind, key)) is not None]
    return next((each for each in candidates if each.label == key_or_label), candidates[0] if candidates else None)


def kinds_of(db: Connection, key_or_label: str) -> list[tuple[str, str]]:
    """(kind, key) of everything somebody may mean by that key or label, set aside at first sight included."""
    named = select(label.c.kind, label.c.key).where(label.c.label == key_or_label)
    keyed = select(entity.c.kind, entity.c.key).where(entity.c.key == key_or_label)
    aside = select(quarantine.c.kind, quarantine.c.key).where(
        quarantine.c.key == key_or_label, quarantine.c.kind != ""
    )
    found = (*db.execute(named), *db.execute(keyed), *db.execute(aside))
    return sorted({(kind, key) for kind, key in found})


def entities(db: Connection, kind: str) -> Iterator[Entity]:
    """All entities of a kind, by key."""
    statement = select(*_COLUMNS).where(entity.c.kind == kind).order_by(entity.c.key)
    for row in db.execution_options(yield_per=1_000).execute(statement):
        yield load_entity(tuple(row))


def newest(db: Connection, kind: str, limit: int) -> list[Entity]:
    """The entities of a kind that were first seen last, newest first."""
    statement = select(*_COLUMNS).where(entity.c.kind == kind, entity.c.deleted.is_(False))
    rows = db.execute(statement.order_by(entity.c.stream.desc()).limit(limit))
    return [load_entity(tuple(row)) for row in rows]


def links_of(db: Connection, kind: str, key: str) -> dict[str, str]:
    """connection -> object id"""
    statement = select(link.c.connection, link.c.object).where(
        link.c.kind == kind, link.c.key == key, link.c.object != ""
    )
    return {row[0]: row[1] for row in db.execute(statement.order_by(link.c.connection))}


def key_of_object(db: Connection, connection: str, kind: str, object_id: str) -> str | None:
    """The entity that is this object of a system."""
    statement = select(link.c.key).where(
        link.c.connection == connection, link.c.kind == kind, link.c.object == object_id
    )
    return db.execute(statement.limit(1)).scalar()


def links_of_kinds(db: Connection, kinds: Sequence[str]) -> frozenset[tuple[str, str, str, str]]:
    """(connection, kind, key, object) of every link of these kinds."""
    statement = select(link.c.connection, link.c.kind, link.c.key, link.c.object).where(link.c.kind.in_(kinds))
    return frozenset((row[0], row[1], row[2], row[3]) for row in db.execute(statement)) if kinds else frozenset()


def refs_of(db: Connection, kind: str, key: str) -> dict[str, str]:
    """ref field -> key or unresolved label"""
    statement = (
        select(ref.c.field, ref.c.value)
        .join_from(ref, stream, ref.c.stream == stream.c.id)
        .where(stream.c.name == f"{kind}/{key}")
    )
    return {row[0]: row[1] for row in db.execute(statement.order_by(ref.c.field))}


def entity_by_key(db: Connection, kind: str, key: str) -> Entity | None:
    """Exactly that key."""
    statement = (
        select(*_COLUMNS)
        .join_from(stream, entity, entity.c.stream == stream.c.id)
        .where(stream.c.name == f"{kind}/{key}")
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else load_entity(tuple(row))
