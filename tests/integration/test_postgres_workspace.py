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


def events(space: Space) -> list[dict[str, Any]]:
    """Without when they were recorded, which two runs cannot share."""
    lines = [json.loads(line) for line in space.hub("events", "--format", "json").stdout.splitlines()]
    return [{name: value for name, value in line.items() if name != "recorded"} for line in lines]
