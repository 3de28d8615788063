"""What state a database is in, found out without changing it: for ``hub doctor``.

Opening a store brings its schema up; looking at its condition never does.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from hub.errors import FatalError, HubError
from hub.model.clock import Micros
from hub.store import hot_sqlite
from hub.store.failures import explained
from hub.store.migrations import HEAD

REVISION = "SELECT version_num FROM alembic_version"
NEWEST = (
    "SELECT max(at) FROM (SELECT * FROM (SELECT recorded AS at FROM event ORDER BY position DESC LIMIT 1)"
    " UNION ALL SELECT * FROM (SELECT received_at FROM delivery ORDER BY position DESC LIMIT 1)) AS newest"
)


class Condition(NamedTuple):
    """``revision`` None: nothing of ours is in it yet. ``newest``: when the last thing was recorded, by its clock.

    ``now``: the database server's own clock, None where it is this machine's. ``risks``: (what, fix) of its settings.
    """

    server: str
    revision: str | None
    newest: Micros | None = None
    now: Micros | None = None
    risks: tuple[tuple[str, str], ...] = ()

    @property
    def current(self) -> bool:
        return self.revision == HEAD

    @property
    def too_new(self) -> bool:
        return self.revision is not None and self.revision > HEAD


def condition_of_file(path: Path) -> Condition:
    """An SQLite store. Raises ``HubError`` where it cannot be read."""
    try:
        db = hot_sqlite.connect_reader(path)
        try:
            return _of_file(db, path)
        finally:
            db.close()
    except sqlite3.Error as error:
        ours = explained(error, str(path))
        raise ours if isinstance(ours, HubError) else FatalError(str(error), where=str(path)) from error


def _of_file(db: sqlite3.Connection, path: Path) -> Condition:
    server = f"SQLite {sqlite3.sqlite_version}"
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return Condition(server, None)
    (revision,) = db.execute(REVISION).fetchone()
    newest = db.execute(NEWEST).fetchone()[0] if revision == HEAD else None
    return Condition(server, revision, newest, risks=tuple(_risks_of_file(path)))


def _risks_of_file(path: Path) -> list[tuple[str, str]]:
    mode = path.stat().st_mode & 0o077
    return [(f"others on this machine may open it (mode {mode:03o} beside the owner's)", f"chmod 600 {path}")] * bool(
        mode
    )
