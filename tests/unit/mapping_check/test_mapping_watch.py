"""``hub check --watch`` and ``--explain``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub.cli.check_watch import stamps, watch
from hub.errors import UsageError
from hub.mapping.check.explain import explain
from hub.mapping.check.registry import RULES


def test_a_change_is_checked_again_and_no_change_is_not() -> None:
    looks = [{Path("a"): (1, 1)}, {Path("a"): (1, 1)}, {Path("a"): (2, 1)}, {}]
    done: list[int] = []
    watch(lambda: looks[0], lambda: done.append(len(looks)), lambda: bool(looks.pop(0)) and bool(looks))
    assert done == [4, 2, 1]


def test_files_of_the_workspace_are_watched_new_and_gone_ones_too(tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "schemas/project").mkdir(parents=True)
    (tmp_path / "hub.yaml").write_text("a")
    before = stamps(tmp_path, ())
    assert list(before) == [tmp_path / "hub.yaml"]
    mapping = tmp_path / "mappings/a.yaml"
    mapping.write_text("integration: a")
    (tmp_path / "schemas/project/v1.json").write_text("{}")
    outside = tmp_path / "other.yaml"
    outside.write_text("x")
    found = stamps(tmp_path, [outside, tmp_path / "gone.yaml"])
    assert len(found) == 4
    os.utime(mapping, ns=(1, 1))
    assert stamps(tmp_path, [outside]) != found


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_explains_itself_with_reason_example_and_fix(name: str) -> None:
    page = explain(name)
    assert page.startswith(f"{name}\n\n")
    assert "\nExample:\n\n    " in page
    assert "\nFix: " in page


def test_a_misspelt_rule_is_a_wrong_command_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="unused-relatd") as raised:
        explain("unused-relatd")
    assert 'did you mean "unused-related"?' in str(raised.value)
