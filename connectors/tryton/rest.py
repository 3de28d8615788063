"""Tryton's REST interface for user applications: search, get, create, press a button. Knows no document.

The ambiguity table is the SDK's; here stand only the two places where Tryton's statuses mean something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs

import orjson

from connectors.tryton.wire import packed, plain, query
from hub.connector.answers import (
    AlreadyThere,
    Ambiguous,
    NotSent,
    ReadFailed,
    RefusedByTarget,
    Throttled,
    Unauthorized,
)
from hub.connector.cut import items
from hub.connector.http import Http, as_numbers
from hub.model.record import Json

_LOCKED = 423


@dataclass(frozen=True, slots=True)
class Answered:
    """Rows as read, each with its exact bytes, and the answer's headers."""

    rows: Sequence[dict[str, Json]]
    raw: Sequence[bytes]
    headers: Mapping[str, str]


@dataclass(slots=True)
class Rest:
    """One database of one server, as the user the key belongs to. ``company`` by name; empty: the user's own."""

    http: Http
    database: str
    key: str = field(repr=False)
    company: str = ""
    _context: dict[str, Json] = field(default_factory=dict)

    async def search(self, model: str, domain: Json, fields: Sequence[str], size: int) -> list[dict[str, Json]]:
        """The first ``size`` records, lowest id first."""
        order = packed([["id", "ASC"]])
        path = self._path(model, fields, d=packed(domain), o=order, s=str(size))
        return await self._rows(path, fields, await self.context())

    async def page(self, model: str, domain: Json, fields: Sequence[str], size: int) -> Answered:
        """The same with the bytes of each row."""
        order = packed([["id", "ASC"]])
        path = self._path(model, fields, d=packed(domain), o=order, s=str(size))
        answer = await self.http.read(path, headers=self._headers(await self.context()))
        rows = answer.json if answer else None
        if answer is None or not isinstance(rows, list) or not all(_has(row, fields) for row in rows):
            raise ReadFailed(f"GET {_shown(path)}: a list of records was expected")
        return Answered(rows, items(answer.body), answer.headers)

    async def write(self, model: str, number: str, values: Json, fields: Sequence[str]) -> dict[str, Json]:
        """Set fields of one record; the record afterwards."""
        return await self._write(self._path(f"{model}/{number}", fields), values, "PUT")

    async def get(self, model: str, number: str, fields: Sequence[str]) -> dict[str, Json] | None:
        """One record by id, None where there is none."""
        path = self._path(f"{model}/{number}", fields)
        found = await self._read(path, await self.context())
        if found is None:
            return None
        if not _has(found, fields) or str(found["id"]) != number:
            raise ReadFailed(f"GET {_shown(path)}: the answer is not the record asked for")
        return dict(found)

    async def create(self, model: str, values: Json, fields: Sequence[str]) -> dict[str, Json]:
        return await self._write(self._path(model, fields), values)

    async def press(self, model: str, number: str, button: str, fields: Sequence[str]) -> dict[str, Json]:
        """Press a button of one record; the record afterwards."""
        return await self._write(self._path(f"{model}/{number}/{button}", fields), {})

    async def context(self) -> dict[str, Json]:
        """Company and employee we act for, asked once: Tryton sets neither by itself for a REST call."""
        if not self._context:
            path = self._path("res.user/get_preferences", ())
            answer = await self.http.read(path, method="POST", json={"context_only": True}, headers=self._headers({}))
            if answer is None:
                raise Unauthorized(f"database {self.database!r} has no REST interface here, or is not there")
            if not isinstance(answer.json, dict):
                raise ReadFailed(f"POST {path}: the answer holds no preferences")
            self._context = await self._of_company(answer.json)
        return self._context

    async def today(self) -> datetime:
        """Tryton's own clock: the day a document gets is the ERP's, not this machine's."""
        path = self._path("res.user/get_preferences", ())
        answer = await self.http.read(path, method="POST", json={"context_only": True}, headers=self._headers({}))
        try:
            return parsedate_to_datetime(answer.headers["date"] if answer else "")
        except (KeyError, ValueError, TypeError):
            raise ReadFailed(f"POST {path}: the answer does not say what time it is") from None

    async def _context_or_not_sent(self) -> dict[str, Json]:
        try:
            return await self.context()
        except ReadFailed as error:
            raise NotSent(str(error)) from error

    async def _of_company(self, preferences: dict[str, Json]) -> dict[str, Json]:
        mine = {name: preferences[name] for name in ("company", "employee") if preferences.get(name)}
        if self.company:
            domain = packed([["party.name", "=", self.company]])
            found = await self._rows(self._path("company.company", (), d=domain), (), mine)
            mine["company"] = found[0]["id"] if len(found) == 1 else None
        if mine.get("company") not in preferences.get("companies", ()):
            raise Unauthorized(f"the key's user does not belong to company {self.company or '(none set)'}")
        return {**mine, "companies": [mine["company"]]}

    async def _read(self, path: str, context: dict[str, Json]) -> Json:
        answer = await self.http.read(path, headers=self._headers(context))
        try:
            return None if answer is None else plain(answer.json)
        except (ArithmeticError, TypeError, ValueError):
            raise ReadFailed(f"GET {_shown(path)}: a value in the answer is not what it is marked as") from None

    async def _rows(self, path: str, fields: Sequence[str], context: dict[str, Json]) -> list[dict[str, Json]]:
        """The rows of a search. An answer that is no list, or a 404, is never taken for "there is none"."""
        found = await self._read(path, context)
        if not isinstance(found, list) or not all(_has(row, fields) for row in found):
            raise ReadFailed(f"GET {_shown(path)}: a list of records was expected")
        return found

    async def _write(self, path: str, body: Json, method: str = "POST") -> dict[str, Json]:
        headers = self._headers(await self._context_or_not_sent())
        try:
            answer = await self.http.write(
                method, path, json=body, headers=headers, not_done_429=True, default=as_numbers
            )
        except AlreadyThere as warning:  # Tryton's 409 is no duplicate: a warning that a person has to confirm
            raise RefusedByTarget(said(str(warning)), 409) from None
        except RefusedByTarget as refused:
            if refused.status == _LOCKED:  # somebody else changed the record: this transaction was rolled back
                raise Throttled(said(refused.words), None, not_done=True) from None
            raise RefusedByTarget(said(refused.words), refused.status) from None
        record = answer.json
        wanted = parse_qs(path.partition("?")[2]).get("f", [])
        if not isinstance(record, dict) or not isinstance(record.get("id"), int) or not _has(record, wanted):
            raise Ambiguous(f"{method} {_shown(path)}: {answer.status} without an id and what was asked for")
        return record

    def _path(self, name: str, fields: Sequence[str], **parts: str) -> str:
        search = query(fields, **parts)
        return f"/{self.database}/rest/model/{name}" + (f"?{search}" if search else "")

    def _headers(self, context: dict[str, Json]) -> dict[str, str]:
        return {"authorization": f"bearer {self.key}", "x-tryton-context": packed(context)}


def _has(record: Json, fields: Sequence[str]) -> bool:
    """Whether it is a record with the fields asked for (Tryton leaves out what the key's user may not see)."""
    return isinstance(record, dict) and {"id", *(name.partition(".")[0] for name in fields)} <= record.keys()


def _shown(path: str) -> str:
    """The path without its search, for people."""
    return path.partition("?")[0]


def said(words: str) -> str:
    """Tryton's sentence out of its error body; the words as they are where there is none."""
    try:
        body = orjson.loads(words[words.index("{") :])
    except ValueError:
        return words
    parts = (body.get("message"), body.get("description")) if isinstance(body, dict) else ()
    return "Tryton: " + " ".join(part for part in parts if part) if any(parts) else words
