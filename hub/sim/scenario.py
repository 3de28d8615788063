"""What people do in the source systems during a run: twelve projects are made, filled, edited, closed, reopened.

Drawn from the seed as a list of timed changes before the run begins; nothing here knows the hub. ``Sources`` carries
a change out: the system's newest form, and the webhook body that tells of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from hub.model.clock import SECOND, Micros, iso, moment
from hub.model.record import Json
from hub.sim.clockwork import START
from hub.sim.targets import Jira, Trello, json_bytes

EPICS, CARDS = 9, 3
ACCOUNTS = ("5b10a2844c20165700ede21g", "5b10ac8d82e05b22cc7d4ef5", "557058:engineer-0000-1006")
MEMBERS = ("5f3a000000000000000e1005", "5f3a000000000000000e1002")
CLOSINGS = (900, 2400)
_TYPES = {"project": "Epic", "purchase_item": "Purchase", "expense": "Expense"}
_BOARD = {"id": "5f3b00000000000000000001", "name": "Campaigns", "shortLink": "simBoard"}
_LISTS = {
    name: {"id": f"5f3b0000000000000000001{n}", "name": name} for n, name in enumerate(("Planned", "Doing", "Done"))
}
_FIELDS = {"Spend": ("5f3b00000000000000000f01", "number"), "Budget code": ("5f3b00000000000000000f02", "text")}


@dataclass(frozen=True, slots=True)
class Change:
    """At that second this object gets these fields (issues), or this action happens to it (cards)."""

    at: float
    object: str
    kind: str
    fields: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook as its source would send it."""

    number: int
    connection: str
    headers: dict[str, str]
    body: bytes
    about: str


@dataclass(slots=True)
class Version:
    """What an issue said from a moment on."""

    at: Micros
    fields: dict[str, Json]


def written(random: Random) -> list[Change]:
    """The script of one seed, in time order."""
    changes: list[Change] = []
    for number in range(EPICS):
        changes += _epic(random, number)
    for number in range(CARDS):
        changes += _card(random, number)
    return sorted(changes, key=lambda one: (one.at, one.object))


def _money(random: Random, most: int) -> Decimal:
    return Decimal(random.randint(1, most * 100)) / 100


def _epic(random: Random, number: int) -> list[Change]:
    name = str(10_100 + number * 20)
    close = random.uniform(*CLOSINGS)
    first: dict[str, Json] = {
        "summary": f"Project {name}", "status": _status("new"), "resolution": None, "resolutiondate": None,
        "assignee": {"accountId": random.choice(ACCOUNTS)}, "customfield_10200": 100_000,
        "customfield_10201": {"value": f"CC-{name}"}, "customfield_10202": None, "customfield_10203": None,
    }  # fmt: skip
    if random.random() < 0.4:
        first |= {"customfield_10202": {"value": "Equipment"}, "customfield_10203": _money(random, 9000)}
    changes = [Change(random.uniform(0, 300), name, "project", first)]
    if number == 0:  # closed long ago: history, never acted on
        first |= {
            "status": _status("done"),
            "resolution": {"name": "Done"},
            "resolutiondate": "2025-11-03T10:00:00.000+0800",
        }
        return changes
    changes += _children(random, int(name), close)
    outcome = "Won't Do" if number == 1 else "Done"
    closing = {"status": _status("done"), "resolution": {"name": outcome}, "resolutiondate": _jira_at(close)}
    if random.random() < 0.15:  # a requirement is not met, and put right later
        changes.append(Change(close - 5, name, "project", {"customfield_10201": None}))
        changes.append(
            Change(close + random.uniform(30, 900), name, "project", {"customfield_10201": {"value": "CC-9"}})
        )
    changes.append(Change(close, name, "project", closing))
    if random.random() < 0.25:
        changes += _reopened(random, name, close)
    return changes


def _reopened(random: Random, name: str, close: float) -> list[Change]:
    """Opened again soon or late, and closed once more."""
    opened = close + random.choice((1.0, 4.0, 30.0, 900.0)) + random.random()
    again = opened + random.choice((1.0, 10.0, 600.0)) + random.random()
    back = {"status": _status("indeterminate"), "resolution": None, "resolutiondate": None}
    done = {"status": _status("done"), "resolution": {"name": "Done"}, "resolutiondate": _jira_at(again)}
    return [Change(opened, name, "project", back), Change(again, name, "project", done)]


def _children(random: Random, epic: int, close: float) -> list[Change]:
    changes: list[Change] = []
    parent = {"parent": {"id": str(epic)}}
    for place in range(1, 1 + random.randint(1, 3)):
        made: dict[str, Json] = {
            **parent, "summary": f"Buy {place}", "status": _status("new"),
            "customfield_10300": {"value": f"P-{place}"}, "customfield_10301": random.randint(1, 20),
            "customfield_10302": _money(random, 2500),
        }  # fmt: skip
        changes += _edited(random, str(epic + place), "purchase_item", made, close, "customfield_10302")
    for place in range(6, 6 + random.randint(2, 6)):
        made = {
            **parent, "summary": f"Taxi {place}", "status": {"name": "To Do", "statusCategory": {"key": "new"}},
            "reporter": {"accountId": random.choice(ACCOUNTS)}, "customfield_10310": _money(random, 800),
        }  # fmt: skip
        changes += _edited(random, str(epic + place), "expense", made, close, "customfield_10310")
        changes += _approved(random, str(epic + place), close)
    return changes


