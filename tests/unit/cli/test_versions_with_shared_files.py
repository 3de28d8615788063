"""Versions are compared with the shared files they use, wherever the compared file lies."""

from __future__ import annotations

import shutil
from pathlib import Path

from hub.bootstrap import open_workspace
from hub.cli.mapping_versions import versions

ROOT = Path(__file__).parents[3]
SETTINGS = "connections:\n  jira: {url: builtin}\n"
MAP = "shared: states\nvalues: {To Do: planned, 完成: closed}\n"
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
  - {field: name, from: fields.summary, required: true}
  - {field: status, from: fields.status.name, use: shared/states}
"""


def test_files_find_their_shared_maps_beside_them_or_in_the_workspace(tmp_path: Path) -> None:
    shared = tmp_path / "ws/mappings/shared"
    shared.mkdir(parents=True)
    (tmp_path / "ws/hub.yaml").write_text(SETTINGS, "utf-8")
    (tmp_path / "ws/people.yaml").write_text("people: []\n", "utf-8")
    shutil.copytree(ROOT / "schemas", tmp_path / "ws/schemas")
    (shared / "states.yaml").write_text(MAP, "utf-8")
    own, copy = tmp_path / "ws/mappings/t.yaml", tmp_path / "old.yaml"
    own.write_text(TABLE, "utf-8")
    copy.write_text(TABLE, "utf-8")
    before, after = versions(open_workspace(tmp_path / "ws"), str(copy), str(own))
    assert before.table == after.table
    assert before.tables[0].rows[1].values == {"To Do": "planned", "完成": "closed"}
    # What lies beside the compared file comes first: it is a version with other states.
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/states.yaml").write_text(MAP.replace("closed", "active"), "utf-8")
    before, after = versions(open_workspace(tmp_path / "ws"), str(copy), str(own))
    assert before.logic != after.logic
