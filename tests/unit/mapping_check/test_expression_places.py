"""A finding inside an expression stands where the eye finds it, however YAML wrote the expression."""

from __future__ import annotations

import pytest

from tests.unit.mapping_check.conftest import Checker

TABLE = """\
integration: t
owner: ops
every: change
systems: {pm: jira}
tables:
- entity: project
  source: pm.issue
  key: id
  fields:
"""


@pytest.mark.parametrize(
    ("row", "line", "column"),
    [
        ("  - {field: name, value: 'nope'}\n", 10, 27),
        ("  - {field: name, value: '  nope'}\n", 10, 29),
        ("  - {field: name, value: '\"it''s\" + nope'}\n", 10, 37),
        ("  - {field: name, value: '\"it''''s\" + nope'}\n", 10, 39),
        ('  - {field: name, value: "\\"a\\" + nope"}\n', 10, 35),
        ('  - {field: name, value: "\\"\\u4e2d\\\\n\\" +\\tnope"}\n', 10, 44),
        ("  - {field: name, value: \"'名' + nope\"}\n", 10, 33),
        ("  - {field: name, value: '\"😀\" + nope'}\n", 10, 33),
        ('  - field: name\n    value: >-\n      "a" +\n      nope\n', 13, 7),
        ('  - field: name\n    value: |  # said\n      "a" +\n\n        nope\n', 14, 9),
        ("  - {field: name, value: \"'a' +\n      nope\"}\n", 11, 7),
        ("  - {field: name, value: 'self.key +\n\n     nope'}\n", 12, 6),
        ("  - field: name\n    value: self.key +\n      nope\n", 12, 7),
    ],
)
def test_a_name_is_found_where_it_stands(row: str, line: int, column: int, check: Checker) -> None:
    for text in (TABLE + row, "\ufeff" + TABLE + row, (TABLE + row).replace("\n", "\r\n")):
        found = [one.place for one in check(text) if one.rule == "unknown-name"]
        assert [(one.line, one.column) for one in found] == [(line, column)]
        assert found[0].end_column - found[0].column == 4, "nope is underlined"


def test_what_is_missing_is_missed_at_the_end_of_the_last_line(check: Checker) -> None:
    found = [one for one in check(TABLE + "  - field: name\n    value: >-\n      self.key +\n") if "bad" in one.rule]
    assert [(one.place.line, one.place.column) for one in found] == [(12, 17)]
