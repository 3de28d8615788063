"""Every schema on both databases: what the models say, and what the release before goes on writing to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Engine, LargeBinary, MetaData, Text, create_engine, insert, select

from hub.store import hot_sqlite, migrations
from hub.store.migrations import HEAD, migrate
from hub.store.tables import metadata
from tests.stores import StandingClock

VERSIONS = [f"{number:04}" for number in range(1, int(HEAD) + 1)]


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        engine = create_engine("sqlite://", creator=lambda: hot_sqlite.connect_writer(path))
    else:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        yield engine
    finally:
        engine.dispose()


def brought_to(engine: Engine, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "HEAD", version)
        migrate(engine, "test")


def test_the_migrated_schema_is_what_the_models_say(url: str) -> None:
    with engine_of(url) as engine:
        migrate(engine, "test")
        with engine.connect() as db:
            context = MigrationContext.configure(db, opts={"compare_type": True, "compare_server_default": False})
            assert compare_metadata(context, metadata) == []


def test_text_is_in_the_order_of_its_bytes_in_postgresql(database: str) -> None:
    with engine_of(database) as engine:
        migrate(engine, "test")
        with engine.connect() as db:
            found = db.exec_driver_sql(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                " AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
            ).all()
    assert found == []


@pytest.mark.parametrize("before", VERSIONS[:-1])
def test_the_release_before_goes_on_writing_to_the_next_schema(
    url: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is still running names the tables and columns it knows: all of them are there, and suffice."""
    after = VERSIONS[VERSIONS.index(before) + 1]
    with engine_of(url) as engine:
        brought_to(engine, before, monkeypatch)
        known = MetaData()
        known.reflect(engine)
        brought_to(engine, after, monkeypatch)
        with engine.begin() as db:
            for table in known.sorted_tables:
                if table.name == "alembic_version":
                    continue
                row = {column.name: _value(column.type) for column in table.columns}
                db.execute(insert(table).values(row))
                assert len(db.execute(select(table)).all()) == 1


def _value(kind: Any) -> Any:
    match kind:
        case Text():
            return "{}"
        case LargeBinary():
            return b"{}"
        case Boolean():
            return False
    return 1


def test_two_who_start_at_once_bring_it_up_once(opener: Any) -> None:
    stores = [opener(StandingClock()) for _ in range(2)]
    with stores[1].reader() as db:
        assert migrations.revision(db) == HEAD
