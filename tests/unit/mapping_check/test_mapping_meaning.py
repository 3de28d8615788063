"""The two hashes: what can change an output, and all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.mapping.build import build
from hub.mapping.table import IntegrationDef

TEXT = (Path(__file__).parents[3] / "mappings/rd-close.yaml").read_text()
VERSIONS = {"project": 1, "purchase_item": 1, "expense": 1}


def built(text: str, versions: dict[str, int] = VERSIONS) -> IntegrationDef:
    found = build(text, "rd-close.yaml", versions)
    assert found.findings == ()
    assert found.definition is not None
    return found.definition


BEFORE = built(TEXT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  key: id  ", "  key:   id  # another comment "),
        ("{entity: expense, by: project,", "{by: project, entity: expense,"),
        ("as: trim}", "as: 'trim'}"),
        ("loops:\n", "# closing\n\nloops:\n"),
    ],
    ids=["comment", "key order", "quotes", "blank lines"],
)
def test_comments_and_layout_change_neither_hash(old: str, new: str) -> None:
    assert old in TEXT
    after = built(TEXT.replace(old, new))
    assert (after.logic, after.table) == (BEFORE.logic, BEFORE.table)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("owner: purchasing", "owner: pmo"),
        ("en: what people call the project", "en: its name"),
        ("every: change", "every: 5m"),
        ("fresh: 5m", "fresh: 6m"),
        ("review: [pmo, finance]", "review: [pmo]"),
        ("privacy: personal", "privacy: none"),
        ("en: cost centre missing", "en: no cost centre"),
    ],
)
def test_owners_meanings_and_frequencies_change_only_what_people_approve(old: str, new: str) -> None:
    assert old in TEXT
    after = built(TEXT.replace(old, new))
    assert after.logic == BEFORE.logic
    assert after.table != BEFORE.table


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("fields.summary, required: true", "fields.summary"),
        ("new: planned", "new: active"),
        ("erp: erp}", "erp: tryton}"),
        ("zone: Asia/Shanghai", "zone: Asia/Tokyo"),
        ("at: 2026-01-01", "at: 2026-01-02"),
        ("within: 4h", "within: 5h"),
        ("to: finance, by: mail", "to: pmo, by: mail"),
        ("zone: Asia/Shanghai", "zone: Asia/Shanghai\ncalendar: CN"),
        ("over: 50000 CNY", "over: 50000.5 CNY"),
        ('"ERP: "', '"erp: "'),
        ("by: project, where: 'purchase_item.status == \"open\"'", "by: project"),
        ("once: life", "once: closing"),
        ("settle: 5s", "settle: 6s"),
    ],
)
def test_what_can_change_an_output_changes_both(old: str, new: str) -> None:
    assert old in TEXT
    after = built(TEXT.replace(old, new))
    assert after.logic != BEFORE.logic
    assert after.table != BEFORE.table


def test_a_newer_schema_changes_the_logic() -> None:
    assert built(TEXT, {**VERSIONS, "project": 2}).logic != BEFORE.logic


def test_constants_that_look_alike_are_told_apart() -> None:
    row = "{{field: cost_center, const: {}}}"
    old = "{field: cost_center, from: fields.customfield_10201.value, as: trim}"
    seen = {
        built(TEXT.replace(old, row.format(text))).logic for text in ("1", '"1"', "1.0", "true", '"true"', "null")
    }
    assert len(seen) == 6
