"""The shipped integrations do what their cases say, and their cases go through every row and value."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.mapping import cases_render
from hub.mapping.build import build, build_file
from hub.mapping.case_file import read_cases
from hub.mapping.cases import CasesReport, Decode, run_cases
from hub.mapping.check.checked import CheckContext
from hub.mapping.compile import CompileContext, compile_integration
from hub.model.record import Decoded, Record, Rejected

MAPPINGS = Path(__file__).parents[3] / "mappings"


def undecoded(connection: str, headers: object, body: bytes) -> Decoded:
    raise AssertionError("these cases hand over records, not deliveries")


def report(name: str, workspace: CheckContext, text: str | None = None, decode: Decode = undecoded) -> CasesReport:
    built = build_file(MAPPINGS / f"{name}.yaml", workspace.schemas.newest)
    assert built.definition is not None
    actions = {(at, action.name): action for at, spec in workspace.specs.items() for action in spec.actions}
    compiled = compile_integration(built.definition, CompileContext(workspace.schemas, workspace.people, actions))
    cases = read_cases(text or (MAPPINGS / f"{name}.cases.yaml").read_bytes(), f"{name}.cases.yaml")
    assert cases.findings == ()
    return run_cases(
        cases,
        compiled,
        schemas=workspace.schemas,
        decode=decode,
        read_file=lambda name: (MAPPINGS / name).read_bytes(),
        action_of=lambda connection, action: actions.get((connection, action)),
    )


@pytest.mark.parametrize("name", ["rd-close", "event-budget", "goods-in"])
def test_every_case_of_a_shipped_integration_holds(name: str, workspace: CheckContext) -> None:
    found = report(name, workspace)
    assert [(each.case.name, each.problems) for each in found.failed] == []
    assert len(found.results) >= 12


@pytest.mark.parametrize("name", ["rd-close", "event-budget", "goods-in"])
def test_the_cases_use_every_row_and_every_value(name: str, workspace: CheckContext) -> None:
    assert report(name, workspace).coverage.unused == ()


LOOKUP = """
integration: t
owner: ops
systems: {pm: jira}
tables:
- entity: purchase_item
  source: pm.issue
  key: id
  fields:
  - {field: supplier, lookup: {entity: supplier, by: tax_id, from: tax}}
  - {field: project, lookup: {entity: project, by: label, from: epic}, otherwise: "null"}
"""
LOOKUP_CASES = """
cases: t
entities: [{entity: project, key: "jira:1", label: OPS-1}]
items:
- case: both are found
  record: {source: pm.issue, data: {id: "1", tax: "9131", epic: OPS-1}}
  given: [{entity: supplier, key: "erp:7", fields: {tax_id: "9131"}}]
  gives: {entity: purchase_item, fields: {supplier: "erp:7", project: "jira:1"}}
- case: nobody declared a supplier here
  record: {source: pm.issue, data: {id: "1", tax: "9131", epic: OPS-1}}
  refuses: {reason: not-found, row: supplier}
- case: two go by that number
  record: {source: pm.issue, data: {id: "1", tax: "9131"}}
  given:
  - {entity: supplier, key: "erp:7", fields: {tax_id: "9131"}}
  - {entity: supplier, key: "erp:8", fields: {tax_id: "9131"}}
  refuses: {reason: ambiguous-lookup}
- case: wrong on purpose
  record: {source: pm.issue, data: {id: "1", tax: "9131"}}
  given: [{entity: supplier, key: "erp:7", fields: {tax_id: "9131"}}]
  gives: {entity: purchase_item, fields: {supplier: "erp:8"}}
"""


def test_lookups_of_a_case_find_the_entities_it_declares(workspace: CheckContext) -> None:
    built = build(LOOKUP, "t.yaml", workspace.schemas.newest)
    assert built.definition is not None
    compiled = compile_integration(built.definition, CompileContext(workspace.schemas, workspace.people))
    cases = read_cases(LOOKUP_CASES, "t.cases.yaml")
    assert cases.findings == ()
    found = run_cases(
        cases,
        compiled,
        schemas=workspace.schemas,
        decode=undecoded,
        read_file=lambda name: b"",
        action_of=lambda *_: None,
    )
    assert [one.case.name for one in found.failed] == ["wrong on purpose"]
    assert found.failed[0].problems == ('supplier is "erp:7", wanted "erp:8"',)
    assert found.coverage.unused == ()


WRONG = """
cases: rd-close
items:
- case: wrong on purpose
  record: {source: pm.issue, data: {id: "7", key: OPS-7, fields: {summary: A, issuetype: {name: Epic}, status: {statusCategory: {key: new}}, resolution: null, customfield_10202: null}}}
  gives: {entity: project, fields: {name: B}}
- case: a loop that should not fire
  loop: close-out
  given: {project: {key: "jira:7", label: OPS-7, name: A, status: active}}
  fires: true
"""  # noqa: E501


def test_a_case_that_does_not_hold_says_what_came_out_and_where(workspace: CheckContext) -> None:
    found = report("rd-close", workspace, WRONG)
    assert len(found.failed) == 2
    text = cases_render.text([found])
    assert 'name is "A", wanted "B"' in text
    assert "when is false, the case says true" in text
    assert "rd-close.cases.yaml:4:9" in text
    assert "not used by any case" in text


def test_a_misspelt_key_of_a_case_is_a_finding() -> None:
    found = read_cases("cases: rd-close\nitems:\n- case: x\n  giives: {}\n", "t.cases.yaml")
    assert [each.rule for each in found.findings] == ["unknown-key"]


def test_the_cases_printed_in_the_manual_hold(workspace: CheckContext) -> None:
    page = (MAPPINGS.parent / "docs/mapping-table.md").read_text()
    example = page[page.index("```yaml\ncases:") + len("```yaml\n") :].partition("```")[0]
    assert [(each.case.name, each.problems) for each in report("rd-close", workspace, example).failed] == []


DELIVERY = """
cases: rd-close
items:
- case: a delivery is decoded by its connector
  delivery: {source: pm, headers: {content-type: application/json}, body: {webhookEvent: "jira:issue_created", amount: 1.10}}
  gives: {entity: expense, fields: {amount: {amount: "1.10", currency: CNY}}}
- case: what a connector cannot read is refused
  delivery: {source: pm, body: {broken: true}}
  refuses: {reason: broken-body}
"""  # noqa: E501


def test_a_delivery_goes_through_the_connectors_decode(workspace: CheckContext) -> None:
    bodies = []

    def decode(connection: str, headers: object, body: bytes) -> Decoded:
        bodies.append((connection, body))
        if b"broken" in body:
            return Decoded(rejected=Rejected("broken-body", "no issue"))
        fields = {
            "issuetype": {"name": "Expense"},
            "status": {"name": "Approved"},
            "customfield_10310": "1.10",
            "reporter": {"accountId": "5b10ac8d82e05b22cc7d4ef5"},
        }
        return Decoded((Record("issue", "9", 0, {"id": "9", "key": "OPS-9", "fields": fields}),))

    found = report("rd-close", workspace, DELIVERY, decode)
    assert [(each.case.name, each.problems) for each in found.failed] == []
    assert bodies[0] == ("jira", b'{"webhookEvent":"jira:issue_created","amount":1.1}')
