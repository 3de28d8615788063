"""A project that lives in a real Tryton and in Jira, renamed in both at once: one conflict, one field, by policy."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.intake.twins import start_twins, stop_twins
from tests.integration.bad_input_bodies import project
from tests.integration.test_two_way import Both, call, until
from tests.integration.workspace import ROOT
from tests.tryton_server import Tryton

pytestmark = pytest.mark.real_server
HUB_YAML = """\
listen: 127.0.0.1:0
people: {root}/people.yaml
schemas: {root}/schemas
connections:
  jira: {{url: "{jira}", secret: "file:secret", poll: 1s, quiesce: 1s, allow: ["{jira}"]}}
  erp: {{connector: tryton, url: "{erp}", database: erp, key: "file:key", poll: 1s, quiesce: 1s, allow: ["{erp}"]}}
"""
MAPPING = """\
integration: project-sync
title: {en: one project in Jira and in Tryton, zh: 项目在 Jira 与 Tryton 之间保持一致}
owner: ops@example.com
every: 5m
systems: {pm: jira, erp: erp}
tables:
- entity: project
  source: erp.project
  only: 'name.startsWith("One") || name.startsWith("Tryton")'
  key: {link: id, match: {name: name}}
  owner: pmo
  fields:
  - {field: name, from: name, required: true, sync: {to: pm.issue, path: fields.summary, conflict: POLICY}}
  - {field: description, from: comment, sync: {to: pm.issue, path: fields.description, conflict: source}}
"""


class WithTryton(Both):
    """The workspace of the two-way tests, its ERP a real Tryton."""

    def __init__(self, folder: Path, jira: str, tryton: Tryton, policy: str) -> None:
        super().__init__(folder, {"jira": jira, "erp": tryton.url})
        self.tryton = tryton
        (folder / "hub.yaml").write_text(HUB_YAML.format(root=ROOT, jira=jira, erp=tryton.url), "utf-8")
        (folder / "mappings" / "project-sync.yaml").write_text(MAPPING.replace("POLICY", policy), "utf-8")
        key = folder / "key"
        key.touch(0o600)
        key.write_text(tryton.keys["buyer"], "utf-8")

    def begin(self) -> None:
        """Both have the project under one name, and the hub knows that it is one."""
        told = json.dumps(project(10041, "indeterminate", summary="One", description=None)).encode()
        delivery = {"position": 1, "headers": {}, "body_base64": base64.b64encode(told).decode()}
        call("POST", self.jira + "/_twin/deliveries", [delivery])
        with self.running():
            until(self.entity)
            status = self.tryton.call("GET", "project.work.status?f=name")[0]["id"]
            made = {"name": "One", "type": "project", "company": 1, "status": status}
            self.number = str(self.tryton.call("POST", "project.work", made)["id"])
            until(lambda: self.entity()["links"] == {"jira": "10041", "erp": self.number})
            until(lambda: self.heard() >= 2)

    def in_erp(self, **fields: Any) -> None:
        self.tryton.call("PUT", f"project.work/{self.number}", fields)

    def project(self) -> Any:
        return self.tryton.call("GET", f"project.work/{self.number}?f=name&f=comment")

    def decided(self) -> list[tuple[str, str, str]]:
        """Every conflict: its field, the policy, and whose value holds."""
        said = self.hub("events", "--format", "json").stdout.splitlines()
        told = [event for event in map(json.loads, said) if event["type"] in ("sync.decided", "sync.conflict")]
        found = [event["data"]["about"] for event in told]
        return [(one["field"], one["policy"], one.get("winner", "").partition("/")[0]) for one in found]


@pytest.fixture
def jira(tmp_path: Path) -> Iterator[str]:
    twins = start_twins({"jira": "jira"}, tmp_path / "systems")
    yield twins[0].url
    stop_twins(twins)


@pytest.mark.parametrize(("policy", "holds"), [("source", "Tryton's name"), ("target", "Jira's name")])
def test_a_rename_in_tryton_and_jira_at_once_is_one_conflict_of_one_field(
    tmp_path: Path, jira: str, tryton: Tryton, policy: str, holds: str
) -> None:
    both = WithTryton(tmp_path / "space", jira, tryton, policy)
    both.begin()
    both.in_jira(summary="Jira's name")
    both.in_erp(name="Tryton's name", comment="only Tryton says what it is about")
    with both.running():
        until(lambda: both.names() == (holds, holds, holds))
        until(lambda: {state for _, state in both.updates()} == {"CONFIRMED"})
        until(lambda: both.entity()["state"]["description"] == "only Tryton says what it is about")
    assert both.decided() == [("name", policy, "erp" if policy == "source" else "jira")]
    assert both.entity()["conflicts"] == {}
    assert both.entity()["links"] == {"jira": "10041", "erp": both.number}
    renamed = "jira.issue.update" if policy == "source" else "erp.project.update"
    assert renamed in [action for action, _ in both.updates()]
    both.in_erp(name="closed by the test")  # tests share the server: no other one links to it
