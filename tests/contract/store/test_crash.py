"""kill −9 at the store's boundaries, in a child process: what is found afterwards is whole."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from hub.log.sql import SqlLog
from hub.store import hot_sqlite
from hub.store.migrations import HEAD
from hub.store.open import open_any
from hub.store.port import Store
from hub.store.queries import events, loops, status
from tests.contract.store.conftest import Opener
from tests.stores import StandingClock

ROOT = Path(__file__).parents[3]
CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.model.changes import Changes, Outcome
from hub.model.effect import Effect, EffectState
from hub.model.event import Event, event_id
from hub.store.open import open_any
from tests.stores import StandingClock

def plan(t):
    key = "k"
    state = EffectState[sys.argv[1]]
    one = Effect(key, key, "rd", "l", "s", "", "p", "erp", "a", "c", "A", state, {{}}, {{}}, "l", 1, 1)
    identity = event_id(key, 0, "t", 0)
    event = Event(identity, "effect/k", 1, "effect.planned", 1, 1, b"{{}}", "effect/v1", "c", "c", "l")
    t.write(Changes(events=[event], effects={{key: one}}, outcomes=[Outcome(1, 0, "", "skipped", "x")]), 1)
    t.advance("engine", 0, 0, 1, 1)

with open_any({url!r}, StandingClock()) as store:
    SqlLog(store).append_now([Arrival("jira", b"a", {{}}, 1, "webhook", "1")])
    print("answered", flush=True)
    store.write_now(plan)
    print("planned", flush=True)
"""


def killed(url: str, at: str, state: str = "PLANNED") -> list[str]:
    code = CHILD.format(root=str(ROOT), url=url)
    environment = {**os.environ, "HUB_CRASH_AT": at}
    child = subprocess.run([sys.executable, "-c", code, state], env=environment, capture_output=True, text=True)
    assert child.returncode == -9, child.stderr
    return child.stdout.split()


def found(store: Store, url: str) -> tuple[int, int, int, int]:
    """(deliveries, events, effects, unaccounted) after a restart."""
    with store.read() as db:
        if url.startswith("sqlite"):
            assert db.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        balance = status.records(db)
        return SqlLog(store).end(), len(list(events.events(db))), len(loops.effects(db)), balance["unaccounted"]


@pytest.mark.crash
@pytest.mark.parametrize(
    ("at", "state", "answered", "left"),
    [
        ("B3", "PLANNED", [], (0, 0, 0, 0)),
        ("B4", "PLANNED", [], (1, 0, 0, 0)),
        ("B9", "PLANNED", ["answered"], (1, 0, 0, 0)),
        ("B10", "PLANNED", ["answered"], (1, 1, 1, 0)),
        ("B11", "SENDING", ["answered"], (1, 1, 1, 0)),
        ("B14", "SENT", ["answered"], (1, 0, 0, 0)),
    ],
)
def test_a_crash_leaves_all_of_a_transaction_or_nothing(
    url: str, opener: Opener, at: str, state: str, answered: list[str], left: tuple[int, ...]
) -> None:
    assert killed(url, at, state) == answered
    assert found(opener(), url) == left


def at_revision(path: Path, revision: str) -> None:
    """A database as an older hub left it, with one delivery's stream name in it."""
    engine = create_engine("sqlite://", creator=lambda: hot_sqlite.connect_writer(path))
    config = Config()
    config.set_main_option("script_location", str(ROOT / "hub" / "store" / "migrations"))
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.exec_driver_sql("INSERT INTO stream (id, name) VALUES (1, 'project/jira:1')")
        connection.exec_driver_sql("COMMIT")
    engine.dispose()


@pytest.mark.crash
@pytest.mark.parametrize("revision", ["0001", "0006"])
def test_a_crash_in_a_migration_leaves_the_old_schema_and_the_next_start_finishes_it(
    tmp_path: Path, revision: str
) -> None:
    path = tmp_path / "hub.db"
    at_revision(path, revision)
    url = f"sqlite:///{path}"
    assert killed(url, "B19") == []
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]
    with closing(open_any(url, StandingClock())) as store:
        assert found(store, url) == (0, 0, 0, 0)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
        assert db.execute("SELECT name FROM stream").fetchall() == [("project/jira:1",)]
