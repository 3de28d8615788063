"""The part of the Jira twin that is changed by others: fields are set, issues move through their workflow.

It refuses what Jira refuses, in Jira's words, and a change to what is there already changes nothing: no entry in the
changelog, no new ``updated``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from connectors.jira.adf import is_adf, text_of
from hub.connector.twin import Shelf, answer, asked
from hub.model.clock import Micros
from hub.model.record import Json

Issue = dict[str, Any]
SUMMARY_MAX = 255
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_RICH = ("description", "environment")
_OBJECTS = {"priority": ("id", "name"), "assignee": ("accountId", "name"), "reporter": ("accountId", "name")}
_NEVER = frozenset({"id", "key", "status", "created", "updated", "resolution", "resolutiondate", "creator"})
_STATUSES = (
    ("10000", "To Do", "new"),
    ("10001", "In Progress", "indeterminate"),
    ("10002", "Done", "done"),
)
_CATEGORIES = {"new": (2, "To Do"), "indeterminate": (4, "In Progress"), "done": (3, "Done")}
_FIRST_CHANGE = 500_000


class Refusal(Exception):
    """A field Jira does not take: 400 with the words under the field's name."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field, self.words = field, words


def add_edits(
    app: web.Application, base: str, shelf: Shelf, find: Callable[[web.Request], Issue | None], stamp: Stamp
) -> None:
    """The addresses of one version of the API. ``stamp`` writes a time as Jira does."""
    edits = Edits(shelf, find, stamp, rich=base.endswith("/3"))
    app.router.add_put(f"{base}/issue/{{issue}}", edits.edit)
    app.router.add_get(f"{base}/issue/{{issue}}/editmeta", edits.describe)
    app.router.add_get(f"{base}/issue/{{issue}}/transitions", edits.offer)
    app.router.add_post(f"{base}/issue/{{issue}}/transitions", edits.move)


Stamp = Callable[[Micros], str]


class Edits:
    """Changes of one site's issues."""

    def __init__(
        self, shelf: Shelf, find: Callable[[web.Request], Issue | None], stamp: Stamp, *, rich: bool
    ) -> None:
        self._shelf, self._find, self._stamp, self._rich = shelf, find, stamp, rich

    async def edit(self, request: web.Request) -> web.Response:
        issue, given = self._find(request), await asked(request)
        if issue is None:
            return _gone()
        fields = given.get("fields")
        if not isinstance(fields, dict) or not fields:
            return _refused({}, "one of 'fields' or 'update' required")
        try:
            checked = {name: self._checked(issue, name, value) for name, value in fields.items()}
        except Refusal as refusal:
            return _refused({refusal.field: refusal.words})
        self.change(issue, checked)
        return web.Response(status=204)

    async def describe(self, request: web.Request) -> web.Response:
        issue = self._find(request)
        if issue is None:
            return _gone()
        names = {name for kept in self._shelf.all("issue") for name in kept["issue"]["fields"]} - _NEVER
        return answer(
            {"fields": {name: {"key": name, "schema": {"type": self._type(name)}} for name in sorted(names)}}
        )

    async def offer(self, request: web.Request) -> web.Response:
        issue = self._find(request)
        if issue is None:
            return _gone()
        now = _named(issue["fields"].get("status"))
        found = [
            {"id": str(100 + place), "name": status["name"], "to": status, "isAvailable": True}
            for place, status in enumerate(self._statuses())
            if status["name"] != now
        ]
        return answer({"expand": "transitions", "transitions": found})

    async def move(self, request: web.Request) -> web.Response:
        issue, given = self._find(request), await asked(request)
        if issue is None:
            return _gone()
        wanted = str((given.get("transition") or {}).get("id"))
        status = {str(100 + place): one for place, one in enumerate(self._statuses())}.get(wanted)
        if status is None or status["name"] == _named(issue["fields"].get("status")):
            return _refused({}, f"It seems that you have tried to perform an illegal workflow operation: {wanted}")
        done = status["statusCategory"]["key"] == "done"
        resolution = (given.get("fields") or {}).get("resolution") or {"name": "Done"}
        resolved = {"resolution": resolution, "resolutiondate": self._stamp(self._shelf.now())}
        self.change(issue, {"status": status, **(resolved if done else dict.fromkeys(resolved))})
        return web.Response(status=204)

    def change(self, issue: Issue, fields: Mapping[str, Json]) -> None:
        """Keep the fields that are new, with an entry in the changelog and a new ``updated``."""
        changed = {name: value for name, value in fields.items() if issue["fields"].get(name) != value}
        if not changed:
            return
        now = self._shelf.now()
        number = str(self._shelf.next_number("change", _FIRST_CHANGE))
        items = [_item(name, issue["fields"].get(name), value) for name, value in changed.items()]
        history = {"id": number, "created": self._stamp(now), "items": items}
        self._shelf.put("change", number, {"id": number}, now)
        self._shelf.put("history", f"{issue['id']}/{number}", history, now, issue["id"])
        told = {**issue, "fields": {**issue["fields"], **changed, "updated": self._stamp(now)}}
        self._shelf.put("issue", str(issue["id"]), {"at": now, "issue": told}, now)

    def _checked(self, issue: Issue, name: str, value: Json) -> Json:
        """The value as the issue will hold it. Raises ``Refusal``."""
        known = {field for kept in self._shelf.all("issue") for field in kept["issue"]["fields"]}
        if name in _NEVER or name not in known:
            words = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            raise Refusal(name, words)
        if name in _RICH:
            return self._long_text(name, value)
        if name in _OBJECTS:
            return _object(issue, name, value)
        if name == "summary":
            return _summary(value)
        if name == "labels" and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            raise Refusal(name, "Operation value must be a list of texts")
        if name == "duedate" and value is not None and not (isinstance(value, str) and _DAY.fullmatch(value)):
            raise Refusal(name, "Error parsing date string: " + str(value))
        return self._custom(issue, name, value)

    def _long_text(self, name: str, value: Json) -> Json:
        if value is not None and is_adf(value) is not self._rich:
            words = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
            raise Refusal(name, words if self._rich else "Operation value must be a string")
        return text_of(value) if is_adf(value) else value

    def _custom(self, issue: Issue, name: str, value: Json) -> Json:
        kind = self._type(name)
        if value is None or not name.startswith("customfield_"):
            return value
        if kind == "number" and (isinstance(value, (str, bool, dict, list))):
            raise Refusal(name, "Operation value must be a number")
        if kind == "option":
            if not isinstance(value, dict) or not {"id", "value"} & value.keys():
                raise Refusal(name, "Specify a valid 'id' or 'name' for " + name)
            return value if value.items() - _items(issue["fields"].get(name)) else issue["fields"].get(name)
        return value

    def _type(self, name: str) -> str:
        """What the site knows of a field: what the first issue holds that has it."""
        held = (kept["issue"]["fields"].get(name) for kept in self._shelf.all("issue"))
        value = next((one for one in held if one is not None), None)
        if isinstance(value, dict):
            return "option" if "value" in value else "any"
        if isinstance(value, list):
            return "array"
        return "string" if value is None or isinstance(value, str) else "number"

    def _statuses(self) -> list[dict[str, Json]]:
        """The workflow: the three usual statuses and those seen on issues; each is reached from each."""
        found = {name: _status(number, name, category) for number, name, category in _STATUSES}
        for kept in self._shelf.all("issue"):
            status = kept["issue"]["fields"].get("status")
            if isinstance(status, dict) and isinstance(status.get("statusCategory"), dict):
                found.setdefault(str(status.get("name")), status)
        return list(found.values())


