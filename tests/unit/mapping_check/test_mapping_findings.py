"""How findings are printed, people.yaml, and what a built file keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.errors import ConfigError
from hub.mapping.build import build
from hub.mapping.build_timing import escalate_of
from hub.mapping.check import render
from hub.mapping.form import Form
from hub.mapping.people_file import load_people, read_people
from hub.mapping.read import read
from hub.mapping.table import IntegrationDef
from hub.model.diagnostic import Diagnostic, Place

Check = Callable[..., list[Diagnostic]]
ROOT = Path(__file__).parents[3]
LINE = "- {field: 名称, from: fields.summary}"
FINDING = Diagnostic(
    Place("m.yaml", 2, 11, 13), "unknown-field", "error", 'unknown field "名称"', "why: 100 %", "fix"
)


def test_the_caret_stands_below_the_word_on_a_terminal_with_wide_characters() -> None:
    found = Diagnostic(Place("m.yaml", 2, 15, 19), "x", "error", "m")
    text = render.text([found], {"m.yaml": f"a:\n{LINE}\n"})
    line, caret = text.splitlines()[2:4]
    assert line.endswith(LINE)
    assert render.width(caret[: caret.index("^")]) == render.width(line[: line.index("from")])
    assert caret.endswith("^~~~")


def test_text_names_place_rule_why_fix_and_counts() -> None:
    text = render.text([FINDING], {"m.yaml": f"a:\n{LINE}\n"})
    assert text.startswith('m.yaml:2:11: error: unknown field "名称" [unknown-field]')
    assert "  why: why: 100 %\n  fix: fix\n" in text
    assert text.endswith("1 error")
    assert render.text([], {}) == "no problems"


def test_json_rows_have_the_keys_of_the_machine_contract() -> None:
    keys = ["file", "line", "column", "end_column", "rule", "level", "message", "why", "fix"]
    assert [list(row) for row in render.rows([FINDING])] == [keys]


def test_github_annotations_escape_what_the_runner_would_read() -> None:
    found = Diagnostic(Place("a,b.yaml", 1, 2, 3), "tag", "warning", "one\ntwo 5%", "", "")
    assert render.github([found]) == "::warning file=a%2Cb.yaml,line=1,col=2,endColumn=3,title=tag::one%0Atwo 5%25"


def test_sarif_describes_the_rules_it_used() -> None:
    run = render.sarif([FINDING])["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["unknown-field"]
    assert "``" not in run["tool"]["driver"]["rules"][0]["fullDescription"]["text"]
    assert run["columnKind"] == "unicodeCodePoints", "columns count letters, not UTF-16 units"
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 2


def test_the_sample_people_have_every_role_the_shipped_mappings_name() -> None:
    people = load_people(ROOT / "people.yaml")
    for role in ("pmo", "finance", "purchasing", "marketing"):
        assert people.with_role(role)
    someone = people.by_account("trello", "5f3a000000000000000e1005")
    assert someone is not None
    assert someone.code == "E1005"
    assert people.find("ops@example.com") is not None


PEOPLE = """
people:
- {code: E1, name: A, accounts: {jira: [x], "*": a@example.com}}
- {code: E1, name: B, acounts: {jira: [y]}}
- {name: C}
- {code: E3, name: D, accounts: {jira: x}}
"""


def test_everything_wrong_with_people_comes_in_one_run() -> None:
    people, findings = read_people(PEOPLE, "people.yaml")
    assert [(each.place.line, each.rule) for each in findings] == [
        (4, "unknown-key"),
        (5, "missing-key"),
        (4, "duplicate-name"),
        (6, "duplicate-name"),
    ]
    assert people.by_account("jira", "a@example.com") is not None


def test_bad_people_stop_the_workspace_and_no_people_do_not(tmp_path: Path) -> None:
    assert load_people(tmp_path / "people.yaml").all == ()
    (tmp_path / "people.yaml").write_text(PEOPLE)
    with pytest.raises(ConfigError) as raised:
        load_people(tmp_path / "people.yaml")
    assert len(raised.value.findings) == 4


def example() -> IntegrationDef:
    built = build((ROOT / "mappings/rd-close.yaml").read_bytes(), "rd-close.yaml", {"project": 1})
    assert built.definition is not None
    return built.definition


def test_governance_is_inherited_and_overridden_row_by_row() -> None:
    rows = {row.field: row.governance for row in example().tables[0].rows}
    assert (rows["name"].owner, rows["name"].every, rows["name"].review) == ("pmo", "change", ("pmo", "finance"))
    assert (rows["budget"].owner, rows["budget"].privacy, rows["budget"].review) == (
        "finance",
        "finance",
        ("finance",),
    )
    assert rows["name"].means == {"zh": "项目名称", "en": "what people call the project"}
    assert rows["budget"].means == {}


def test_aliases_become_connections() -> None:
    definition = example()
    assert {table.stream for table in definition.tables} == {"jira.issue"}
    steps = {step.name: step for step in definition.loops[0].steps}
    assert (steps["tell"].connection, steps["tell"].action) == ("jira", "issue.comment")
    assert steps["purchase"].undo == "erp.purchase_requisition.cancel"


def test_a_switch_of_the_erp_is_one_word() -> None:
    text = (ROOT / "mappings/rd-close.yaml").read_text().replace("erp: erp}", "erp: tryton}")
    definition = build(text, "t.yaml", {}).definition
    assert definition is not None
    assert {step.connection for step in definition.loops[0].steps} == {"tryton", "jira"}


def test_a_bad_expression_is_placed_inside_its_quotes(check: Callable[..., list[Diagnostic]]) -> None:
    text = (ROOT / "mappings/rd-close.yaml").read_text().replace("size(items) > 0", "size(itemz) > 0")
    (found,) = check(text)
    line = text.splitlines()[found.place.line - 1]
    assert line[found.place.column - 1 : found.place.end_column - 1] == "itemz"


TABLE = """\
integration: t
owner: ops
every: change
systems: {pm: jira}
tables:
- entity: purchase_item
  source: pm.issue
  key: id
  fields:
  - {field: product, from: key}
  - {field: price, from: fields.p, as: money CNY}
