"""A cases file that says a word where keys and values belong gets a finding with its place, never a traceback."""

from __future__ import annotations

import pytest

from hub.mapping.case_file import read_cases

HEAD = "cases: rd-close\nitems:\n- case: something\n"
RECORD = "  record: {source: pm.issue, data: {id: 1}}\n"
LOOP = "  loop: close-out\n"


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (RECORD + "  refuses: word\n", 5),
        (RECORD + "  refuses: [word]\n", 5),
        (RECORD + "  gives: word\n", 5),
        (RECORD + "  gives: [word]\n", 5),
        ("  record: {source: pm.issue, data: word}\n", 4),
        ("  delivery: {source: pm, headers: word, body: {}}\n", 4),
        (LOOP + "  given: word\n", 5),
        (LOOP + "  steps: {purchase: {payload: word}}\n", 5),
        (LOOP + "  steps: {purchase: {expect: [1]}}\n", 5),
        (LOOP + "  steps: {purchase: {each: word}}\n", 5),
        (LOOP + "  steps: {purchase: {each: {a: word}}}\n", 5),
        (RECORD + "  given: [{entity: supplier, key: 'erp:7', fields: word}]\n", 5),
    ],
)
def test_a_word_where_keys_and_values_belong_is_a_finding_at_its_place(lines: str, line: int) -> None:
    found = read_cases(HEAD + lines, "x.cases.yaml").findings
    assert [(one.rule, one.place.line) for one in found] == [("wrong-shape", line)]
    assert found[0].fix
