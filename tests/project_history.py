"""A recorded history made from a seed, with exactly known differences between two versions of the shipped mapping.

Projects with purchases and expenses; exactly ``affected`` project records say ``Software``, all others ``Equipment``.
The second version (``CHANGE``) maps ``Software`` to equipment: those records, and what ends with them, must differ.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from hub.bootstrap import open_workspace
from hub.log.port import Arrival
from hub.model.clock import SECOND, Micros
from tests.integration.workspace import Space

T0: Micros = 1_772_600_000 * SECOND
CHANGE = ("Software: software}", "Software: equipment}")
PER_PROJECT = 10
CLOSES_EVERY = 40


@dataclass
class History:
    """The bodies in their order, and what the change must be found to do."""

    bodies: list[bytes] = field(default_factory=list)
    records: int = 0
    projects: set[str] = field(default_factory=set)
    """Keys of the projects that end differently."""
    assets: dict[str, Decimal] = field(default_factory=dict)
    """Subject -> value of the asset entry that would come on top."""


def history(deliveries: int, affected: int, seed: int = 1, padding: int = 1400) -> History:
    """``deliveries`` bodies, ``affected`` of them project records that say Software."""
    chance = random.Random(seed)
    projects = deliveries // PER_PROJECT
    closing = [(number, 4) for number in range(0, projects, CLOSES_EVERY)]
    chosen = set(chance.sample(closing, min(len(closing), affected // 4)))
    spoken = [(number, turn) for number in range(projects) for turn in range(5)]
    chosen |= set(chance.sample([one for one in spoken if one not in chosen], affected - len(chosen)))
    made = History(records=affected)
    for number in range(projects):
        _project(made, number, chosen, "x" * padding)
    while len(made.bodies) < deliveries:
        made.bodies.append(_expense(90_000_000 + len(made.bodies), 1, "x"))
    return made


def _project(made: History, number: int, chosen: set[tuple[int, int]], text: str) -> None:
    key = 100_000 + number * 10
    closes = number % CLOSES_EVERY == 0
    for turn in range(5):
        last = turn == 4
        software = (number, turn) in chosen
        made.bodies.append(_issue(key, "Epic", turn, text, **_fields(key, closes and last, software)))
        if turn == 0:
            made.bodies += [_item(key + n, key, text) for n in (1, 2, 3)]
            made.bodies += [_expense(key + n, key, text) for n in (4, 5)]
        if last and software:
            made.projects.add(f"jira:{key}")
            if closes:
                made.assets[f"jira:{key}"] = Decimal(key) / 100


def _fields(key: int, closed: bool, software: bool) -> dict[str, Any]:
    return {
        "status": {"name": "Done" if closed else "Doing", "statusCategory": {"key": "done" if closed else "new"}},
        "resolution": {"name": "Done"} if closed else None,
        "resolutiondate": "2026-03-05T10:20:30.000+0800" if closed else None,
        "customfield_10200": 1000,
        "customfield_10203": orjson.Fragment(f"{key / 100:.2f}"),
        "customfield_10201": {"value": "CC-7"},
        "customfield_10202": {"value": "Software" if software else "Equipment"},
        "assignee": {"accountId": "5b10a2844c20165700ede21g"},
    }


def _item(key: int, project: int, text: str) -> bytes:
    fields = {"customfield_10300": {"value": "P-1"}, "customfield_10301": 2, "customfield_10302": 10.5}
    status = {"name": "To Do", "statusCategory": {"key": "new"}}
    return _issue(key, "Purchase", 0, text, status=status, parent={"id": str(project)}, **fields)


def _expense(key: int, project: int, text: str) -> bytes:
    status = {"name": "Approved", "statusCategory": {"key": "new"}}
    fields = {"customfield_10310": 120, "reporter": {"accountId": "5b10ac8d82e05b22cc7d4ef5"}}
    return _issue(key, "Expense", 0, text, status=status, parent={"id": str(project)}, **fields)


def _issue(key: int, kind: str, turn: int, text: str, **fields: Any) -> bytes:
    said = {"issuetype": {"name": kind}, "summary": f"{kind} {key}", "description": text, **fields}
    said["updated"] = f"2026-03-05T10:20:{turn:02}.000+0800"
    issue = {"id": str(key), "key": f"OPS-{key}", "fields": said}
    return orjson.dumps({"webhookEvent": "jira:issue_updated", "issue": issue})


def recorded(folder: Path, made: History) -> tuple[Space, str, str]:
    """A workspace whose log holds the history; and the texts of both versions."""
    space = Space(folder)
    workspace = open_workspace(folder)
    arrivals = [Arrival("jira", body, {}, T0 + n * 1000, "ingest") for n, body in enumerate(made.bodies)]
    for start in range(0, len(arrivals), 2_000):
        workspace.log.append_now(arrivals[start : start + 2_000])
    workspace.store.close()
    before = (folder / "mappings" / "rd-close.yaml").read_text("utf-8")
    assert before.count(CHANGE[0]) == 1
    return space, before, before.replace(*CHANGE)
