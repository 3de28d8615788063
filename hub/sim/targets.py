"""The systems around the hub, in process: the ERP's real books and small honest stand-ins for Jira and Trello.

A target does what a call says and answers; how the network between distorts that is ``network``'s business. Each
keeps its own count per reference of ours: the judge of "nothing done twice".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import unquote

import orjson

from connectors.erp.books import Books, Refused, Row
from connectors.jira.adf import document_of, plain
from connectors.trello.cards import shown, told
from hub.connector.http import as_numbers
from hub.connector.reference import DIGITS, without_mark
from hub.model.clock import SECOND, Micros, iso
from hub.model.record import Json

Answer = tuple[int, Json]
_MARK = re.compile(rf"\[ref:([0-9a-f]{{{DIGITS}}})\]\s*$")
_MINUTES = re.compile(r"updated >= -(\d+)([md])")


class Target(Protocol):
    """One system: answers a call, and says how many live documents it holds per reference."""

    def answer(
        self, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str], body: Json
    ) -> Answer: ...
    def counts(self) -> dict[str, int]: ...


class KeyedBooks(Books):
    """Class A is a promise of one of two things: it remembers our key, or it refuses a reference it has seen."""

    def __init__(self, *, remembers: bool, unique: bool) -> None:
        super().__init__(None)
        self.remembers, self.unique = remembers, unique

    def create(self, path: str, body: Any, key: str, now: str, alter: Row | None = None) -> tuple[Row, bool]:
        self.keys = self.remembers
        seen = self._remembered(key, path, body)
        if seen is not None:
            return seen, False
        self.keys = self.unique
        return super().create(path, body, key if self.remembers else "", now, alter)


class Erp:
    """The shipped ERP's books behind their paths. ``lag``: seconds its search is behind."""

    def __init__(self, now: Callable[[], Micros], lag: Callable[[], int], *, remembers: bool, unique: bool) -> None:
        self._now, self._lag = now, lag
        self.books = KeyedBooks(remembers=remembers, unique=unique)
        self.made: dict[str, Micros] = {}
        self.alter_next = False
        self.altered: set[str] = set()

    def answer(
        self, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str], body: Json
    ) -> Answer:
        try:
            return self._answer(method, path.split("/")[2:], params, headers, body)
        except Refused as refused:
            return refused.status, {"error": str(refused)}

    def _answer(
        self, method: str, parts: list[str], params: Mapping[str, str], headers: Mapping[str, str], body: Json
    ) -> Answer:
        kind = parts[0]
        if kind == "ping":
            return 200, {"documents": sum(self.books.per_kind().values())}
        if method == "POST" and len(parts) == 1:
            return self._create(kind, headers, body)
        if len(parts) == 2:
            found = self.books.document(kind, unquote(parts[1]))
            return (404, {"error": "no such document"}) if found is None else (200, found)
        edge = self._now() - self._lag() * SECOND
        rows = self.books.by_reference(kind, params["external_ref"])
        return 200, {"items": [row for row in rows if self.made.get(row["id"], 0) <= edge]}

    def _create(self, kind: str, headers: Mapping[str, str], body: Json) -> Answer:
        alter = _other_amount(kind, body) if self.alter_next else None
        row, new = self.books.create(kind, body, headers.get("idempotency-key", ""), iso(self._now()), alter)
        if new:
            self.made[row["id"]] = self._now()
            if alter:
                self.altered.add(str(row["external_ref"]))
        return (201 if new else 200), row

    def counts(self) -> dict[str, int]:
        return self.books.counts()

    def documents(self) -> list[Row]:
        kinds = ("purchase_requisitions", "reimbursements", "assets", "settlements")
        return [row for kind in kinds for row in self.books.listed(kind, 1000)]


def _other_amount(kind: str, body: Json) -> Row:
    """A target that lies: it keeps another amount than it was told."""
    name = {"purchase_requisitions": "total", "assets": "value"}.get(kind, "amount")
    return {name: {"amount": "0.01", "currency": "CNY"}}