"""


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{field: quantity, const: [a]}", "quantity is decimal: got a list of 1"),
        ("{field: url, const: 5}", "url is string: got 5"),
        ("{field: url, from: key, values: {a: 1}, otherwise: keep}", "url is string: got 1"),
        ("{field: url, from: key, default: {a: b}}", "url is string: got an object with a"),
        ("{field: needed_by, from: key, as: date, default: soon}", 'needed_by is date: got "soon"'),
        ("{field: url, fields: [{field: a, from: key}]}", "url is string, this row gives object"),
        ("{field: url, from: []}", "row url has no source"),
        ("{field: url, from: key, values: {}}", "values of url has no entry"),
        ("{field: '', from: key}", "field is empty"),
    ],
)
def test_a_literal_its_field_cannot_hold_is_found_before_the_hub_starts(row: str, message: str, check: Check) -> None:
    found = check(f"{TABLE}  - {row}\n  - {{field: quantity, from: key, as: decimal}}\n")
    assert message in [one.message for one in found]
    assert all(one.place.line == 12 or one.rule == "duplicate-target" for one in found)
    assert all(one.why and one.fix for one in found)


def test_a_control_character_is_named_where_it_stands(check: Check) -> None:
    (found,) = check(TABLE + "  - {field: url, from: ke\x0cy}\n")
    assert (found.place.line, found.place.column, found.rule) == (12, 26, "syntax")
    assert found.message == "the character U+000C is not allowed"


def test_a_role_nobody_has_is_marked_and_not_the_way_it_is_told() -> None:
    root, findings = read("step: a\nescalate: {to: nobody, by: mail}\n", "t.yaml")
    form = Form.of(findings, root, "step", ("step", "escalate"))
    assert form is not None
    (level,) = escalate_of(form, {"mail": "mail"})
    assert level.to_place is not None
    assert (level.to_place.column, level.place.column) == (16, 28)
