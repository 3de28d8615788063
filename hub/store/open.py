"""Open a store by its URL: make the folder and the database where needed, bring the schema up, hand it out."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.pool import QueuePool

from hub.errors import ConfigError, FatalError, HubError
from hub.model.clock import Clock
from hub.store import hot_sqlite
from hub.store.failures import explained
from hub.store.migrations import current_postgres, current_sqlite, migrate
from hub.store.port import Store
from hub.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from hub.store.postgres import PostgresStore

POSTGRES = ("postgresql://", "postgres://")


def open_any(url: str, clock: Clock, password: str = "") -> Store:
    """The store behind an address of either database, at the newest schema."""
    if url.startswith(POSTGRES):
        return open_postgres(url, clock, password)
    return open_store(url, clock)


def open_postgres(url: str, clock: Clock, password: str = "") -> PostgresStore:
    """The store in a PostgreSQL database (``postgresql://hub@host:5432/hub?sslmode=verify-full``)."""
    from hub.store.connecting_postgres import Address, changing, reader
    from hub.store.postgres import PostgresStore

    address = Address(url, password)
    with closing(reader(address)) as db:
        up_to_date = current_postgres(db)
    if not up_to_date:
        engine = create_engine("postgresql+psycopg://", creator=lambda: changing(address), use_native_hstore=False)
        try:
            migrate(engine, address.shown)
        finally:
            engine.dispose()
    return PostgresStore(address, clock)


def open_store(url: str, clock: Clock) -> SqliteStore:
    """The store behind ``url`` (``sqlite:///.hub/hub.db``), at the newest schema."""
    path = _path(url)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_private(path)
        _bring_up(path)
        return SqliteStore(path, _reading_engine(path), clock)
    except sqlite3.Error as error:
        raise _unopened(path, error) from error
    except DatabaseError as error:
        raise _unopened(path, error.orig or error) from error


def _make_private(path: Path) -> None:
    """A new database is its owner's alone; SQLite gives its -wal and -shm files the same mode."""
    if not path.exists():
        with suppress(OSError):  # opening it says what is wrong, in our words
            path.touch(mode=0o600)


def _unopened(path: Path, error: BaseException) -> HubError:
    ours = explained(error, str(path))
    if isinstance(ours, HubError):
        return ours
    return FatalError(f"the database cannot be opened: {error}", where=str(path))


def _path(url: str) -> Path:
    fix = "write store: sqlite:///.hub/hub.db in hub.yaml"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"{url!r} is no database URL", where="hub.yaml store", fix=fix) from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ConfigError(
            f"the store must be an SQLite file, not {parsed.render_as_string()}",
            where="hub.yaml store",
            why="the embedded hub keeps its state in one file that several processes can open",
            fix=fix,
        )
    return Path(parsed.database).absolute()


def _bring_up(path: Path) -> None:
    """The first connection decides page size and WAL, before any table exists."""
    db = hot_sqlite.connect_writer(path)
    try:
        up_to_date = current_sqlite(db)
    finally:
        db.close()
    if not up_to_date:
        engine = create_engine("sqlite://", creator=lambda: hot_sqlite.connect_writer(path))
        try:
            migrate(engine, str(path))
        finally:
            engine.dispose()


def _reading_engine(path: Path) -> Engine:
    return create_engine(
        "sqlite://",
        creator=lambda: hot_sqlite.connect_reader(path),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=16,
    )
