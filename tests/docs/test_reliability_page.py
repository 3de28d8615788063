"""Every guarantee names tests that exist; boundaries, classes and formulas are those of the code."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.manual import ROOT, boundaries, first_cells, page, section

PAGE = page("reliability.md")
NAMED = sorted(set(re.findall(r"`((?:tests|hub)/[\w/.-]+\.py)::(\w+)`", PAGE)))
GUARANTEE = re.compile(r"^\| (I\d+) \| [^|]+ \| (yes|in part|no)[^|]* \| ([^|]+) \|$", re.M)


@cache
def functions_of(file: str) -> frozenset[str]:
    """Functions and methods of a test module that pytest would run."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    found = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in found if name.startswith("test_"))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    assert (ROOT / file).is_file()
    assert name in functions_of(file)


def test_every_invariant_has_its_line_and_a_proved_one_its_test() -> None:
    told = {number: (proved, held) for number, proved, held in GUARANTEE.findall(PAGE)}

    assert list(told) == [f"I{number}" for number in range(1, 17)]
    assert [number for number, (proved, held) in told.items() if ("::" in held) != (proved != "no")] == []


def test_every_placed_boundary_has_its_row_and_no_other() -> None:
    assert first_cells(section(PAGE, "Crash boundaries")) == boundaries()


def test_a_boundary_said_to_be_killed_at_is_named_in_that_test() -> None:
    for name, file in re.findall(r"^\| `(B\d+)` \| [^|]+ \| `([^`]+)` \|$", PAGE, re.M):
        assert f'"{name}"' in (ROOT / file).read_text("utf-8"), f"{file} does not kill at {name}"
