"""Deputies of ``people.yaml``: who stands in for whom, from when to when."""

from __future__ import annotations

from hub.mapping.people_file import read_people
from hub.model.people import Deputy

FILE = """people:
- code: E1
  mail: one@example.com
  roles: [finance, cfo]
  deputies: [{{code: {code}, from: {first}, to: 2026-12-20, roles: [finance]}}]
- {{code: E2, mail: two@example.com}}
"""


def found(code: str = "E2", first: str = "2026-12-01") -> tuple[object, list[str]]:
    people, findings = read_people(FILE.format(code=code, first=first), "people.yaml")
    return people, [one.rule for one in findings]


def test_a_deputy_has_days_and_roles() -> None:
    people, findings = read_people(FILE.format(code="E2", first="2026-12-01"), "people.yaml")
    assert findings == ()
    assert people.all[0].deputies == (Deputy("E2", "2026-12-01", "2026-12-20", frozenset({"finance"})),)
    assert [one.code for one in people.holding("finance", "2026-12-20")] == ["E1", "E2"]
    assert [one.code for one in people.holding("finance", "2026-12-21")] == ["E1"]
    assert people.addresses("cfo", "2026-12-20") == ("one@example.com",)
    assert people.addresses("E2", "2026-12-20") == ("two@example.com",)


def test_a_deputy_nobody_is_and_days_in_the_wrong_order_are_reported() -> None:
    assert found(code="E3")[1] == ["unknown-name"]
    assert found(first="2026-12-21")[1] == ["bad-literal"]
    assert found(first="soon")[1] == ["bad-literal"]
