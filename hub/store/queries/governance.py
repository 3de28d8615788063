"""Which versions of a mapping were recorded, proposed and approved; by whom."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from hub.store.tables import mapping


def source_of(db: Connection, integration: str, prefix: str) -> tuple[str, str] | None:
    """(integration, text) of the newest recorded version whose table or logic hash begins with ``prefix``."""
    known = or_(
        mapping.c.table_hash.startswith(prefix, autoescape=True), mapping.c.logic.startswith(prefix, autoescape=True)
    )
    statement = select(mapping.c.integration, mapping.c.source).where(known)
    if integration:
        statement = statement.where(mapping.c.integration == integration)
    row = db.execute(statement.order_by(mapping.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else (row[0], row[1])
