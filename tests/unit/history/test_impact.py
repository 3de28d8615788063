"""The impact of a change over a seeded history is exactly what was planted: no record more, none less."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hub.cli.mapping_versions import Opening
from hub.history import counted
from hub.history.impact import Impact, impact
from hub.history.impact_report import report
from hub.history.impact_text import lines, page, told
from hub.mapping.build import build
from tests.project_history import CLOSES_EVERY, PER_PROJECT, History, history, recorded

ASSET = "close-out", "asset"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, History, str, str]:
    made = history(20_000, affected=37)
    folder = tmp_path_factory.mktemp("impact") / "space"
    _, before, after = recorded(folder, made)
    return folder, made, before, after


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, History, str, str]:
    made = history(3_000, affected=21)
    folder = tmp_path_factory.mktemp("small") / "space"
    _, before, after = recorded(folder, made)
    return folder, made, before, after


def predicted(folder: Path, before: str, after: str, jobs: int = 1) -> tuple[Impact, dict[str, Any]]:
    found = impact(Opening(folder, before, after), jobs=jobs)
    versions = {"project": 1, "purchase_item": 1, "expense": 1}
    one, other = (build(text, "rd-close.yaml", versions).definition for text in (before, after))
    assert one is not None
    assert other is not None
    return found, report(found, one, other)


def test_exactly_the_planted_records_entities_and_documents_are_found(
    planted: tuple[Path, History, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, made, before, after = planted
    monkeypatch.setattr(counted, "EXAMPLES_MAX", 1_000)

    _, said = predicted(folder, before, after)

    assert said["history"]["records"] == 20_000
    assert said["records"]["differ"] == made.records == 37
    keys = {one["key"] for group in said["values"]["groups"] for one in group["examples"]}
    assert keys == made.projects
    assert said["entities"]["differ"] == said["entities"]["changed"] == len(made.projects)
    [asset] = [one for one in said["documents"]["groups"] if (one["loop"], one["step"]) == ASSET]
    assert {one["subject"] for one in asset["examples"]} == set(made.assets)
    assert [one["difference"] for one in said["amounts"]] == [f"{sum(made.assets.values(), Decimal(0)):.2f}"]


def test_sums_of_the_groups_are_the_totals(small: tuple[Path, History, str, str]) -> None:
    folder, _, before, after = small
    changed = after.replace("customfield_10302", "customfield_10301").replace("days(14)", "days(15)")

    _, said = predicted(folder, before, changed)

    for name in ("values", "loops", "steps", "documents"):
        assert said[name]["differ"] == sum(group["count"] for group in said[name]["groups"]), name
    assert said["entities"]["differ"] == sum(one["differ"] for one in said["entities"]["kinds"])
    assert said["documents"]["differ"] > 0
    for side in ("before", "after", "difference"):
        parts = [Decimal(one[side]) for group in said["documents"]["groups"] for one in group["amounts"]]
        assert sum(parts, Decimal(0)) == Decimal(said["amounts"][0][side])


def test_two_processes_find_what_one_finds(small: tuple[Path, History, str, str]) -> None:
    folder, _, before, after = small

    (_, alone), (_, shared) = (predicted(folder, before, after, jobs) for jobs in (1, 2))

    assert {**alone, "cost": None} == {**shared, "cost": None}


def test_a_new_owner_changes_nothing_that_comes_out(small: tuple[Path, History, str, str]) -> None:
    folder, _, before, _ = small

    found, said = predicted(folder, before, before.replace("owner: purchasing", "owner: pmo"))

    assert found.objects == 0
    assert said["records"]["differ"] == said["documents"]["differ"] == said["entities"]["differ"] == 0


def test_a_changed_loop_is_run_again_only_where_its_subject_closes(small: tuple[Path, History, str, str]) -> None:
    folder, _, before, _ = small

    found, said = predicted(folder, before, before.replace("days(14)", "days(15)"))

    closing = -(-3_000 // PER_PROJECT // CLOSES_EVERY)
    assert found.objects == closing * 6
    [group] = said["documents"]["groups"]
    assert (group["step"], group["change"], group["count"]) == ("purchase", "changed", closing)
    needed = [(one["before"]["needed_by"], one["after"]["needed_by"]) for one in group["examples"]]
    assert set(needed) == {("2026-03-19", "2026-03-20")}


def test_a_value_no_entry_knows_is_shown_as_a_refusal(small: tuple[Path, History, str, str]) -> None:
    folder, made, before, _ = small

    _, said = predicted(folder, before, before.replace(", Software: software}", "}"))

    [group] = said["records"]["groups"]
    assert (group["change"], group["count"]) == ("mapped → unknown-value", made.records)
    assert group["row"].endswith("project/pm.issue.deliverable")
    assert group["owner"] == "pmo"
    outcomes = {(one["before"], one["after"]): one["records"] for one in said["outcomes"]}
    assert outcomes["applied", "quarantined(unknown-value)"] > 0


def test_the_report_reads_as_text_and_as_a_page_that_escapes_what_records_say(
    small: tuple[Path, History, str, str],
) -> None:
    folder, made, before, after = small
    _, said = predicted(folder, before, after)
    said["values"]["groups"][0]["examples"][0]["after"] = "<script>"

    text, html = "\n".join(lines(said)), page(said)

    assert f"records mapped differently: {made.records}" in text
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_people_read_values_as_they_are_said_and_only_what_differs_of_two_documents() -> None:
    money = {"amount": "1000.00", "currency": "CNY"}
    before = {"body": "ERP", "value": None, "issue": "1"}

    assert told("software", None) == "software → (nothing)"
    assert told(before, before | {"value": money}) == "value: (nothing) → 1000.00 CNY"
    assert (
        told(None, {"name": "Laser", "lines": [{"quantity": 2}]}, "zh") == "(无) → name: Laser, lines: [quantity: 2]"
    )
    assert told(money, money | {"amount": "5.00"}) == "1000.00 CNY → 5.00 CNY"


def test_the_report_is_chinese_where_the_workspace_is(small: tuple[Path, History, str, str]) -> None:
    folder, made, before, after = small
    _, said = predicted(folder, before, after)

    assert f"映射结果不同的记录: {made.records}" in "\n".join(lines(said, "zh"))
    assert "会有哪些不同" in page(said, "zh")
