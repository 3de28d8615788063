"""The migrated schema and the models are the same; opening is quick and refuses what it cannot understand."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from hub.errors import ConfigError, FatalError
from hub.store.migrations import HEAD
from hub.store.open import open_store
from hub.store.tables import metadata
from tests.stores import StandingClock, temp_store

SCHEMA = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version' ORDER BY name"


def schema(path: Path) -> dict[str, str]:
    db = sqlite3.connect(path)
    found = {name: " ".join(sql.replace('"', "").split()) for name, sql in db.execute(SCHEMA)}
    db.close()
    return found


def test_the_migrated_schema_is_what_the_models_say(tmp_path: Path) -> None:
    temp_store(tmp_path).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'models.db'}")
    metadata.create_all(engine)
    engine.dispose()
    migrated, modelled = schema(tmp_path / "hub.db"), schema(tmp_path / "models.db")
    assert migrated.keys() == modelled.keys()
    assert {name: sorted(sql) for name, sql in migrated.items()} == {n: sorted(sql) for n, sql in modelled.items()}


def test_the_file_has_large_pages_and_a_write_ahead_log(tmp_path: Path) -> None:
    with temp_store(tmp_path) as store, store.read() as db:
        pragmas = [db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("page_size", "journal_mode")]
        assert pragmas == [16384, "wal"]
        full = store.write_now(lambda t: t.db.execute("PRAGMA synchronous").fetchone()[0])  # type: ignore[attr-defined]
        assert full == 2


def test_opening_an_existing_database_does_not_import_the_migration_tool(tmp_path: Path) -> None:
    temp_store(tmp_path).close()
    code = (
        "import sys; from pathlib import Path; from tests.stores import temp_store;"
        f"temp_store(Path({str(tmp_path)!r})).close(); print('alembic' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    child = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "False"


def test_a_database_of_a_newer_hub_is_left_alone(tmp_path: Path) -> None:
    temp_store(tmp_path).close()
    db = sqlite3.connect(tmp_path / "hub.db")
    db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.commit()
    db.close()
    with pytest.raises(FatalError, match=f"schemas up to {HEAD}"):
        temp_store(tmp_path)


def test_a_file_that_is_no_database_is_fatal_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"not a database, but somebody's notes " * 50)
    with pytest.raises(FatalError, match="damaged"):
        temp_store(tmp_path)
    assert (tmp_path / "hub.db").read_bytes().startswith(b"not a database")


@pytest.mark.parametrize("url", ["postgresql://localhost/hub", "sqlite://", "hub.db"])
def test_a_url_that_names_no_file_is_refused_with_the_fix(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///"):
        open_store(url, StandingClock())


def test_a_database_of_the_first_schema_is_brought_up_and_remembers_who_took_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("hub.store.migrations.HEAD", "0001")
        temp_store(tmp_path).close()
    taken = '{"@kinds": {"expenses": "expense"}, "expenses": [{"key": "jira:9"}], "@late": {}}'
    db = sqlite3.connect(tmp_path / "hub.db")
    values = ("l1", "i", "l", "project", "jira:1", "done", "taken", 1, 1, None, f'{{"taken": {taken}}}')
    db.execute("INSERT INTO loop VALUES (?,?,?,?,?,?,?,?,?,?,?)", values)
    db.commit()
    temp_store(tmp_path).close()
    assert db.execute("SELECT * FROM taken").fetchall() == [("expense", "jira:9", "l1")]
    db.close()
