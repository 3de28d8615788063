"""Schema versions, one Alembic revision a file; ``migrate`` brings a database to ``HEAD``."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from hub.errors import FatalError
from hub.model.boundary import boundary
from hub.store.sql import Database, Sql

THERE = Sql(
    "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'",
    "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL",
)
BEGIN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(1751478639, 4)"}
"""How a migration begins: one at a time. PostgreSQL's driver has begun the transaction itself."""
HEAD = "0011"
"""The revision this code works with. Checked at every open without importing Alembic (start-up stays small)."""


def current_sqlite(db: sqlite3.Connection) -> bool:
    """Whether the database stands at ``HEAD``, asked in one statement."""
    try:
        row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return False
        raise
    return row is not None and row[0] == HEAD


def current_postgres(db: Database) -> bool:
    """The same on PostgreSQL."""
    return revision(db) == HEAD


def revision(db: Database) -> str | None:
    """At which schema a database is; None where there is nothing of ours."""
    if db.execute(THERE).fetchone() is None:
        return None
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def migrate(engine: Engine, where: str) -> None:
    """Bring the database to ``HEAD``. Two processes may try at once: the second finds it done."""
    with engine.connect() as connection:
        connection.exec_driver_sql(BEGIN[connection.dialect.name])
        found = _current(connection)
        if found is not None and found > HEAD:
            raise FatalError(
                f"the database is at schema {found}, this hub knows schemas up to {HEAD}",
                where=where,
                why="a newer hub has written to it",
                fix="run the newer hub, or restore a backup from before its first start",
            )
        if found != HEAD:
            _upgrade(connection)
        boundary("B19")
        connection.exec_driver_sql("COMMIT")


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
