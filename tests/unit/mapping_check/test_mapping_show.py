"""``hub mapping show ENTITY``: a row with what it inherits, who reads it, what came and what it refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from hub.cli.mapping_show import show_command
from hub.cli.options import Format
from hub.errors import NotFound, UsageError
from hub.mapping.build import build
from hub.mapping.readers import readers

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace like the repository's own, never run."""
    for name in ("mappings", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("hub.yaml", "people.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_row_shows_everything_it_inherits(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert show_command(folder, "project", "status", Format.json) == 0
    other, row = orjson.loads(capfdbinary.readouterr().out)["rows"]
    assert other["row"] == "project-sync/project/erp.project.status", "two tables feed it"
    assert row["row"] == "rd-close/project/pm.issue.status"
    assert (row["owner"], row["every"], row["review"]) == ("pmo", "change", ["pmo", "finance"])
    assert row["values"] == {"new": "planned", "indeterminate": "active", "done": "closed"}
    assert row["otherwise"] == "quarantine"
    assert row["comes_from"] == {
        "connection": "jira",
        "stream": "jira.issue",
        "paths": ["fields.status.statusCategory.key"],
    }
    assert (row["seen"], row["quarantined"]) == ([], 0)
    assert not (folder / ".hub").exists(), "looking makes no database"


def test_a_field_is_traced_to_every_condition_payload_and_expectation(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert show_command(folder, "expense", "amount", Format.json) == 0
    (row,) = orjson.loads(capfdbinary.readouterr().out)["rows"]
    assert [(one["integration"], one["where"]) for one in row["read_by"]] == [
        ("monthly-settlement", "loop settle-month, step settle, approve"),
        ("monthly-settlement", "loop settle-month, step settle, expect amount"),
        ("monthly-settlement", "loop settle-month, step settle, with amount"),
        ("rd-close", "loop close-out, step reimburse, expect amount"),
        ("rd-close", "loop close-out, step reimburse, with amount"),
    ], "by integration, as the files are listed"


def test_text_names_source_owner_and_readers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_command(folder, "project", "outcome", Format.text) == 0
    text = capsys.readouterr().out
    assert "jira.issue  fields.resolution.name" in text
    assert "Won't Do → cancelled; otherwise quarantine" in text
    assert "loop close-out, when: project.status" in text


def test_an_integration_lists_its_rows_as_before(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_command(folder, "rd-close", "", Format.text) == 0
    assert "project ← jira.issue" in capsys.readouterr().out


def test_what_does_not_exist_is_named_with_what_does(folder: Path) -> None:
    with pytest.raises(NotFound, match="there is no entity and no integration 'projekt'"):
        show_command(folder, "projekt", "", Format.text)
    with pytest.raises(NotFound, match=r"no row fills project\.budgt"):
        show_command(folder, "project", "budgt", Format.text)
    with pytest.raises(UsageError, match="--row needs an entity"):
        show_command(folder, "rd-close", "name", Format.text)


LOOP = """
integration: t
owner: ops
systems: {erp: erp}
loops:
- loop: close
  for: project
  when: 'project.status == "closed" && was.status != "closed"'
  starts: {of: project.closed_at}
  related:
    items: {entity: purchase_item, by: project, where: 'purchase_item.quantity > 0'}
  require: [{check: 'items.all(i, filled(i.product))', else: {en: x}}]
  steps:
  - step: buy
    do: erp.purchase_requisition.create
    if: 'items.filter(i, i.status == "open").exists(j, j.price > money("1 CNY"))'
    with:
    - {field: lines, each: {line: items}, fields: [{field: product, from: line.product}]}
    - {field: title, value: 'project.name'}
    approve: {role: finance, of: 'items.map(i, i.quantity * i.price).sum()', over: 1 CNY}
"""


@pytest.mark.parametrize(
    ("kind", "field", "wanted"),
    [
        ("project", "status", ["when"]),
        ("project", "closed_at", ["starts.of"]),
        ("project", "name", ["step buy, with title"]),
        ("purchase_item", "project", ["related items"]),
        ("purchase_item", "quantity", ["related items", "step buy, approve"]),
        ("purchase_item", "product", ["require", "step buy, with lines product"]),
        ("purchase_item", "status", ["step buy, if"]),
        ("purchase_item", "price", ["step buy, if", "step buy, approve"]),
        ("purchase_item", "name", []),
    ],
)
def test_readers_see_through_macros_filters_and_each(kind: str, field: str, wanted: list[str]) -> None:
    definition = build(LOOP, "t.yaml", {}).definition
    assert definition is not None
    found = readers([definition], kind, field)
    assert [one.where for one in found] == [f"loop close, {where}" for where in wanted]
