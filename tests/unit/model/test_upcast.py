"""One step of a schema: whole states, single words, marks, and the way back for closings that began before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.mapping.build import build
from hub.model.entity import LABEL, Mark, SourceMarks
from hub.model.schema import Schemas, load_schemas
from hub.model.upcast import Upcast

TEXT = {"type": ["string", "null"]}
STATUS = {"type": ["string", "null"], "enum": ["planned", "active", None]}
V1 = {"name": TEXT, "client": TEXT, "status": STATUS, "open": {"type": ["boolean", "null"]}, "gone": TEXT}
V2 = {
    "name": TEXT,
    "customer": TEXT,
    "status": {"type": ["string", "null"], "enum": ["planned", "running", None]},
    "open": {"type": ["string", "null"], "enum": ["yes", "no", None]},
    "origin": TEXT,
}
STEP: dict[str, Any] = {
    "from": "project/v1",
    "fields": {
        "customer": {"from": "client"},
        "status": {"from": "status", "values": {"active": "running"}},
        "open": {"from": "open", "values": {"true": "yes", "false": "no"}, "otherwise": "null"},
        "origin": {"const": "jira"},
    },
    "drops": ["gone"],
}


def schemas(folder: Path, step: Any = STEP, v2: Any = V2) -> Schemas:
    (folder / "project").mkdir(parents=True)
    for name, properties in (("v1", V1), ("v2", v2)):
        document = {"type": "object", "properties": properties}
        (folder / "project" / f"{name}.json").write_text(json.dumps(document), "utf-8")
    if step is not None:
        text = step if isinstance(step, str) else json.dumps(step)
        (folder / "project" / "v2.upcast.json").write_text(text, "utf-8")
    return load_schemas(folder)


@pytest.fixture
def step(tmp_path: Path) -> Upcast:
    found = schemas(tmp_path)
    assert found.problems == ()
    (one,) = found.steps("project", 1)
    return one


OLD = {"name": "Laser", "client": "Acme", "status": "active", "open": True, "gone": "x"}
NEW = {"name": "Laser", "customer": "Acme", "status": "running", "open": "yes", "origin": "jira"}


def test_a_whole_state_has_every_field_of_the_new_version(step: Upcast) -> None:
    assert step.state(OLD) == NEW
    assert step.state(dict.fromkeys(OLD)) == {**dict.fromkeys(NEW), "origin": "jira"}


def test_what_was_not_mentioned_stays_unmentioned(step: Upcast) -> None:
    assert step.said({"status": "planned", "label": "OPS-1"}) == {"status": "planned", "label": "OPS-1"}
    assert step.said({"client": None}) == {"customer": None}
    assert step.said({"gone": "x"}) == {}


def test_who_spoke_last_is_known_under_the_new_name(step: Upcast) -> None:
    base, other = Mark(9, 3), Mark(2, 1)
    old = {"jira/1": SourceMarks(base, {"client": other, "gone": other, LABEL: other}, {"client": "Acme"})}
    assert step.marks(old) == {"jira/1": SourceMarks(base, {LABEL: other, "customer": other}, {"customer": "Acme"})}


def test_the_way_back_gives_what_the_old_version_had_and_null_for_what_is_gone(step: Upcast) -> None:
    assert step.back({**NEW, "key": "jira:1", "label": "OPS-1"}) == {
        **OLD, "gone": None, "key": "jira:1", "label": "OPS-1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drops": []}, 'v1 has "gone", which goes nowhere'),
        ({"drops": ["gone", "name"]}, 'drops "name", which is taken over'),
        ({"drops": ["gone", "nobody"]}, 'drops "nobody", which v1 has not'),
        ({"from": "project/v0"}, 'it must say "from": "project/v1"'),
        ({"feilds": {}}, 'unknown key "feilds"'),
        ({"fields": {**STEP["fields"], "customer": {"from": "clint"}}}, '"customer" is from "clint"'),
        ({"fields": {**STEP["fields"], "new": {"const": 1}}}, 'the new version has no field "new"'),
        ({"fields": {**STEP["fields"], "status": {"from": "status"}}}, '"status": "active" is none of'),
        ({"fields": {**STEP["fields"], "origin": {"const": 1, "from": "name"}}}, 'exactly one of "from" and "const"'),
        ({"fields": {**STEP["fields"], "open": {"from": "open"}}}, '"open" was boolean and is string'),
        ({"fields": {**STEP["fields"], "status": {"from": "status", "values": {"active": "walking"}}}}, "is none of"),
    ],
)
def test_a_step_that_would_lose_something_is_a_problem(tmp_path: Path, change: Any, words: str) -> None:
    found = schemas(tmp_path, {**STEP, **change}).problems
    assert any(words in said for _, said in found), found


@pytest.mark.parametrize(
    ("step", "words"), [(None, "v2.upcast.json is missing"), ("{", "cannot be read"), ([], 'it must say "from"')]
)
def test_a_missing_or_unreadable_step_is_a_problem(tmp_path: Path, step: Any, words: str) -> None:
    assert any(words in said for _, said in schemas(tmp_path, step).problems)


TABLE = """\
integration: t
owner: ops
systems: {pm: jira}
tables:
- entity: project
  source: pm.issue
  key: id
  fields: [{field: name, from: fields.summary}]
"""


def test_a_recorded_text_means_what_it_meant_whatever_version_is_newest_now() -> None:
    first = build(TABLE, "t.yaml", {"project": 1}).definition
    second = build(TABLE, "t.yaml", {"project": 2}).definition
    assert first is not None
    assert second is not None
    assert first.logic != second.logic
    assert first.source == TABLE
    again = build(second.source, "t.yaml", {"project": 3}).definition
    assert again is not None
    assert (again.logic, again.table, again.source) == (second.logic, second.table, second.source)
    assert again.tables[0].version == 2
