"""Versions compared by meaning: what people would say has changed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.mapping.build import build
from hub.mapping.difference import difference, lines
from hub.mapping.table import IntegrationDef

TEXT = (Path(__file__).parents[3] / "mappings" / "rd-close.yaml").read_text("utf-8")


def version(*changes: tuple[str, str]) -> IntegrationDef:
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    found = build(text, "rd-close.yaml", {"project": 1, "purchase_item": 1, "expense": 1}).definition
    assert found is not None
    return found


def test_comments_layout_and_quoting_make_no_difference() -> None:
    other = version(("# answers for the integration", "# and more"), ("{new: planned", '{"new":   planned'))

    assert difference(version(), other) == ()


@pytest.mark.parametrize(
    ("change", "part", "detail", "governance"),
    [
        (("Software: software", "Software: equipment"), "row project.deliverable", "values.Software", False),
        (("from: fields.resolutiondate", "from: fields.updated"), "row project.closed_at", "from", False),
        (("days(14)", "days(15)"), "step close-out/purchase with.needed_by", "value", False),
        (('"open"\'', '"bought"\''), "related close-out/items", "where", False),
        (("over: 50000 CNY", "over: 60000 CNY"), "step close-out/purchase", "approve.over", False),
        (("settle: 5s", "settle: 6s"), "loop close-out", "settle", False),
        (("owner: purchasing", "owner: pmo"), "table purchase_item ← pm.issue", "owner", True),
        (
            ("owner: finance, privacy: finance, change", "owner: pmo, privacy: finance, change"),
            "row project.budget",
            "owner",
            True,
        ),
        (("zh: 项目名称", "zh: 名称"), "row project.name", "means.zh", True),
        (("review: [pmo, finance]", "review: [pmo]"), "integration rd-close", "change.review", True),
    ],
    ids=lambda value: str(value)[:24],
)
def test_one_change_is_one_detail_of_its_part(
    change: tuple[str, str], part: str, detail: str, governance: bool
) -> None:
    found = difference(version(), version(change))

    assert [(one.part, one.change, one.governance) for one in found] == [(part, "changed", governance)]
    assert [one.name for one in found[0].details] == [detail]


def test_a_row_that_went_is_told_once_and_moved_rows_as_an_order() -> None:
    row = "  - {field: closed_at, from: fields.resolutiondate, as: instant}\n"
    gone = difference(version(), version((row, "")))
    moved = difference(version(), version((row, ""), ("  - {field: name,", f"{row}  - {{field: name,")))

    assert [(one.part, one.change) for one in gone] == [("row project.closed_at", "removed")]
    assert [(one.part, one.details[0].name) for one in moved] == [("table project ← pm.issue", "order of rows")]


def test_lines_tell_logic_apart_from_governance() -> None:
    told = list(lines(difference(version(), version(("days(14)", "days(15)"), ("owner: purchasing", "owner: pmo")))))

    assert told[0] == "changes what comes out:"
    assert "changes who answers and how it is described:" in told
