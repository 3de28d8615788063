"""``hub db copy``: an embedded hub in the middle of its closings moves to PostgreSQL and goes on there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.workspace import Space


def events(space: Space) -> list[dict[str, Any]]:
    return [json.loads(line) for line in space.hub("events", "--format", "json").stdout.splitlines()]


def test_a_hub_in_the_middle_of_its_closings_goes_on_in_postgresql(tmp_path: Path, database: str) -> None:
    space = Space(tmp_path / "space")
    space.hub("ingest", "jira", str(space.story("jira")))
    assert space.json("settle")["settled"]
    space.hub("ingest", "trello", str(space.story("trello")))  # accepted, not concluded yet
    assert space.json("loop", "show", "OPS-41")["steps"]["purchase"] == "asking"
    before, sent = events(space), space.documents()

    said = space.json("db", "copy", "sqlite:.hub/hub.db", database)
    assert said["rows"]["event"] == len(before)
    refused = space.hub("db", "copy", "sqlite:.hub/hub.db", database, expect=1)
    assert "not empty" in refused.stderr

    file = space.folder / "hub.yaml"
    file.write_text(f"store: {database}\n" + file.read_text("utf-8"), "utf-8")
    assert space.json("db", "version")["current"]
    assert space.json("status")["records"]["in_flight"] > 0
    space.json("loop", "approve", "OPS-41", "--as", "E1003", "--why", "within budget")
    assert space.json("settle")["settled"]
    assert space.json("loop", "show", "OPS-41")["state"] == "done"
    assert space.json("status")["records"]["unaccounted"] == 0
    assert events(space)[: len(before)] == before
    effects = [one for one in space.json("effect", "list") if one["action"].startswith("erp.")]
    assert len(effects) > len(sent)
    assert space.documents() == {one["reference"]: 1 for one in effects}
    assert space.json("verify", "--store")["ok"]


def test_where_the_hub_is_running_or_the_address_is_no_good_nothing_is_copied(tmp_path: Path, database: str) -> None:
    from hub.engine.runlock import RunLock

    space = Space(tmp_path / "space")
    assert space.json("db", "version", expect=1)["schema"] is None
    assert space.json("db", "migrate")["current"]
    lock = RunLock(space.folder / ".hub")
    lock.take()
    running = space.hub("db", "copy", "sqlite:.hub/hub.db", database, expect=2)
    lock.release()
    assert "the hub is running" in running.stderr
    secret = space.hub("db", "copy", "sqlite:.hub/hub.db", "postgresql://hub:hunter2@db/hub", expect=2)
    assert "hunter2" not in secret.stderr
    space.hub("db", "copy", "sqlite:.hub/other.db", database, expect=1)
