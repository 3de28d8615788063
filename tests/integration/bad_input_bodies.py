"""Jira's bodies for the tests of bad input: small, whole issue events that the shipped table takes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

FINANCE = {"accountId": "557058:finance-0000-1003", "displayName": "Shen Ruolan"}
MANAGER = {"accountId": "5b10ac8d82e05b22cc7d4ef5", "displayName": "Zhou Mingyuan"}
START = datetime(2026, 6, 1, 8, 0, 0, tzinfo=UTC)
CATEGORIES = {"new": "To Do", "indeterminate": "In Progress", "done": "Done"}


def at(minutes: float) -> str:
    """Jira's spelling of a moment so many minutes after the story's start."""
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def event(number: int, fields: dict[str, Any], *, key: str = "", minutes: float = 0, kind: str = "updated") -> Any:
    """An issue event as Jira Cloud sends it."""
    moment = START + timedelta(minutes=minutes)
    return {
        "timestamp": int(moment.timestamp() * 1000),
        "webhookEvent": f"jira:issue_{kind}",
        "issue": {
            "id": str(number),
            "key": key or f"OPS-{number - 10000}",
            "fields": {"updated": at(minutes), "created": at(-60), **fields},
        },
    }


def status(category: str, name: str = "") -> dict[str, Any]:
    return {"status": {"name": name or CATEGORIES.get(category, category), "statusCategory": {"key": category}}}


def project(number: int, category: str = "new", *, minutes: float = 0, key: str = "", **fields: Any) -> Any:
    """An epic. ``done`` closes it as delivered at that minute."""
    closed = {"resolution": {"name": "Done"}, "resolutiondate": at(minutes)} if category == "done" else {}
    known = {
        "summary": f"Project {number}",
        "issuetype": {"name": "Epic"},
        "resolution": None,
        "resolutiondate": None,
        "assignee": MANAGER,
        "customfield_10200": 60000,
        "customfield_10201": {"value": "CC-1001"},
        "customfield_10202": None,
        "customfield_10203": 1715,
        **status(category),
        **closed,
        **fields,
    }
    return event(number, known, key=key, minutes=minutes)


def expense(
    number: int, of: int, amount: Any = 100, *, name: str = "Approved", minutes: float = 0, **fields: Any
) -> Any:
    """An expense of a project, approved unless told otherwise."""
    known = {
        "summary": f"Expense {number}",
        "issuetype": {"name": "Expense"},
        "parent": {"id": str(of)},
        "reporter": MANAGER,
        "customfield_10310": amount,
        **status("indeterminate", name),
        **fields,
    }
    return event(number, known, minutes=minutes)


def purchase(number: int, of: int, price: Any = 100, quantity: Any = 2, *, minutes: float = 0, **fields: Any) -> Any:
    """An open purchase item of a project."""
    known = {
        "summary": f"Item {number}",
        "issuetype": {"name": "Purchase"},
        "parent": {"id": str(of)},
        "customfield_10300": {"value": "SKU-1"},
        "customfield_10301": quantity,
        "customfield_10302": price,
        **status("new"),
        **fields,
    }
    return event(number, known, minutes=minutes)


def deleted(number: int, *, minutes: float) -> Any:
    """What Jira says when an issue is deleted."""
    return event(number, {"summary": "gone", "issuetype": {"name": "Expense"}}, minutes=minutes, kind="deleted")


def now_ms() -> int:
    return time.time_ns() // 1_000_000
