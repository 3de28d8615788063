"""``hub replay --verify``: what the rows say follows from the events alone (I8); a replay that is killed (B18)."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.integration import test_schema_upgrade
from tests.integration.workspace import Space

PERSON = ("--as", "E1003", "--why", "as planned")
OWNER = ("--as", "E1007", "--why", "wrong project")


@pytest.fixture
def space(tmp_path: Path) -> Space:
    """Both stories have run; one closing was approved, one taken back."""
    made = Space(tmp_path / "space")
    for name in ("jira", "trello"):
        made.hub("ingest", name, str(made.story(name)))
    made.json("settle", "--timeout", "20")
    made.hub("loop", "approve", "OPS-41/purchase", *PERSON)
    made.hub("loop", "waive", "OPS-41/asset", *PERSON)
    made.hub("loop", "cancel", "OPS-50", *OWNER)
    made.json("settle", "--timeout", "20")
    return made


def rows(space: Space, statement: str) -> list[Any]:
    with sqlite3.connect(space.folder / ".hub" / "hub.db") as db:
        found = db.execute(statement).fetchall()
    db.close()
    return found


def test_what_the_rows_say_follows_from_the_events(space: Space) -> None:
    before = space.json("status")
    said = space.json("replay", "--verify")
    assert (said["ok"], said["differences"]) == (True, [])
    assert said["effects"] > 15
    assert said["events"] == rows(space, "SELECT count(*) FROM event")[0][0]
    assert space.json("status") == before


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE entity SET state = CAST(json_set(state, '$.status', 'active') AS BLOB) WHERE key = 'jira:10041'",
         ["project/jira:10041: status is not what its events say"]),
        ("UPDATE entity SET label = 'OPS-1' WHERE key = 'jira:10041'",
         ["project/jira:10041: label is 'OPS-1', its events say 'OPS-41'"]),
        ("DELETE FROM entity WHERE key = 'jira:10041'",
         ["project/jira:10041: events tell of it, and there is no row"]),
        ("UPDATE effect SET document = CAST(json_set(document, '$.state', 'CANCELLED') AS BLOB)"
         " WHERE action = 'issue.comment' AND subject = 'jira:10090'",
         ["effect/", ": state is not what its events say"]),
        ("DELETE FROM loop WHERE subject = 'jira:10090'", ["loop/", ": there is no row"]),
        ("DELETE FROM taken WHERE key = 'jira:10045'",
         ["expense/jira:10045 is not among what it took, its events differ"]),
    ],
)  # fmt: skip
def test_a_row_that_was_changed_behind_the_hubs_back_is_named(space: Space, statement: str, words: list[str]) -> None:
    rows(space, statement)
    said = space.json("replay", "--verify", expect=1)
    assert said["differing"] == len(said["differences"]) == 1
    assert all(one in said["differences"][0] for one in words)


def test_entities_of_an_older_schema_version_are_lifted_like_those_in_the_store(tmp_path: Path) -> None:
    made = test_schema_upgrade.space.__wrapped__(tmp_path)  # type: ignore[attr-defined]
    test_schema_upgrade.upgrade(made, test_schema_upgrade.STEP)
    made.json("settle")
    assert made.json("replay", "--verify")["differences"] == []


def test_a_replay_that_is_killed_is_finished_by_the_next_and_is_in_the_audit(space: Space) -> None:
    file = space.folder / "mappings" / "rd-close.yaml"
    old, new = "{field: name, from: fields.summary,", "{field: name, from: key,"
    assert old in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    space.hub("replay", *PERSON, crash_at="B18", expect=-9)
    audits = rows(space, "SELECT who, result FROM audit WHERE action = 'replay'")
    assert audits == [("E1003", "begun")]
    space.json("replay", *PERSON, expect=None)
    names = [json.loads(state)["name"] for (state,) in rows(space, "SELECT state FROM entity WHERE kind = 'project'")]
    assert sorted(names) == ["OPS-41", "OPS-50", "OPS-60", "OPS-70", "OPS-80", "OPS-90", "OPS-95"]
    assert space.json("replay", "--dry-run")["changed"] == 0
    assert space.json("replay", "--verify")["differences"] == []
