"""The shipped rd-close mapping through the engine: the closing of one project, with the real actions."""

from __future__ import annotations

from typing import Any

from connectors.erp.connector import SPEC as ERP
from connectors.jira.connector import SPEC as JIRA
from hub.mapping.build import build_file
from hub.mapping.catalog import Catalog, ConnectionFacts
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.people_file import load_people
from hub.model.schema import load_schemas
from tests.engine_stage import ROOT, Stage, rec


def shipped() -> Catalog:
    schemas = load_schemas(ROOT / "schemas")
    people = load_people(ROOT / "people.yaml")
    built = build_file(ROOT / "mappings" / "rd-close.yaml", schemas.newest, name="rd-close.yaml")
    assert built.definition is not None
    jira = ConnectionFacts("jira", "jira", {one.name: one for one in JIRA.actions}, refetch=False)
    erp = ConnectionFacts("erp", "erp", {one.name: one for one in ERP.actions}, refetch=False)
    actions = {(one.name, name): action for one in (jira, erp) for name, action in one.actions.items()}
    integration = compile_integration(built.definition, CompileContext(schemas, people, actions))
    return Catalog({"rd-close": integration}, {"jira": jira, "erp": erp}, schemas, people)


def issue(source: str, kind: str, at: float, **fields: Any) -> dict[str, Any]:
    return rec(
        "issue", source, at, {"id": source, "key": f"OPS-{source}", "fields": {"issuetype": {"name": kind}, **fields}}
    )


def test_the_shipped_mapping_closes_a_project():
    stage = Stage(shipped())
    person = stage.catalog.people.all[0].accounts
    account = next(iter(next(iter(person.values()))))
    who = {"accountId": account, "name": account}
    stage.say(
        issue(
            "2",
            "Purchase",
            1,
            parent={"id": "1"},
            status={"name": "To Do", "statusCategory": {"key": "new"}},
            customfield_10300={"value": "SRV-1"},
            customfield_10301=2,
            customfield_10302=100,
        ),
        issue(
            "3",
            "Expense",
            1,
            customfield_10014="OPS-1",
            status={"name": "Approved"},
            summary="taxi",
            customfield_10310="30.50",
            reporter=who,
        ),
        issue(
            "1",
            "Epic",
            2,
            summary="Line 4",
            status={"statusCategory": {"key": "done"}},
            resolution={"name": "Done"},
            resolutiondate="2026-03-01T10:00:00.000+0800",
            customfield_10201={"value": "CC-1"},
            assignee=who,
        ),
    )
    assert stage.verdicts() == ["applied"] * 3, [row.message for row in stage.memory.quarantines.values()]
    stage.pass_time(6)
    assert [(one.step, one.item) for one in stage.effects()] == [("purchase", ""), ("reimburse", "jira:3")], (
        stage.loop()
    )
    stage.erp()
    assert (stage.loop().state, stage.steps()["tell"]) == ("running", "running")
    tell = next(one for one in stage.effects() if one.step == "tell")
    assert tell.payload["issue"] == "1"
