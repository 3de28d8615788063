"""Which versions of a mapping were recorded, proposed and approved; by whom."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, or_, select
from sqlalchemy.sql.schema import Table

from hub.store.queries.records import plain
from hub.store.tables import mapping, mapping_decision


def source_of(db: Connection, integration: str, prefix: str) -> tuple[str, str] | None:
    """(integration, text) of the newest version, live once or proposed, whose hash begins with ``prefix``."""
    return _source(db, mapping, integration, prefix) or _source(db, mapping_decision, integration, prefix)


def _source(db: Connection, table: Table, integration: str, prefix: str) -> tuple[str, str] | None:
    known = or_(*(table.c[name].startswith(prefix, autoescape=True) for name in ("table_hash", "logic")))
    statement = select(table.c.integration, table.c.source).where(known, table.c.source != "")
    if integration:
        statement = statement.where(table.c.integration == integration)
    row = db.execute(statement.order_by(table.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else (row[0], row[1])


def decisions(db: Connection, integration: str, table_hash: str | None = None) -> list[dict[str, Any]]:
    """What people decided about the versions of an integration (or about one), oldest first."""
    statement = select(mapping_decision).where(mapping_decision.c.integration == integration)
    if table_hash is not None:
        statement = statement.where(mapping_decision.c.table_hash == table_hash)
    return [plain(row) for row in db.execute(statement.order_by(mapping_decision.c.id)).mappings()]