class Jira:
    """Issues as the scenario made them, newest form; comments of ours."""

    def __init__(self, now: Callable[[], Micros], lag: Callable[[], int]) -> None:
        self._now, self._lag = now, lag
        self.issues: dict[str, tuple[Micros, dict[str, Json]]] = {}
        self.comments: list[tuple[str, str, Micros, Json]] = []

    def answer(
        self, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str], body: Json
    ) -> Answer:
        parts = path.split("/")[4:]
        if parts[0] == "search":
            return 200, self._search(body)
        if parts[0] != "issue":
            return 200, {"displayName": "ProjOps Hub"}
        issue = unquote(parts[1])
        if issue not in self.issues:
            return 404, {"errorMessages": ["Issue does not exist"]}
        if len(parts) == 2:
            return 200, self.issues[issue][1]
        if method == "POST":
            return 201, self._comment(issue, body["body"])
        if len(parts) == 4:
            found = [one for one in self.comments if one[:2] == (issue, parts[3])]
            return (200, _comment(found[0])) if found else (404, {"errorMessages": ["no comment"]})
        edge = self._now() - self._lag() * SECOND
        seen = [_comment(one) for one in reversed(self.comments) if one[0] == issue and one[2] <= edge]
        return 200, {"startAt": 0, "maxResults": 100, "total": len(seen), "comments": seen}

    def _comment(self, issue: str, body: Json) -> Json:
        self.comments.append((issue, str(900_000 + len(self.comments)), self._now(), body))
        return _comment(self.comments[-1])

    def _search(self, body: Json) -> Json:
        found = _MINUTES.search(str(body["jql"]))
        assert found is not None
        window = int(found[1]) * (60 if found[2] == "m" else 86_400) * SECOND
        edge, late = self._now() - window, self._now() - self._lag() * SECOND
        listed = sorted((at, int(name)) for name, (at, _) in self.issues.items() if edge <= at <= late)
        return {"issues": [self.issues[str(name)][1] for _, name in listed], "isLast": True}

    def counts(self) -> dict[str, int]:
        return dict(Counter(mark for *_, body in self.comments if (mark := marked(plain(body)))))


def _comment(kept: tuple[str, str, Micros, Json]) -> Json:
    issue, name, at, body = kept
    when = iso(at).removesuffix("Z")[:23] + "+0000"
    return {
        "id": name,
        "self": f"https://jira.invalid/issue/{issue}/comment/{name}",
        "body": body,
        "created": when,
        "updated": when,
    }


class Trello:
    """Cards put together from the scenario's actions; comments of ours."""

    def __init__(self, now: Callable[[], Micros], lag: Callable[[], int]) -> None:
        self._now, self._lag = now, lag
        self.cards: dict[str, dict[str, Json]] = {}
        self.lists: dict[str, Json] = {}
        self.fields: dict[str, Json] = {}
        self.comments: list[tuple[str, str, Micros, str]] = []

    def take(self, action: dict[str, Json], at: Micros) -> None:
        """Something happened on the board."""
        data, card = action["data"], str(action["data"]["card"]["id"])
        for name in ("list", "listAfter"):
            if name in data:
                self.lists[data[name]["id"]] = data[name]
        if "customField" in data:
            self.fields[data["customField"]["id"]] = {"options": [], **data["customField"]}
        self.cards[card] = told(self.cards.get(card, {}), action, at)

    def answer(
        self, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str], body: Json
    ) -> Answer:
        parts = path.split("/")[2:]
        if parts[0] == "boards":
            return 200, list(self.fields.values())
        if parts[0] == "actions":
            found = [one for one in self.comments if one[1] == parts[1]]
            return (200, self._shown(found[0])) if found else (404, "not found")
        if parts[0] != "cards":
            return 200, {"id": "5f3a0000000000000000ffff", "username": "hub"}
        if parts[1] not in self.cards:
            return 404, "not found"
        if len(parts) == 2:
            card = shown(parts[1], self.cards[parts[1]])
            return 200, {**card, "list": self.lists.get(str(card["idList"]))}
        if method == "POST":
            self.comments.append((parts[1], f"{0xC0FFEE + len(self.comments):024x}", self._now(), str(body["text"])))
            return 200, self._shown(self.comments[-1])
        edge = self._now() - self._lag() * SECOND
        return 200, [self._shown(one) for one in reversed(self.comments) if one[0] == parts[1] and one[2] <= edge]

    def _shown(self, kept: tuple[str, str, Micros, str]) -> Json:
        card, name, at, text = kept
        data = {"text": text, "card": {"id": card, "shortLink": card[-8:]}}
        return {"id": name, "type": "commentCard", "date": iso(at), "data": data}

    def counts(self) -> dict[str, int]:
        return dict(Counter(mark for *_, text in self.comments if (mark := marked(text))))


def marked(text: str) -> str:
    """The reference a comment of ours ends with, or empty."""
    found = _MARK.search(text.rstrip())
    return found[1] if found else ""


def reference_in(connection: str, body: Json) -> str:
    """Our reference in a call's body: whole in the ERP, its beginning in comments."""
    if not isinstance(body, dict):
        return ""
    if connection == "erp":
        return str(body.get("external_ref") or "")
    return marked(plain(body.get("body")) if connection == "jira" else str(body.get("text")))


def json_bytes(body: Json) -> bytes:
    return orjson.dumps(body, default=as_numbers)


def plain_text(connection: str, body: Json) -> str:
    """The text of a comment as it was asked for, our last line taken off."""
    return without_mark(plain(body.get("body")) if connection == "jira" else str(body.get("text")))


__all__ = ["Erp", "Jira", "Target", "Trello", "document_of", "json_bytes", "marked", "plain_text", "reference_in"]
