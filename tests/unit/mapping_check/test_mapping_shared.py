"""Shared files: what they give a table, where their problems are shown, and that a recorded version keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.mapping.build import Built, build, build_file
from hub.mapping.check.checked import CheckContext
from hub.mapping.check.run import check_integrations

HEAD = "integration: t\nowner: ops\nsystems: {pm: jira}\ntables:\n- entity: project\n  source: pm.issue\n  key: id\n"
ROWS = "  fields:\n  - {field: name, from: fields.summary}\n"
MAP = "shared: jira-status\nvalues:\n  To Do: planned\n  完成: closed\notherwise: keep\n"
DATES = "shared: dates\nowner: pmo\nfields:\n- {field: created_at, from: fields.created, as: instant}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/jira-status.yaml").write_text(MAP)
    (tmp_path / "shared/dates.yaml").write_text(DATES)
    return tmp_path


def built(folder: Path, rows: str) -> Built:
    (folder / "t.yaml").write_text(HEAD + ROWS + rows)
    return build_file(folder / "t.yaml", {"project": 1}, name="mappings/t.yaml")


STATUS = "  - {field: status, from: fields.status.name, use: shared/jira-status}\n"


def test_a_row_takes_the_map_and_what_the_rest_becomes(folder: Path) -> None:
    made = built(folder, STATUS).definition
    assert made is not None
    row = made.tables[0].rows[1]
    assert row.values == {"To Do": "planned", "完成": "closed"}
    assert row.otherwise.kind == "keep"
    assert str(row.values_places["完成"]) == "mappings/shared/jira-status.yaml:4:7"


def test_a_row_s_own_entries_and_otherwise_come_on_top(folder: Path) -> None:
    made = built(folder, STATUS.replace("}\n", ", values: {Doing: active}, otherwise: quarantine}\n")).definition
    assert made is not None
    row = made.tables[0].rows[1]
    assert (row.values or {})["Doing"] == "active"
    assert row.otherwise.kind == "quarantine"


def test_an_entry_of_both_is_a_duplicate(folder: Path) -> None:
    found = built(folder, STATUS.replace("}\n", ", values: {完成: planned}}\n"))
    assert [(one.rule, one.place.file) for one in found.findings] == [("duplicate-key", "mappings/t.yaml")]


def test_rows_of_a_shared_file_stand_where_they_are_used_with_the_owner_of_their_file(folder: Path) -> None:
    made = built(folder, "  - use: shared/dates\n  - {field: url, from: self}\n").definition
    assert made is not None
    assert [row.field for row in made.tables[0].rows] == ["name", "created_at", "url"]
    assert [row.governance.owner for row in made.tables[0].rows] == ["ops", "pmo", "ops"]


def test_problems_are_shown_in_the_shared_file_s_own_line(folder: Path, workspace: CheckContext) -> None:
    (folder / "shared/jira-status.yaml").write_text(MAP.replace("closed", "finished"))
    made = built(folder, STATUS)
    found = [one for one in check_integrations([made], workspace) if one.rule == "unknown-value-target"]
    assert [str(one.place) for one in found] == ["mappings/shared/jira-status.yaml:4:7"]
    assert "finished" in made.others["mappings/shared/jira-status.yaml"]


def test_a_broken_shared_file_is_reported_once_for_all_who_use_it(folder: Path, workspace: CheckContext) -> None:
    (folder / "shared/dates.yaml").write_text(DATES + "- {field: due_at, form: x}\n")
    found = check_integrations([built(folder, "  - use: shared/dates\n") for _ in range(2)], workspace)
    found = [one for one in found if one.place.file.startswith("mappings/shared/")]
    assert [one.rule for one in found] == ["unknown-key"]


@pytest.mark.parametrize(
    "name", ["shared/nope", "shared/../secrets", "rates/eur", "jira-status", "/etc/passwd", "shared/"]
)
def test_a_name_that_is_no_shared_file_is_a_finding(folder: Path, name: str) -> None:
    found = built(folder, f"  - {{field: status, from: a, use: {name}}}\n").findings
    assert [one.rule for one in found] == ["unknown-file"]


def test_a_near_name_is_suggested(folder: Path) -> None:
    found = built(folder, "  - use: shared/date\n").findings
    assert found[0].fix == 'did you mean "shared/dates"?'


def test_a_file_without_what_is_used_of_it_is_a_finding(folder: Path) -> None:
    assert [one.rule for one in built(folder, "  - use: shared/jira-status\n").findings] == ["unknown-file"]


def test_a_shared_file_uses_no_other(folder: Path) -> None:
    (folder / "shared/dates.yaml").write_text(DATES + "- use: shared/jira-status\n")
    assert [one.rule for one in built(folder, "  - use: shared/dates\n").findings] == ["unknown-file"]


def test_both_hashes_cover_what_is_used_and_nothing_else(folder: Path) -> None:
    before = built(folder, STATUS).definition
    (folder / "shared/dates.yaml").write_text(DATES.replace("pmo", "finance"))
    unused = built(folder, STATUS).definition
    (folder / "shared/jira-status.yaml").write_text(MAP.replace("planned", "active"))
    used = built(folder, STATUS).definition
    assert before is not None
    assert unused is not None
    assert used is not None
    assert (before.logic, before.table) == (unused.logic, unused.table)
    assert before.logic != used.logic
    assert before.table != used.table


def test_a_recorded_version_means_what_it_meant_when_the_shared_file_has_changed(folder: Path) -> None:
    made = built(folder, STATUS + "  - use: shared/dates\n").definition
    assert made is not None
    for file in (folder / "shared").iterdir():
        file.unlink()
    again = build(made.source, "t@1", {"project": 1})
    assert again.findings == ()
    assert again.definition is not None
    assert (again.definition.logic, again.definition.table) == (made.logic, made.table)
    assert again.definition.source == made.source


def test_a_file_that_uses_none_keeps_its_own_text(folder: Path) -> None:
    made = built(folder, "").definition
    assert made is not None
    assert made.source == HEAD + ROWS
