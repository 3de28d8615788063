"""A workspace whose ERP is a real Tryton, and the deliveries that close a project in it: for test and demo alike."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.tryton_server import Tryton

HERE = Path(__file__).parent
REPOSITORY = HERE.parent
MANAGER = {"accountId": "5b10ac8d82e05b22cc7d4ef5", "displayName": "Zhou Mingyuan"}
"""Employee E1002 of the shipped ``people.yaml``."""
ITEMS = (("LAPTOP-14", "2", "1234.56"), ("CABLE-M", "12.5", "3.2"))
TOTAL = "2509.12"
HUB_YAML = """\
listen: 127.0.0.1:0
connections:
  jira: {{url: builtin}}
  tryton: {{url: "{url}", database: {database}, key: file:tryton.key, allow: ["{url}"], quiesce: 5s}}
"""


def make_workspace(root: Path, tryton: Tryton) -> Path:
    """Hub settings for this server, the mapping of this folder, the shipped people and schemas."""
    shutil.copytree(HERE / "integration" / "tryton-workspace", root)
    shutil.copytree(REPOSITORY / "schemas", root / "schemas")
    shutil.copy(REPOSITORY / "people.yaml", root)
    (root / "hub.yaml").write_text(HUB_YAML.format(url=tryton.url, database=tryton.database), "utf-8")
    key = root / "tryton.key"
    key.touch(0o600)
    key.write_text(tryton.keys["buyer"], "utf-8")
    return root


def deliveries(root: Path, now: datetime, project: int = 41) -> Path:
    """Two purchases of a project, then the project closed: Jira webhooks in the recorded form, one a line."""
    made, closed = now - timedelta(days=1), now - timedelta(minutes=1)
    bodies = [_purchase(project, number, made, *item) for number, item in enumerate(ITEMS, project + 1)]
    bodies.append(_project(project, closed))
    file = root / "closing.jsonl"
    rows = [{"headers": {"content-type": "application/json"}, "body": body} for body in bodies]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


def _event(when: datetime, number: int, fields: dict[str, Any]) -> dict[str, Any]:
    known = {"updated": _jira_time(when), "resolution": None, "resolutiondate": None, "assignee": MANAGER}
    return {
        "timestamp": int(when.timestamp() * 1000),
        "webhookEvent": "jira:issue_updated",
        "issue": {"id": str(20_000 + number), "key": f"OPS-{number}", "fields": {**known, **fields}},
    }


def _project(number: int, when: datetime) -> dict[str, Any]:
    fields = {
        "summary": "试点产线 Pilot line",
        "issuetype": {"name": "Epic"},
        "status": {"name": "Done", "statusCategory": {"key": "done"}},
        "resolution": {"name": "Done"},
        "resolutiondate": _jira_time(when),
    }
    return _event(when, number, fields)


def _purchase(project: int, number: int, when: datetime, product: str, quantity: str, price: str) -> dict[str, Any]:
    fields = {
        "summary": f"Buy {product}",
        "issuetype": {"name": "Purchase"},
        "status": {"name": "To Do", "statusCategory": {"key": "new"}},
        "parent": {"id": str(20_000 + project)},
        "customfield_10300": {"value": product},
        "customfield_10301": quantity,
        "customfield_10302": price,
    }
    return _event(when, number, fields)


def _jira_time(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.000%z")


def hub(root: Path, *words: object, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    """One hub command on the workspace, as JSON."""
    command = [sys.executable, "-m", "hub.cli", *map(str, words), "-w", str(root), "--format", "json"]
    environment = {**os.environ, **({"HUB_CRASH_AT": crash_at} if crash_at else {})}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=180, check=False)


def hub_json(root: Path, *words: object) -> Any:
    """What a hub command answers; its words on standard error where it does not."""
    done = hub(root, *words)
    if not done.stdout.strip():
        raise RuntimeError(f"hub {' '.join(map(str, words))} ended with {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)
