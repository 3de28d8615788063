"""``hub check`` on a workspace: exit codes, one JSON document, findings of every file of the folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from hub.cli.check import CheckFormat, check_command
from hub.cli.mapping_test import mapping_test_command
from hub.cli.options import Format
from hub.errors import UsageError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace like the repository's own."""
    for name in ("mappings", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("hub.yaml", "people.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_right_workspace_gives_an_empty_list_and_0(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert check_command(folder, (), CheckFormat.json) == 0
    assert orjson.loads(capfdbinary.readouterr().out) == []


def test_findings_of_the_folder_are_one_document_and_1(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder / "mappings/more.yaml").write_text("integration: more\nsystems: {pm: jira}\nownr: pmo\n")
    assert check_command(folder, (), CheckFormat.json) == 1
    rows = orjson.loads(capfdbinary.readouterr().out)
    assert [(Path(row["file"]).name, row["line"], row["rule"]) for row in rows] == [("more.yaml", 3, "unknown-key")]


def test_problems_of_people_are_findings_too(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (folder / "people.yaml").write_text("people:\n- {code: E1, nmae: A}\n")
    assert check_command(folder, (), CheckFormat.json) == 1
    assert [row["rule"] for row in orjson.loads(capfdbinary.readouterr().out)] == ["unknown-key"]


def test_every_file_a_finding_points_into_is_shown_with_the_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "people.yaml").write_text("people:\n- {code: E1, nmae: A}\n")
    assert check_command(folder, (), CheckFormat.text) == 1
    (folder / "people.yaml").write_text("people: []\n")
    (folder / "hub.yaml").write_text("connections:\n  jira: {url：builtin}\n")
    assert check_command(folder, (), CheckFormat.text) == 1

    said = capsys.readouterr().out
    assert " 2 | - {code: E1, nmae: A}\n   |              ^~~~\n" in said
    assert " 2 |   jira: {url：builtin}\n" in said
    assert "known keys: allow, api_token, connector" in said


def test_a_file_that_is_not_there_is_a_wrong_command(folder: Path) -> None:
    with pytest.raises(UsageError):
        check_command(folder, [folder / "nope.yaml"], CheckFormat.text)


def test_the_cases_of_a_workspace_run_and_fail_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mapping_test_command(folder, (), Format.text) == 0
    cases = folder / "mappings/rd-close.cases.yaml"
    cases.write_text(cases.read_text().replace("manager: E1001", "manager: E9999", 1))
    assert mapping_test_command(folder, (), Format.text) == 1
    assert 'manager is "E1001", wanted "E9999"' in capsys.readouterr().out


def test_all_names_schema_values_no_row_gives_as_information(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(
        "integration: t\nowner: ops\nevery: change\nsystems: {pm: jira}\ntables:\n- entity: project\n"
        "  source: pm.issue\n  key: id\n  fields:\n  - {field: name, from: fields.summary, required: true}\n"
        "  - {field: status, from: fields.status.name, values: {Open: active, Done: closed}}\n"
    )
    assert check_command(ROOT, [file], CheckFormat.json) == 0
    assert orjson.loads(capfdbinary.readouterr().out) == []
    assert check_command(ROOT, [file], CheckFormat.json, thorough=True) == 0
    (found,) = orjson.loads(capfdbinary.readouterr().out)
    assert (found["rule"], found["level"], found["line"]) == ("unproduced-value", "info", 11)
    assert found["message"] == "no row gives project.status: planned"
    assert check_command(ROOT, [file], CheckFormat.github, thorough=True) == 0
    assert capfdbinary.readouterr().out.startswith(b"::notice ")
