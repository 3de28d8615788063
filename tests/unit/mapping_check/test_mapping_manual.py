"""The manual page says what the code does: rules, converters, and its examples are readable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.mapping.build import TOP_KEYS
from hub.mapping.build_loop import LOOP_KEYS, STEP_KEYS
from hub.mapping.build_table import ROW_KEYS, TABLE_KEYS
from hub.mapping.case_file import read_cases
from hub.mapping.check import manual
from hub.mapping.check.registry import RULES
from hub.mapping.read import read

PAGE = (Path(__file__).parents[3] / "docs/mapping-table.md").read_text()
WRITTEN = PAGE[: PAGE.index("## Rules")]
EXAMPLES = re.findall(r"```yaml\n(.*?)```", WRITTEN, re.S)


def test_the_page_lists_every_rule_and_converter_as_the_code_has_them() -> None:
    assert manual.renewed(PAGE) == PAGE, "run: python -m hub.mapping.check.manual docs/mapping-table.md"


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_documents_what_why_an_example_and_the_fix(name: str) -> None:
    page = RULES[name].__doc__ or ""
    assert "Example::" in page
    assert "\nFix: " in page
    assert len(page.split("\n\n")) >= 4


@pytest.mark.parametrize("key", sorted({*TOP_KEYS, *TABLE_KEYS, *ROW_KEYS, *LOOP_KEYS, *STEP_KEYS}))
def test_every_key_of_the_grammar_is_on_the_page(key: str) -> None:
    assert re.search(rf"\b{key}\b", WRITTEN)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n", 1)[0][:30])
def test_examples_of_the_page_are_readable_yaml(example: str) -> None:
    _, findings = read(example, "mapping-table.md")
    assert findings.found == []


def test_the_example_cases_of_the_page_are_cases() -> None:
    example = next(text for text in EXAMPLES if text.startswith("cases:"))
    assert read_cases(example, "mapping-table.md").findings == ()
