"""What happens in the ERP by itself, as deliveries: its lists polled by time of change, one row a record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from connectors.erp.spec import LISTS, SPEC
from hub.connector.answers import Found, ReadFailed
from hub.connector.base import Page
from hub.connector.cut import items
from hub.connector.http import Http
from hub.connector.window import Seen, Window
from hub.model.clock import SECOND, Micros, iso, micros
from hub.model.delivery import Raw
from hub.model.record import Decoded, Json, Record, Rejected
from hub.model.source_json import parse

OVERLAP: Micros = 60 * SECOND
PAGE = 100
STREAMS = {path: stream for stream, path in LISTS.items()}
_JSON = {"content-type": "application/json"}
_ID = re.compile(rb'"id"\s*:\s*"(\d{1,20})"')


async def page(http: Http, path: str, cursor: str, headers: Mapping[str, str]) -> Page:
    """The next page of a list, oldest change first. A row that changes meanwhile moves to the end: none is missed."""
    at = Window.read(cursor).begun(OVERLAP)
    params = {"changed_since": iso(at.since) if at.since else "", "after": at.after, "limit": str(PAGE)}
    answer = await http.read(f"/api/{path}", params=params, headers=headers)
    body = answer.json if answer else None
    if answer is None or not isinstance(body, dict) or not isinstance(body.get("items"), list):
        raise ReadFailed(f"GET /api/{path}: a list of items was expected")
    pairs = [(_seen(row), raw) for row, raw in zip(body["items"], items(answer.body, "items"), strict=True)]
    fresh = tuple(Raw(raw, _JSON) for one, raw in pairs if at.is_new(one))
    after = at.handed_on((one for one, _ in pairs), OVERLAP, str(body.get("next") or ""))
    return Page(fresh, after.text(), more=bool(after.after))


def route(body: bytes) -> str:
    found = _ID.search(body)
    return found[1].decode() if found else ""


def decode(body: bytes) -> Decoded:
    """The record of one row. Never raises."""
    row = parse(body)
    if isinstance(row, Rejected):
        return Decoded(rejected=row)
    stream = STREAMS.get(str(row.get("kind"))) if isinstance(row, dict) else None
    if stream is None:
        return Decoded(
            rejected=Rejected("unknown-form", "no row of a list of the ERP: its kind is missing or strange")
        )
    try:
        at = _at(row)
    except (ValueError, TypeError, AttributeError, KeyError):
        return Decoded(rejected=Rejected("broken-body", f"{stream} without an id or with an odd updated_at"))
    spec = SPEC.stream(stream)
    told = {name: row[name] for name in (spec.names if spec else ()) if name in row}
    return Decoded((Record(stream, row["id"], at, told, "snapshot", _version(row)),))


def found(row: Mapping[str, Json], body: bytes) -> Found:
    """A row as read: the same bytes polling brings."""
    number = row.get("number")
    return Found(str(row["id"]), number if isinstance(number, str) else "", body=body, headers=_JSON)


def updated(row: Mapping[str, Json], fields: Iterable[str]) -> Found:
    """A row as the document of its update."""
    document = {
        "object": row.get("id"),
        "fields": {name: row.get(name) for name in fields},
        "updated_at": row.get("updated_at"),
    }
    return Found(str(row["id"]), str(row.get("number") or ""), document=document)


def _at(row: Mapping[str, Json]) -> Micros:
    if not isinstance(row["id"], str) or not row["id"]:
        raise ValueError("no id")
    return micros(datetime.fromisoformat(row["updated_at"]))


def _seen(row: Json) -> Seen:
    try:
        return Seen(row["id"], _at(row), _version(row))
    except (ValueError, TypeError, KeyError) as error:
        raise ReadFailed(f"a row without id or updated_at: {error!r}") from error


def _version(row: Mapping[str, Json]) -> str:
    return f"{row['updated_at']}#{row.get('version')}"
