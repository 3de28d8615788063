"""``hub doctor``: it names what is wrong, says how to fix it, and changes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hub.bootstrap import open_workspace
from hub.cli.app import run
from hub.cli.doctor import diagnose
from hub.cli.doctor_line import Line
from hub.store.migrations import HEAD
from tests.cluster.broker import free_ports

ROOT = Path(__file__).parents[2]
HUB_YAML = """\
mappings: {root}/mappings
schemas: {root}/schemas
people: {root}/people.yaml
connections:
  jira: {{url: builtin, secret: "file:jira.secret"}}
  trello: {{url: builtin, secret: "file:trello.secret"}}
  erp: {{url: "{erp}", allow: ["{erp}"]}}
  mail: {{url: builtin}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped tables; the ERP does not answer."""
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    (tmp_path / "hub.yaml").write_text(HUB_YAML.format(root=ROOT, erp=nobody), "utf-8")
    for name in ("jira", "trello"):
        file = tmp_path / f"{name}.secret"
        file.write_text("an obviously made-up secret", "utf-8")
        file.chmod(0o600)
    return tmp_path


def by_name(folder: Path) -> dict[str, Line]:
    return {line.what: line for line in diagnose(folder)}


def make_store(folder: Path) -> Path:
    opened = open_workspace(folder)
    opened.store.close()
    return opened.database


def execute(file: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(statement, values)


def test_a_new_workspace_is_sound_but_for_who_is_not_there(folder: Path) -> None:
    lines = by_name(folder)
    wrong = {name: line.level for name, line in lines.items() if line.level != "ok"}
    assert wrong == {"serving": "warn", "connection erp": "fail"}
    assert not (folder / ".hub").exists()


def test_whatever_is_not_well_comes_with_its_fix(folder: Path) -> None:
    (folder / "jira.secret").write_text("", "utf-8")
    (folder / "trello.secret").chmod(0o644)
    lines = by_name(folder)
    assert lines["secret of jira"].level == "fail"
    assert lines["secret file:trello.secret"] == Line(
        "secret file:trello.secret",
        "warn",
        "every account of this machine may read it",
        f"chmod 600 {folder / 'trello.secret'}",
    )
    assert [line.what for line in lines.values() if line.level != "ok" and not line.fix] == []


def test_an_older_schema_is_told_and_left_as_it_is(folder: Path) -> None:
    file = make_store(folder)
    execute(file, "UPDATE alembic_version SET version_num = '0001'")
    assert by_name(folder)["schema"].level == "warn"
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


def test_a_newer_schema_is_a_failure(folder: Path) -> None:
    execute(make_store(folder), "UPDATE alembic_version SET version_num = '9999'")
    assert "newer hub" in by_name(folder)["schema"].message


def test_the_schema_of_this_release_is_well(folder: Path) -> None:
    make_store(folder)
    lines = by_name(folder)
    assert lines["schema"] == Line("schema", "ok", f"{HEAD}, this release's")
    assert lines["clock"].level == "ok"


def test_a_clock_that_was_set_back_is_a_failure(folder: Path) -> None:
    file = make_store(folder)
    ahead = open_workspace(folder).clock.now() + 3_600_000_000
    row = ("jira", b"r", b"f", 0, ahead, "webhook", False, "", b"{}", b"")
    columns = "connection, ref, fingerprint, nth, received_at, origin, conflict, cause, headers, body"
    execute(file, f"INSERT INTO delivery ({columns}) VALUES ({','.join('?' * len(row))})", *row)
    line = by_name(folder)["clock"]
    assert line.level == "fail"
    assert line.message.startswith(("3599 s", "3600 s"))


def test_a_damaged_database_is_one_line_and_the_rest_is_still_looked_at(folder: Path) -> None:
    make_store(folder).write_bytes(b"no database at all" * 1000)
    lines = by_name(folder)
    assert lines["store"].level == "fail"
    assert lines["connection mail"].level == "ok"


def test_a_database_others_may_open_is_a_risk(folder: Path) -> None:
    make_store(folder).chmod(0o644)
    assert by_name(folder)["store settings"].fix.startswith("chmod 600")


def test_a_typo_in_the_settings_is_a_line_with_its_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "hub.yaml").open("a", encoding="utf-8") as file:
        file.write("governence: on\n")
    assert run(["doctor", "-w", str(folder)]) == 1
    said = capsys.readouterr().out
    assert "hub.yaml:9:1: unknown key 'governence'" in said
    assert "fix: did you mean 'governance'?" in said


def test_json_is_one_document_and_the_exit_code_says_whether_anything_fails(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    import json

    assert run(["doctor", "-w", str(folder), "--format", "json"]) == 1
    said = json.loads(capfdbinary.readouterr().out)
    assert said["ok"] is False
    assert {line["level"] for line in said["lines"]} == {"ok", "warn", "fail"}