def _edited(random: Random, name: str, kind: str, made: dict[str, Json], close: float, amount: str) -> list[Change]:
    changes = [Change(random.uniform(310, 800), name, kind, made)]
    for _ in range(random.choice((0, 0, 0, 1, 2))):  # mostly before the closing, sometimes in the middle of it
        at = random.choice((close - 3, close + 2, close + 6, random.uniform(810, 3000))) + random.random()
        changes.append(Change(at, name, kind, {amount: _money(random, 900)}))
    return changes


def _approved(random: Random, name: str, close: float) -> list[Change]:
    """Most are approved before the project closes; some late, some never; some get a state nobody mapped first."""
    chance = random.random()
    if chance < 0.08:
        return []
    at = random.uniform(close + 10, close + 1200) if chance < 0.16 else random.uniform(810, 880)
    good = Change(at, name, "expense", {"status": {"name": "Approved", "statusCategory": {"key": "indeterminate"}}})
    if random.random() < 0.06:
        odd = {"status": {"name": "Frobnicated", "statusCategory": {"key": "new"}}}
        return [Change(at, name, "expense", odd), Change(at + random.uniform(30, 1500), name, "expense", good.fields)]
    return [good]


def _card(random: Random, number: int) -> list[Change]:
    name = f"5f3b000000000000000000a{number}"
    close = random.uniform(*CLOSINGS)
    spend = str(_money(random, 19_000))
    changes = [
        Change(random.uniform(0, 200), name, "createCard", {"list": "Planned"}),
        Change(random.uniform(201, 300), name, "addMemberToCard", {"idMember": random.choice(MEMBERS)}),
        Change(random.uniform(301, 400), name, "updateCustomFieldItem", {"Budget code": "EVT-2026"}),
        Change(random.uniform(401, 800), name, "updateCustomFieldItem", {"Spend": spend}),
        Change(random.uniform(810, 880), name, "updateCard", {"list": "Doing"}),
        Change(close, name, "updateCard", {"list": "Done"}),
    ]
    if random.random() < 0.3:
        late = str(_money(random, 19_000))
        changes.append(Change(close - random.choice((1, 30)), name, "updateCustomFieldItem", {"Spend": late}))
    return changes


def _status(key: str) -> Json:
    name = {"new": "To Do", "indeterminate": "In Progress", "done": "Done"}[key]
    return {"name": name, "statusCategory": {"key": key}}


def _jira_at(second: float) -> str:
    return jira_time(START + int(second * 1000) * 1000)


def jira_time(at: Micros) -> str:
    return moment(at).replace(tzinfo=None).isoformat(timespec="milliseconds") + "+0000"


class Sources:
    """The two source systems: carry out a change, give its webhook."""

    def __init__(self, jira: Jira, trello: Trello, now: Callable[[], Micros]) -> None:
        self.jira, self.trello, self._now = jira, trello, now
        self.history: dict[str, list[Version]] = {}
        """Every version of every issue and card, oldest first: what the hub's documents are checked against."""
        self.kinds: dict[str, str] = {}
        self.sent = 0

    def do(self, change: Change) -> Delivery:
        done = self._issue(change) if change.kind in _TYPES else self._action(change)
        self.sent += 1
        return done

    def _issue(self, change: Change) -> Delivery:
        name, new = change.object, change.object not in self.jira.issues
        last, kept = self.jira.issues.get(name, (0, {"fields": {}}))
        at = max(self._now() // 1000 * 1000, last + 1000)
        self.kinds[name] = self.kinds.get(name, change.kind)
        fields = {
            **kept["fields"],
            "issuetype": {"name": _TYPES[self.kinds[name]]},
            **change.fields,
            "updated": jira_time(at),
        }
        issue = {"id": name, "key": f"OPS-{name}", "self": f"https://jira.invalid/{name}", "fields": fields}
        self.jira.issues[name] = at, issue
        self.history.setdefault(name, []).append(Version(self._now(), fields))
        event = "jira:issue_created" if new else "jira:issue_updated"
        body = json_bytes({"timestamp": at // 1000, "webhookEvent": event, "issue": issue})
        headers = {"content-type": "application/json", "x-atlassian-webhook-identifier": f"hook-{self.sent}"}
        return Delivery(self.sent, "jira", headers, body, name)

    def _action(self, change: Change) -> Delivery:
        name, at = change.object, self._now() // 1000 * 1000
        data: dict[str, Any] = {
            "card": {"id": name, "shortLink": name[-8:], "name": f"Campaign {name[-2:]}"},
            "board": _BOARD,
        }
        for key, value in change.fields.items():
            if key == "list":
                data["listAfter" if change.kind == "updateCard" else "list"] = _LISTS[str(value)]
                data["card"] |= {"idList": _LISTS[str(value)]["id"]}
            elif key == "idMember":
                data |= {"idMember": value, "member": {"id": value}}
            else:
                data |= _custom(name, key, value)
        action = {"id": f"5f3c{self.sent:020x}", "type": change.kind, "date": iso(at), "data": data}
        self.trello.take(action, at)
        spoken = {**self.history[name][-1].fields, **change.fields} if name in self.history else dict(change.fields)
        self.kinds[name] = "campaign"
        self.history.setdefault(name, []).append(Version(self._now(), spoken))
        body = json_bytes({"model": _BOARD, "action": action})
        return Delivery(self.sent, "trello", {"content-type": "application/json"}, body, name)


def _custom(card: str, name: str, value: Json) -> dict[str, Json]:
    source, kind = _FIELDS[name]
    item = {
        "id": f"{card[:20]}{source[-2:]}{card[-2:]}",
        "idCustomField": source,
        "idModel": card,
        "value": {kind: value},
    }
    return {"customField": {"id": source, "name": name, "type": kind}, "customFieldItem": item}


__all__ = ["SECOND", "Change", "Delivery", "Sources", "Version", "written"]
