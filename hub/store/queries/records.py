"""What became of records and who did what: quarantine, outcomes, measures, audit, activated mapping versions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, func, or_, select

from hub.model.changes import Quarantine
from hub.model.clock import Micros
from hub.store.documents import load_quarantine
from hub.store.tables import audit, mapping, measure, outcome, quarantine


def quarantined(
    db: Connection, *, integration: str | None = None, closed: bool = False, since: Micros = 0
) -> list[Quarantine]:
    """Open quarantine rows, oldest first; with ``closed`` also those closed at ``since`` or later."""
    still = quarantine.c.closed_at.is_(None)
    statement = select(quarantine).where(or_(still, quarantine.c.closed_at >= since) if closed else still)
    if integration is not None:
        statement = statement.where(quarantine.c.table_name.startswith(f"{integration}/", autoescape=True))
    rows = db.execute(statement.order_by(quarantine.c.since, quarantine.c.position, quarantine.c.id))
    return [load_quarantine(tuple(row)) for row in rows]


def quarantined_by_row(db: Connection) -> dict[str, int]:
    """Full row name -> open quarantine rows it made."""
    statement = select(quarantine.c.row, func.count()).where(quarantine.c.closed_at.is_(None))
    return {row: count for row, count in db.execute(statement.group_by(quarantine.c.row)).all()}


def quarantine_of(db: Connection, identity: str) -> Quarantine | None:
    row = db.execute(select(quarantine).where(quarantine.c.id == identity)).one_or_none()
    return None if row is None else load_quarantine(tuple(row))


def quarantined_entity(db: Connection, kind: str, key: str) -> list[Quarantine]:
    """Every quarantine row of one entity, closed ones too."""
    statement = select(quarantine).where(quarantine.c.kind == kind, quarantine.c.key == key)
    return [load_quarantine(tuple(row)) for row in db.execute(statement.order_by(quarantine.c.position))]


def held_behind(db: Connection, row: Quarantine, limit: int) -> list[Quarantine]:
    """What waits in the lane of that row's object, in the order it came."""
    lane = (quarantine.c.kind == row.kind, quarantine.c.key == row.key, quarantine.c.source == row.source)
    statement = select(quarantine).where(*lane, quarantine.c.table_name == row.table)
    statement = statement.where(quarantine.c.closed_at.is_(None), quarantine.c.reason == "behind")
    rows = db.execute(statement.order_by(quarantine.c.position, quarantine.c.record).limit(limit))
    return [load_quarantine(tuple(one)) for one in rows]


def outcomes(db: Connection, positions: list[int]) -> list[dict[str, Any]]:
    """Outcome rows of those deliveries."""
    statement = select(outcome).where(outcome.c.position.in_(positions))
    return [_outcome(plain(row)) for row in db.execute(statement).mappings()]


def plain(row: RowMapping) -> dict[str, Any]:
    """A row under names that are plain text: SQLAlchemy's own kind of text is no JSON name to orjson."""
    return {str(name): value for name, value in row.items()}


def _outcome(row: dict[str, Any]) -> dict[str, Any]:
    return {("table" if name == "table_name" else name): value for name, value in row.items()}


def measured(db: Connection, integration: str, since: Micros = 0) -> dict[str, int]:
    """Sum of each counter from the hour of ``since`` on."""
    statement = (
        select(measure.c.name, func.sum(measure.c.value))
        .where(measure.c.integration == integration, measure.c.hour >= since - since % 3_600_000_000)
        .group_by(measure.c.name)
    )
    return {name: int(value) for name, value in db.execute(statement)}


def hourly(db: Connection, integration: str, name: str, since: Micros = 0) -> list[tuple[Micros, int]]:
    """(start of the hour, value), oldest first; hours without any are absent."""
    statement = select(measure.c.hour, measure.c.value).where(
        measure.c.integration == integration, measure.c.name == name, measure.c.hour >= since - since % 3_600_000_000
    )
    return [(hour, value) for hour, value in db.execute(statement.order_by(measure.c.hour))]


def audits(db: Connection, *, object_name: str | None = None, limit: int = 1_000) -> list[dict[str, Any]]:
    """What people did, newest first."""
    statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if object_name is not None:
        statement = statement.where(audit.c.object == object_name)
    return [plain(row) for row in db.execute(statement).mappings()]


def activations(db: Connection, integration: str | None = None) -> list[dict[str, Any]]:
    """Mapping versions in the order they went live, without their text."""
    columns = [column for column in mapping.c if column.name != "source"]
    statement = select(*columns).order_by(mapping.c.id)
    if integration is not None:
        statement = statement.where(mapping.c.integration == integration)
    return [plain(row) for row in db.execute(statement).mappings()]


def mapping_source(db: Connection, integration: str, logic: str) -> str | None:
    """The text that was live under a logic hash; the newest, where only owners or meanings changed since."""
    statement = select(mapping.c.source).where(mapping.c.integration == integration, mapping.c.logic == logic)
    return db.execute(statement.order_by(mapping.c.id.desc()).limit(1)).scalar()
