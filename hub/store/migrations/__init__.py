"""Schema versions, one Alembic revision a file; ``migrate`` brings a database to ``HEAD``."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from hub.errors import FatalError
from hub.model.boundary import boundary

HEAD = "0001"
"""The revision this code works with. Checked at every open without importing Alembic (start-up stays small)."""


def current(engine: Engine) -> str | None:
    """The revision a database stands at; None for an empty one."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(engine: Engine) -> None:
    """Bring the database to ``HEAD``; does nothing, quickly, when it is there."""
    found = current(engine)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise FatalError(
            f"the database is at schema {found}, this hub knows schemas up to {HEAD}",
            where=str(engine.url),
            why="a newer hub has written to it",
            fix="run the newer hub, or restore a backup from before its first start",
        )
    _upgrade(engine)


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
        boundary("B19")
