"""``hub mapping show ENTITY --row F`` on a workspace that has worked: what came last, and what the row refused."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.workspace import Space
from tests.project_history import history


def test_a_row_shows_the_newest_values_and_how_many_records_it_refused(tmp_path: Path) -> None:
    space = Space(tmp_path / "space")
    bodies = [json.loads(body) for body in history(20, affected=4, padding=10).bodies]
    for number in (1, 2):
        wrong = json.loads(json.dumps(bodies[0]))
        wrong["issue"] |= {"id": f"777{number}", "key": f"OPS-777{number}"}
        wrong["issue"]["fields"]["customfield_10202"] = {"value": "Castle"}
        bodies.append(wrong)
    file = space.folder / "come.jsonl"
    file.write_text("\n".join(json.dumps({"headers": {}, "body": body}) for body in bodies), "utf-8")
    space.hub("ingest", "jira", str(file))
    space.json("settle")

    (row,) = space.json("mapping", "show", "project", "--row", "deliverable")["rows"]
    assert {one["value"] for one in row["seen"]} <= {"equipment", "software"}
    assert sum(one["n"] for one in row["seen"]) == 2, "two projects, each counted with its newest value"
    assert {one["of"] for one in row["seen"]} <= {"OPS-100000", "OPS-100010"}
    assert row["quarantined"] == 2
    (name,) = space.json("mapping", "show", "project", "--row", "name")["rows"]
    assert name["quarantined"] == 0
    said = space.hub("mapping", "show", "project", "--row", "deliverable").stdout
    assert "2 records wait because of this row: hub quarantine list" in said
