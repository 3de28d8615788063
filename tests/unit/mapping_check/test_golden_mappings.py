"""Golden files: every err file has exactly the findings beside it and a fix; ok files and shipped mappings none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.mapping.check.registry import RULES
from hub.model.diagnostic import Diagnostic

Check = Callable[..., list[Diagnostic]]
ROOT = Path(__file__).parents[3]
FIXED = sorted((ROOT / "tests/cases/err").glob("*.fixed.yaml"))
ERR = sorted(set((ROOT / "tests/cases/err").glob("*.yaml")) - set(FIXED))
OK = sorted((ROOT / "tests/cases/ok").glob("*.yaml"))
SHIPPED = sorted(file for file in (ROOT / "mappings").glob("*.yaml") if not file.name.endswith(".cases.yaml"))


@pytest.mark.parametrize("file", ERR, ids=lambda file: file.stem)
def test_a_wrong_file_has_exactly_the_findings_written_beside_it(file: Path, check: Check) -> None:
    found = check(file.read_bytes(), name=file.name)
    lines = [f"{each.place.line}:{each.place.column} {each.rule}" for each in found]
    assert lines == file.with_suffix(".out").read_text().splitlines()


@pytest.mark.parametrize("file", ERR, ids=lambda file: file.stem)
def test_every_finding_says_what_and_how_to_fix_it(file: Path, check: Check) -> None:
    for each in check(file.read_bytes(), name=file.name):
        assert each.message
        assert each.place.end_column > each.place.column
        assert each.why, each
        assert each.fix, each


@pytest.mark.parametrize("file", FIXED, ids=lambda file: file.name.removesuffix(".fixed.yaml"))
def test_the_fix_makes_a_wrong_file_good(file: Path, check: Check) -> None:
    assert check(file.read_bytes(), name=file.name) == []


def test_the_corpus_is_as_large_as_promised_and_every_wrong_file_has_its_fix() -> None:
    assert len(ERR) >= 120
    assert len(OK) >= 40
    assert [file.name for file in ERR if not file.with_suffix(".fixed.yaml").is_file()] == []


@pytest.mark.parametrize("file", [*OK, *SHIPPED], ids=lambda file: file.stem)
def test_a_right_file_is_silent(file: Path, check: Check) -> None:
    assert check(file.read_bytes(), name=file.name) == []


def test_the_shipped_mappings_go_together(check: Check) -> None:
    assert check(*(file.read_bytes() for file in SHIPPED)) == []


def test_every_rule_has_a_golden_file() -> None:
    seen = {line.split()[1] for file in ERR for line in file.with_suffix(".out").read_text().splitlines()}
    assert set(RULES) <= seen


def test_findings_come_sorted_by_line_and_column(check: Check) -> None:
    found = check((ROOT / "tests/cases/err/many-at-once.yaml").read_bytes())
    assert [each.place for each in found] == sorted(each.place for each in found)
    assert len(found) >= 5
