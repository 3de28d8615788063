"""``hub backup``: a copy while the hub works, a copy that was changed, and a day-old one put back (B21, F29)."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from hub.engine.runlock import RunLock
from tests.integration.workspace import Space

PERSON = ("--as", "E1003", "--why", "disk replaced")


@pytest.fixture
def space(tmp_path: Path) -> Space:
    made = Space(tmp_path / "workspace")
    made.hub("ingest", "jira", str(made.story("jira")))
    return made


@pytest.fixture
def kept(space: Space, tmp_path: Path) -> Path:
    """A backup from before anything was sent."""
    space.hub("backup", str(tmp_path / "backup"))
    return tmp_path / "backup"


def close_everything(space: Space) -> dict[str, str]:
    """Let the hub work and finance approve; gives effect key -> what the target calls it."""
    space.json("settle", "--timeout", "20")
    for one in space.json("loop", "list"):
        for entry in one["waiting_for"]:
            if entry["kind"] == "approval":
                space.hub("loop", "approve", entry["ref"], "--as", "E1003", "--why", "within budget")
    space.json("settle", "--timeout", "20")
    return {one["key"]: one["remote_id"] for one in space.json("effect", "list") if one["state"] == "CONFIRMED"}


def comments(space: Space) -> int:
    """How many comments Jira holds, whoever made them."""
    books = sqlite3.connect(f"file:{space.folder / '.hub' / 'twins' / 'jira.db'}?mode=ro", uri=True)
    try:
        return int(books.execute("SELECT count(*) FROM object WHERE kind = 'comment'").fetchone()[0])
    finally:
        books.close()


def test_a_backup_is_sound_and_holds_what_the_database_held(space: Space, kept: Path) -> None:
    found = space.json("backup", str(kept), "--check")
    assert (found["ok"], found["problems"]) == (True, [])
    assert found["rows"]["delivery"] == space.json("status")["deliveries"]
    assert (kept / "workspace" / "mappings" / "rd-close.yaml").exists()
    assert not list(kept.rglob("*secret*"))
    assert [file.name for file in sorted(kept.iterdir())] == ["backup.json", "hub.db", "workspace"]
    assert (kept / "hub.db").stat().st_mode & 0o077 == 0


def test_a_backup_is_one_moment_of_a_database_that_is_written_to(space: Space, tmp_path: Path) -> None:
    with sqlite3.connect(space.folder / ".hub" / "hub.db") as other:  # what it has begun is not in the copy
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE delivery SET cause = 'half done'")
        found = space.json("backup", str(tmp_path / "meanwhile"))
        other.rollback()
    other.close()
    assert found["ok"]


@pytest.mark.parametrize("name", ["hub.db", "workspace/mappings/rd-close.yaml"])
def test_a_changed_byte_of_a_backup_is_named_and_it_is_not_restored(space: Space, kept: Path, name: str) -> None:
    data = bytearray((kept / name).read_bytes())
    data[len(data) // 2] ^= 1
    (kept / name).write_bytes(data)
    found = space.json("backup", str(kept), "--check", expect=1)
    assert [(one["place"], one["what"]) for one in found["problems"]] == [
        (name, "it was changed after the backup was made")
    ]
    before = space.json("status")
    assert not space.json("backup", str(kept), "--restore", *PERSON, expect=1)["ok"]
    assert space.json("status") == before


def test_a_database_that_does_not_hold_together_is_no_sound_backup(space: Space, kept: Path) -> None:
    """Copied with the right digest all the same: a row of the log was changed before the backup was made."""
    space.json("settle", "--timeout", "20")
    space.hub("prove", "OPS-90")
    with sqlite3.connect(space.folder / ".hub" / "hub.db") as db:
        db.execute("UPDATE event SET data = '{}' WHERE position = 3")
        db.execute("DELETE FROM outcome WHERE position = 2")
    db.close()
    found = space.json("backup", str(kept.with_name("changed")), expect=1)
    words = [one["what"] for one in found["problems"]]
    assert "event 3: it is not what was sealed" in words
    assert any(one.startswith("I2: ") for one in words)


def test_a_crash_in_a_backup_leaves_none_and_the_hub_as_it_was(space: Space, tmp_path: Path) -> None:
    before = space.json("status")
    space.hub("backup", str(tmp_path / "cut"), crash_at="B21", expect=-9)
    assert not (tmp_path / "cut").exists()
    assert "holds no backup" in space.hub("backup", str(tmp_path / "cut"), "--check", expect=2).stderr
    assert space.json("status") == before
    assert space.json("backup", str(tmp_path / "cut"))["ok"]
    assert not (tmp_path / "cut.unfinished").exists()


def test_a_crash_in_a_restore_leaves_the_old_database_whole(space: Space, kept: Path) -> None:
    space.json("settle", "--timeout", "20")
    before = space.json("status")
    space.hub("backup", str(kept), "--restore", *PERSON, crash_at="B21", expect=-9)
    assert space.json("status") == before
    assert space.json("backup", str(kept), "--restore", *PERSON)["restored"]
    assert space.json("status")["effects"] == {}


def test_what_a_day_old_backup_forgot_is_found_in_the_targets_and_made_once(space: Space, kept: Path) -> None:
    """The drill of F29: documents and comments were made after the copy; the restored hub decides them anew."""
    made = close_everything(space)
    told = comments(space)
    assert len(made) > 8
    said = space.json("backup", str(kept), "--restore", *PERSON)
    assert said["stopped"] == ["event-budget", "rd-close"]
    assert (space.folder / ".hub" / said["aside"]).exists()
    space.json("settle", "--timeout", "3")
    halted = space.json("effect", "list")
    assert {one["state"] for one in halted} == {"PLANNED"}
    (health,) = space.json("health", "rd-close")["integrations"]
    assert (health["status"], "hub reconcile" in health["reason"]["en"]) == ("action_required", True)
    adopted = space.json("reconcile", "rd-close", expect=None)["adopted"]
    assert {one["effect"] for one in adopted} == {one["key"] for one in halted}
    space.hub("resume", "rd-close", *PERSON)
    assert close_everything(space) == made
    assert comments(space) == told
    assert set(space.documents().values()) == {1}
    assert space.json("verify", "--store")["ok"]


def test_without_reconciliation_too_every_target_is_asked_before_anything_is_sent(space: Space, kept: Path) -> None:
    made = close_everything(space)
    told = comments(space)
    space.hub("backup", str(kept), "--restore", *PERSON)
    space.hub("resume", "rd-close", *PERSON)
    assert close_everything(space) == made
    assert comments(space) == told
    assert set(space.documents().values()) == {1}


def test_a_backup_is_restored_into_an_empty_folder_too(space: Space, kept: Path, tmp_path: Path) -> None:
    space.json("settle", "--timeout", "20")
    other = Space.at(tmp_path / "elsewhere")
    said = other.json("backup", str(kept), "--restore", *PERSON)
    assert "hub.yaml" in said["files"]
    assert other.json("status")["deliveries"] == json.loads((kept / "backup.json").read_bytes())["rows"]["delivery"]


def refused(space: Space, *words: str) -> str:
    return space.hub("backup", *words, expect=2).stderr


def test_what_cannot_be_restored_is_refused_in_words(space: Space, kept: Path, tmp_path: Path) -> None:
    assert "--as PERSON" in refused(space, str(kept), "--restore")
    assert "nobody is called" in refused(space, str(kept), "--restore", "--as", "nobody", "--why", "x")
    assert "is there already" in refused(space, str(kept))
    assert "holds no backup" in refused(space, str(tmp_path), "--restore", *PERSON)
    lock = RunLock(space.folder / ".hub")
    lock.take()
    try:
        assert "serves the workspace" in refused(space, str(kept), "--restore", *PERSON)
    finally:
        lock.release()


def events_of(space: Space, kind: str) -> list[dict[str, Any]]:
    lines = space.hub("events", "--type", kind, "--format", "json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_who_restored_what_and_why_is_kept(space: Space, kept: Path) -> None:
    space.hub("backup", str(kept), "--restore", *PERSON)
    (event,) = events_of(space, "workspace.restored")
    assert event["data"]["set"]["who"] == "E1003"
    assert event["data"]["set"]["why"] == "disk replaced"
    assert [one["data"]["set"]["kind"] for one in events_of(space, "integration.halted")] == ["restored"] * 2
    with sqlite3.connect(space.folder / ".hub" / "hub.db") as db:
        audits = db.execute("SELECT who, why FROM audit WHERE action = 'workspace restore'").fetchall()
    db.close()
    assert audits == [("E1003", "disk replaced")]
