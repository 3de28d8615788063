"""The examples of docs/mapping-table.md about two-way rows give what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hub.mapping.back import Unwritable, back
from hub.mapping.build import build
from hub.mapping.build_table import literal_of
from hub.mapping.compile_rows import Findings, plan_table
from hub.mapping.convert import ConvertContext
from hub.mapping.read import read
from hub.model.people import People
from hub.model.schema import Schema, Schemas
from tests.twoway_stage import FILE, linked

PAGE = (Path(__file__).parents[3] / "docs/mapping-table.md").read_text("utf-8")
PROPERTIES: dict[str, Any] = {
    "text": {"type": ["string", "null"]},
    "status": {"type": ["string", "null"]},
    "words": {"type": ["array", "null"]},
    "number": {"x-type": "decimal"},
    "amount": {"x-type": "money"},
    "moment": {"x-type": "instant"},
}
SCHEMAS = Schemas({("thing", 1): Schema("thing", 1, {"type": "object", "properties": PROPERTIES})})


def block(name: str) -> tuple[str, dict[str, Any]]:
    """The example that begins with this key: its text and its content."""
    (text,) = (one for one in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if one.startswith(f"{name}:"))
    root, findings = read(text, "mapping-table.md")
    assert findings.found == []
    assert root is not None
    found: dict[str, Any] = literal_of(findings, root)
    return text, found


TEXT, EXAMPLE = block("back")
LINES = [line.removeprefix("- ") for line in TEXT.splitlines() if line.startswith("- ")]
_, BOTH = block("changed-in-both")


@pytest.mark.parametrize("place", range(len(LINES)))
def test_a_row_writes_what_the_page_says(place: int) -> None:
    wanted = EXAMPLE["back"][place]
    row = LINES[place][len("{row: ") :].partition(", holds:")[0]
    table = f"- {{entity: thing, source: pm.issue, key: id, owner: o, fields: [{row}]}}"
    built = build(f"integration: t\nsystems: {{pm: jira}}\ntables:\n{table}\n", "t.yaml", SCHEMAS.newest)
    assert built.definition is not None
    (definition,) = built.definition.tables
    plan = plan_table(definition, SCHEMAS.get("thing", 1), ConvertContext("jira", People(), "UTC"), Findings())
    write = back(plan.rows[0])
    if "refuses" in wanted:
        with pytest.raises(Unwritable, match=re.escape(wanted["refuses"])):
            write(wanted["holds"])
    else:
        assert write(wanted["holds"]) == wanted["writes"]


@pytest.mark.parametrize("policy", sorted(BOTH["holds"]))
def test_a_field_changed_in_both_holds_what_the_page_says(policy: str) -> None:
    said = {"pm": "jira", "erp": "erp"}
    order = sorted(BOTH["changed-in-both"], key=lambda alias: BOTH["changed-in-both"][alias]["at"])
    text = re.sub(r", sync: \{\{to: erp.project, path: name, conflict: \{policy\}\}\}", "", FILE)
    sync = "sync: {{to: pm.issue, path: fields.summary, conflict: {policy}}}"
    text = text.replace("{{field: name, from: name}}", f"{{{{field: name, from: name, {sync}}}}}")
    stage = linked(policy, text)
    for alias in order:
        path = {"pm": "fields__summary", "erp": "name"}[alias]
        stage.edit(said[alias], **{path: BOTH["changed-in-both"][alias]["name"]})
    for alias in reversed(order):
        stage.hear(said[alias])
    if policy == "ask":
        assert "name" in stage.known.conflicts
        return
    stage.run()
    assert set(stage.both()) == {BOTH["holds"][policy]}
