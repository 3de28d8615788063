"""Cases that test themselves: mistakes on purpose are noticed, and what came out can be written after a diff."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from hub.cli.check import CheckFormat, check_command
from hub.cli.mapping_test import mapping_test_command, mutate_command, update_command
from hub.cli.options import Format
from hub.mapping.build import build_file
from hub.mapping.check.checked import CheckContext
from hub.mapping.mutate import mutants

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace like the repository's own."""
    for name in ("mappings", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("hub.yaml", "people.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def edit(folder: Path, name: str, before: str, after: str) -> None:
    file = folder / "mappings" / name
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), "utf-8")


def test_the_shipped_cases_notice_every_mistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mutate_command(folder, (), Format.text, 0) == 0
    assert "no case notices" not in capsys.readouterr().out


def test_a_mistake_nobody_notices_is_printed_with_its_place(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    edit(folder, "rd-close.cases.yaml", ", product: LENS-25", ", product: LASER-1")
    edit(folder, "rd-close.cases.yaml", "customfield_10014: OPS-41, status: {name: To Do}", "status: {name: To Do}")
    edit(folder, "rd-close.cases.yaml", '{status: draft, project: "jira:OPS-41"}', "{status: draft}")
    assert update_command(folder, (), lambda question: True) == 0
    capfdbinary.readouterr()
    assert mutate_command(folder, (), Format.json, 0) == 1
    found = {one["integration"]: one for one in orjson.loads(capfdbinary.readouterr().out)}
    assert found["event-budget"]["unnoticed"] == []
    (one,) = found["rd-close"]["unnoticed"]
    assert one["mistake"].startswith("fields.customfield_10014 →")
    line = (folder / "mappings/rd-close.yaml").read_text("utf-8").splitlines()[one["line"] - 1]
    assert line[one["column"] - 1 :].startswith("fields.customfield_10014")
    assert mutate_command(folder, (), Format.json, 1) == 0


def test_mistakes_are_of_four_kinds(workspace: CheckContext) -> None:
    built = build_file(ROOT / "mappings/rd-close.yaml", workspace.schemas.newest)
    assert built.definition is not None
    words = [one.words for one in mutants(built.definition)]
    assert "row budget dropped" in words
    assert "Done: delivered → cancelled" in words
    assert "fields.summary → fields.summary_nowhere" in words
    assert any(word.startswith("> → <= in size(items) > 0") for word in words)
    assert len(words) == len({(one.place, one.words) for one in mutants(built.definition)})


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("rd-close", "new: planned", "new: active"),
        ("rd-close", "as: trim", "as: text"),
        ("rd-close", "fields.summary, required: true", "key, required: true"),
        ("rd-close", "required: true, means", "means"),
        ("rd-close", "days(14)", "days(7)"),
        ("rd-close", "size(items) > 0", "size(items) > 9"),
        ("rd-close", "over: 50000 CNY", "over: 1 CNY"),
        ("rd-close", 'project.outcome == "delivered"', 'project.outcome == "cancelled"'),
        ("rd-close", "filled(project.cost_center)", "filled(project.sponsor)"),
        ("event-budget", "Doing: active", "Doing: planned"),
    ],
)
def test_what_came_out_is_written_into_the_cases_after_a_diff(
    folder: Path, file: str, before: str, after: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("project-sync.yaml", "project-sync.cases.yaml"):  # it writes back through rd-close's rows
        (folder / "mappings" / name).unlink()
    cases = folder / f"mappings/{file}.cases.yaml"
    comments = [line for line in cases.read_text("utf-8").splitlines() if line.startswith("#")]
    edit(folder, f"{file}.yaml", before, after)
    assert mapping_test_command(folder, (), Format.text) == 1
    assert update_command(folder, (), lambda question: False) == 1
    assert mapping_test_command(folder, (), Format.text) == 1
    assert update_command(folder, (), lambda question: True) == 0
    assert f"+++ {cases} (updated)" in capsys.readouterr().out
    assert mapping_test_command(folder, (), Format.text) == 0
    assert [line for line in cases.read_text("utf-8").splitlines() if line.startswith("#")] == comments


def test_what_no_change_of_a_case_can_settle_still_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, "rd-close.cases.yaml", "loop: close-out", "loop: close-up")
    assert update_command(folder, (), lambda question: True) == 1
    assert "there is no loop close-up" in capsys.readouterr().out


def test_the_check_names_what_no_case_uses(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    edit(folder, "rd-close.yaml", "Software: software}", "Software: software, 软件: software}")
    edit(
        folder,
        "rd-close.yaml",
        "  - {field: closed_at",
        "  - {field: sponsor, from: fields.s, as: person}\n  - {field: closed_at",
    )
    assert check_command(folder, (), CheckFormat.json) == 0
    found = [(one["rule"], one["level"], one["message"]) for one in orjson.loads(capfdbinary.readouterr().out)]
    assert found == [
        ("uncovered-case", "warning", "no case uses row sponsor"),
        ("uncovered-case", "warning", 'no case uses entry "软件" of deliverable'),
    ]


def test_problems_of_a_cases_file_are_findings_of_the_check(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    edit(folder, "rd-close.cases.yaml", "  gives:", "  giives:")
    assert check_command(folder, (), CheckFormat.json) == 1
    assert [one["rule"] for one in orjson.loads(capfdbinary.readouterr().out)] == ["unknown-key"]
