"""The formatter: one layout, every comment kept, the same meaning, nothing left to change a second time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.mapping.build import build
from hub.mapping.format import formatted
from hub.mapping.format_tree import page_of

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "mappings").rglob("*.yaml"))
CORPUS = sorted((ROOT / "tests/cases").rglob("*.yaml"))
GOOD = [*sorted((ROOT / "tests/cases/ok").glob("*.yaml")), ROOT / "mappings/rd-close.yaml"]


def fmt(text: str) -> str:
    found = formatted(text, "t.yaml")
    assert found.findings == ()
    return found.text


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_shipped_files_are_in_the_canonical_layout(file: Path) -> None:
    text = file.read_text("utf-8")
    assert formatted(text, file.name, mapping=not file.name.endswith(".cases.yaml")).text == text


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_every_readable_file_of_the_corpus_keeps_its_meaning_and_is_done_after_one_pass(file: Path) -> None:
    text = file.read_text("utf-8")
    found = formatted(text, file.name)
    if found.findings:
        assert found.text == text
        return
    assert formatted(found.text, file.name).text == found.text
    before, after = build(text, "t", {}), build(found.text, "t", {})
    assert (before.definition is None) == (after.definition is None)
    if before.definition is not None and after.definition is not None:
        assert (after.definition.logic, after.definition.table) == (before.definition.logic, before.definition.table)


def untidy(text: str, seed: int) -> str:
    """The text with blank lines, comments, odd blanks and broken braces strewn in."""
    chance, out = random.Random(seed), []
    for line in text.split("\n"):
        dice = chance.random()
        if dice < 0.08:
            out.append("")
        elif dice < 0.16:
            out.append(" " * chance.randint(0, 6) + f"# comment {seed}")
        elif dice < 0.24 and "#" not in line and line.strip():
            line += " " * chance.randint(1, 40) + "# behind"
        elif dice < 0.30:
            line = line.replace("{", "{   ", 1).replace("}", "  }", 1)
        elif dice < 0.40:
            line = line.replace(", ", chance.choice((" ,\n              ", ",  # inside\n              ")), 1)
        out.append(line)
    return "\n".join(out)


@given(file=st.sampled_from(GOOD), seed=st.integers(0, 1_000_000))
def test_however_a_file_is_laid_out_comments_meaning_and_the_second_pass_are_the_same(file: Path, seed: int) -> None:
    text = untidy(file.read_text("utf-8"), seed)
    found = formatted(text, "t.yaml")
    if found.findings:  # a comment cut a quoted text in two: no YAML any more
        return
    assert [c.text for c in page_of(found.text).comments] == [c.text for c in page_of(text).comments]
    assert fmt(found.text) == found.text
    before, after = build(text, "t", {}).definition, build(found.text, "t", {}).definition
    assert before is not None
    assert after is not None
    assert (after.logic, after.table) == (before.logic, before.table)


def test_expressions_get_single_quotes_paths_and_texts_only_those_they_need() -> None:
    text = (
        'integration: "t"\ntables:\n- only: key == "A"\n  key: \'id\'\n  label: "a[0]"\n'
        "  fields:\n  - {field: name, const: 'a: b', value: self}\n"
    )
    assert fmt(text) == (
        "integration: t\ntables:\n- only: 'key == \"A\"'\n  key: id\n  label: a[0]\n"
        "  fields:\n  - {field: name, const: \"a: b\", value: 'self'}\n"
    )


def test_quotes_stay_where_another_reader_would_guess() -> None:
    text = 'integration: t\nowner: "no"\nzone: "010"\nevery: "2026-01-01"\nprivacy: "1e3"\n'
    assert fmt(text) == text


def test_indentation_dashes_blank_lines_and_line_ends_become_one_way() -> None:
    text = "integration:   t\r\n\r\n\r\ntables:\r\n    -   entity: a\r\n        key:   id\r\n\r\n\r\n"
    assert fmt(text) == "integration: t\n\ntables:\n- entity: a\n  key: id\n"


def test_a_comment_behind_a_value_keeps_its_column_while_it_has_room() -> None:
    assert fmt("integration:    t     # who\nowner: abcdefghijklmno # x\n") == (
        "integration: t        # who\nowner: abcdefghijklmno  # x\n"
    )


def test_braces_with_comments_become_a_block_and_lose_none() -> None:
    text = "integration: t\nsystems: {pm: jira,  # boards\n  erp: erp}  # money\n"
    assert fmt(text) == "integration: t\nsystems:\n  pm: jira           # boards\n  erp: erp   # money\n"


def test_comments_at_the_end_of_a_block_stay_as_deep_as_they_stand() -> None:
    text = "integration: t\nsystems:\n  pm: jira\n  # inner\n# outer\nowner: ops\n# last\n"
    assert fmt(text) == text


def test_blocks_of_text_stay_blocks_and_a_folded_expression_becomes_one_line() -> None:
    text = "integration: t\ntitle:\n  en: |\n    one\n    two # no comment\nloops:\n- when: >-\n    a ==\n    1\n"
    assert fmt(text) == "integration: t\ntitle:\n  en: |\n    one\n    two # no comment\nloops:\n- when: 'a == 1'\n"


def test_what_is_no_yaml_is_given_back_with_its_findings() -> None:
    found = formatted("a: [", "t.yaml")
    assert found.text == "a: ["
    assert [each.rule for each in found.findings] == ["syntax"]


@pytest.mark.parametrize("text", ["a: one\n\n  two\n", "a: \u00a0b\n"])
def test_odd_line_ends_inside_a_value_are_written_as_escapes(text: str) -> None:
    found = formatted(text, "t.yaml", mapping=False)
    assert found.findings == ()
    assert "\\" in found.text
    assert formatted(found.text, "t.yaml", mapping=False).text == found.text
