"""The shipped tables on a PostgreSQL store with ``log: sql``: every command as on SQLite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.workspace import Space


def filled(space: Space) -> Space:
    """Both sample stories, settled."""
    space.hub("ingest", "jira", str(space.story("jira")))
    space.hub("ingest", "trello", str(space.story("trello")))
    assert space.json("settle")["settled"]
    return space


def on_postgres(folder: Path, url: str) -> Space:
    made = Space(folder)
    file = folder / "hub.yaml"
    file.write_text(f"store: {url}\n" + file.read_text("utf-8"), "utf-8")
    return made


@pytest.fixture
def space(tmp_path: Path, database: str) -> Space:
    return filled(on_postgres(tmp_path / "space", database))


def test_every_command_works_on_it(space: Space) -> None:
    status = space.json("status")
    assert status["records"]["unaccounted"] == 0
    effects = [one for one in space.json("effect", "list") if one["action"].startswith("erp.")]
    assert space.documents() == {one["reference"]: 1 for one in effects}
    assert space.json("entity", "show", "project", "OPS-41")["links"]["jira"]
    assert space.json("trace", "OPS-41")["events"]
    assert space.json("health", expect=None)["integrations"]
    assert space.json("quarantine", "list") == []
    space.json("loop", "approve", "OPS-41", "--as", "E1003", "--why", "within budget")
    assert space.json("settle")["settled"]
    assert space.json("loop", "show", "OPS-41")["state"] == "done"
    assert space.json("verify", "--store")["ok"]
    assert space.json("replay", "--dry-run")
    space.hub("prove", "OPS-41")
    space.hub("reconcile", expect=None)
    space.hub("pause", "rd-close", "--as", "E1003", "--why", "a look")
    space.hub("resume", "rd-close", "--as", "E1003", "--why", "looked")
    space.hub("mapping", "show", "project")
    assert space.hub("backup", "copy", expect=2).stderr.count("pg_dump") == 1
    assert not (space.folder / ".hub" / "hub.db").exists()


ENTITIES = ("project/", "purchase_item/", "expense/", "event_budget/")


def told(space: Space) -> dict[str, list[dict[str, Any]]]:
    """Every entity's events, byte for byte but for the place in the log and when they were recorded; of the other
    streams what happened (their data holds times of the run)."""
    found: dict[str, list[dict[str, Any]]] = {}
    for text in space.hub("events", "--format", "json").stdout.splitlines():
        line = json.loads(text)
        mine = line["stream"].startswith(ENTITIES)
        left_out = {"position", "recorded"} if mine else line.keys() - {"stream", "version", "type"}
        found.setdefault(line["stream"], []).append({n: v for n, v in line.items() if n not in left_out})
    return found


def test_both_databases_tell_the_same_story(tmp_path: Path, database: str) -> None:
    ours, theirs = Space(tmp_path / "sqlite"), on_postgres(tmp_path / "postgresql", database)
    for name in ("jira", "trello"):
        (theirs.folder / f"{name}.jsonl").write_bytes(ours.story(name).read_bytes())
    one, other = told(filled(ours)), told(filled(theirs))
    assert sum(name.startswith(ENTITIES) for name in one) > 10
    assert one == other
    assert ours.documents() == theirs.documents()
