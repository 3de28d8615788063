"""What state a database is in, found out without changing it: for ``hub doctor``.

Opening a store brings its schema up; looking at its condition never does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from hub.errors import FatalError, HubError
from hub.model.clock import Micros
from hub.store import hot_sqlite
from hub.store.failures import explained
from hub.store.migrations import HEAD
from hub.store.sql import Database

REVISION = "SELECT version_num FROM alembic_version"
NEWEST = (
    "SELECT max(at) FROM (SELECT * FROM (SELECT recorded AS at FROM event ORDER BY position DESC LIMIT 1) AS e"
    " UNION ALL SELECT * FROM (SELECT received_at FROM delivery ORDER BY position DESC LIMIT 1) AS d) AS newest"
)
SERVER = (
    "SELECT current_setting('server_version'), to_regclass('alembic_version') IS NOT NULL,"
    " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, current_setting('server_encoding')"
)
SAFE = (
    ("fsync", "a power cut may damage the database"),
    ("full_page_writes", "a power cut may damage the database"),
    ("synchronous_commit", "a crash may lose what was committed last"),
)
"""Server settings that must not be off, and what happens otherwise."""


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
        with closing(hot_sqlite.connect_reader(path)) as db:
            there = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            revision, newest = _ours(db) if there else (None, None)
    except sqlite3.Error as error:
        ours = explained(error, str(path))
        raise ours if isinstance(ours, HubError) else FatalError(str(error), where=str(path)) from error
    return Condition(f"SQLite {sqlite3.sqlite_version}", revision, newest, risks=tuple(_risks_of_file(path)))


def condition_of_server(url: str, password: str) -> Condition:
    """A PostgreSQL store. Raises ``HubError`` where it cannot be reached or read."""
    from hub.store.connecting_postgres import Address, reader

    with closing(reader(Address(url, password))) as db:
        version, there, now, encoding = db.execute(SERVER).fetchone()
        revision, newest = _ours(db) if there else (None, None)
        risks = list(_risks_of_server(db))
    if encoding != "UTF8":
        risks.append((f"the database is in {encoding}", "create it anew with encoding UTF8, hub db copy into it"))
    return Condition(f"PostgreSQL {version}", revision, newest, now, tuple(risks))


def _ours(db: Database) -> tuple[str, Micros | None]:
    (revision,) = db.execute(REVISION).fetchone()
    return revision, db.execute(NEWEST).fetchone()[0] if revision == HEAD else None


def _risks_of_file(path: Path) -> Iterator[tuple[str, str]]:
    if mode := path.stat().st_mode & 0o077:
        yield f"others on this machine may open it (mode {mode:03o} beside the owner's)", f"chmod 600 {path}"


def _risks_of_server(db: Database) -> Iterator[tuple[str, str]]:
    for name, then in SAFE:
        (value,) = db.execute("SELECT current_setting(?)", (name,)).fetchone()
        if value == "off":
            yield f"{name} is off: {then}", f"ALTER SYSTEM SET {name} = on, then reload"