def _status(number: str, name: str, category: str) -> dict[str, Json]:
    place, title = _CATEGORIES[category]
    return {"id": number, "name": name, "statusCategory": {"id": place, "key": category, "name": title}}


def _summary(value: Json) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Refusal("summary", "You must specify a summary of the issue.")
    if len(value) > SUMMARY_MAX or "\n" in value:
        raise Refusal("summary", f"Summary must be one line of less than {SUMMARY_MAX} characters.")
    return value


def _object(issue: Issue, name: str, value: Json) -> Json:
    """A person or a priority, named by one of its ids; what is known of it stays."""
    if value is None:
        return None
    keys = _OBJECTS[name]
    if not isinstance(value, dict) or not value.keys() & set(keys):
        raise Refusal(name, f"Specify a valid '{keys[0]}' or '{keys[1]}' for {name}")
    now = issue["fields"].get(name)
    return now if not value.items() - _items(now) else value


def _items(value: Json) -> set[tuple[str, Json]]:
    """The plain parts of an object, to compare."""
    parts = value.items() if isinstance(value, dict) else ()
    return {(name, part) for name, part in parts if not isinstance(part, (dict, list))}


def _item(name: str, before: Json, after: Json) -> dict[str, Json]:
    kind = "custom" if name.startswith("customfield_") else "jira"
    return {"field": name, "fieldtype": kind, "fieldId": name, "from": None, "fromString": _shown(before),
            "to": None, "toString": _shown(after)}  # fmt: skip


def _shown(value: Json) -> Json:
    if isinstance(value, dict):
        return str(value.get("name") or value.get("value") or value.get("displayName") or "")
    return None if value is None else str(value)


def _named(value: Json) -> Json:
    return value.get("name") if isinstance(value, dict) else value


def _refused(errors: Mapping[str, str], words: str = "") -> web.Response:
    return answer({"errorMessages": [words] if words else [], "errors": dict(errors), "status": 400}, 400)


def _gone() -> web.Response:
    words = "Issue does not exist or you do not have permission to see it."
    return answer({"errorMessages": [words], "errors": {}}, 404)
