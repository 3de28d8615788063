"""What happens in Tryton, as deliveries: projects, goods receipts and invoices, polled by when they were written.

Tryton knows neither webhooks nor a change number. A walk reads by id, so pages never shift; its window ends where
Tryton's own clock stood when it began, so what is written meanwhile is found by the next one. Receipts and invoices
say for which requisition they are by the requisition's lines, which come along in the same delivery.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime

from connectors.tryton.rest import Answered, Rest
from connectors.tryton.wire import marked, plain
from hub.connector.answers import ReadFailed
from hub.connector.base import Page
from hub.connector.window import Seen, Window
from hub.model.clock import SECOND, Micros, micros, moment
from hub.model.delivery import Raw
from hub.model.record import Json

OVERLAP: Micros = 300 * SECOND
"""How late a transaction may still commit what it wrote first: Tryton notes when the transaction began."""
PAGE = 50
_JSON = {"content-type": "application/json"}
_ID = re.compile(rb'"record"\s*:\s*\{[^{}]*?"id"\s*:\s*(\d{1,20})')
WHEN = ("write_date", "create_date")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a stream is read. ``lines``: the path from a requisition's line to one of its records."""

    model: str
    fields: tuple[str, ...]
    only: tuple[Json, ...] = ()
    lines: str = ""
    reference: bool = field(default=False)
    """Whether that path ends in a reference, which names the model too."""


SOURCES: Mapping[str, Source] = {
    "project": Source(
        "project.work",
        ("name", "type", "comment", "progress", "status.name", "party.code", "party.name", *WHEN),
        (["type", "=", "project"],),
    ),
    "goods_receipt": Source(
        "stock.shipment.in",
        ("number", "state", "effective_date", "supplier.code", "supplier.name", "warehouse.code", *WHEN),
        (["state", "in", ["received", "done"]],),
        "purchase_requests.purchase_line.moves.shipment",
        reference=True,
    ),
    "invoice": Source(
        "account.invoice",
        ("number", "state", "type", "description", "invoice_date", "total_amount", "currency.code", "party.code",
         "party.name", "move.post_date", *WHEN),
        (["type", "=", "in"],),
        "purchase_requests.purchase_line.invoice_lines.invoice",
    ),
}  # fmt: skip
LINE_MODEL = "purchase.requisition.line"
LINE_FIELDS = (
    "quantity",
    "product.code",
    "requisition.number",
    "purchase_requests.purchase_line.moves_progress",
    "purchase_requests.purchase_line.moves.shipment",
    "purchase_requests.purchase_line.moves.quantity",
    "purchase_requests.purchase_line.moves.state",
    "purchase_requests.purchase_line.invoice_lines.invoice",
)


async def page(rest: Rest, stream: str, cursor: str) -> Page:
    """The next page of a stream."""
    source, window = SOURCES[stream], Window.read(cursor).begun(OVERLAP)
    domain = [*source.only, ["id", ">", int(window.after or 0)], *_since(window.since)]
    answer = await rest.page(source.model, domain, source.fields, PAGE)
    if not window.after:
        window = replace(window, until=_clock(answer))
    pairs = [(seen(row), row, raw) for row, raw in zip(answer.rows, answer.raw, strict=True)]
    fresh = [(row, raw) for one, row, raw in pairs if window.is_new(one)]
    bodies = await _bodies(rest, stream, source, fresh)
    last = str(answer.rows[-1]["id"]) if len(answer.rows) == PAGE else ""
    after = window.handed_on((one for one, _, _ in pairs), OVERLAP, last)
    return Page(tuple(Raw(body, _JSON) for body in bodies), after.text(), more=bool(after.after))


async def one(rest: Rest, stream: str, number: str) -> bytes | None:
    """One object as a delivery, None where it is not there (or no longer of this stream)."""
    source = SOURCES[stream]
    answer = await rest.page(source.model, [*source.only, ["id", "=", int(number)]], source.fields, 2)
    bodies = await _bodies(rest, stream, source, list(zip(answer.rows, answer.raw, strict=True)))
    return bodies[0] if bodies else None


async def _bodies(
    rest: Rest, stream: str, source: Source, rows: Sequence[tuple[Mapping[str, Json], bytes]]
) -> list[bytes]:
    """The delivery of each row: its bytes, and those of the requisition's lines that tell what it is for."""
    if not rows:
        return []
    lines = await _lines(rest, source, [int(row["id"]) for row, _ in rows]) if source.lines else None
    found = []
    for row, raw in rows:
        body = b'{"stream":"' + stream.encode() + b'","record":' + raw
        if lines is not None:
            name = f"{source.model},{row['id']}" if source.reference else row["id"]
            body += b',"lines":[' + b",".join(_of(lines, source, name)) + b"]"
        found.append(body + b"}")
    return found


async def _lines(rest: Rest, source: Source, ids: list[int]) -> Answered:
    """Every line of every requisition that any of these records is for."""
    names: list[Json] = [f"{source.model},{number}" for number in ids] if source.reference else list(ids)
    touched = await rest.page(LINE_MODEL, [[source.lines, "in", names]], ("requisition.number",), 1000)
    requisitions = sorted({int(row["requisition"]["id"]) for row in touched.rows})
    if not requisitions:
        return Answered((), (), {})
    return await rest.page(LINE_MODEL, [["requisition", "in", requisitions]], LINE_FIELDS, 1000)


def _of(lines: Answered, source: Source, name: Json) -> list[bytes]:
    """The lines of the requisitions this record is for, all of them: whether all has come is asked of all."""
    for_it = {
        row["requisition"]["id"]
        for row in lines.rows
        for line in purchase_lines(row)
        if name in (_id(part) for part in _ends(line, source))
    }
    return [raw for row, raw in zip(lines.rows, lines.raw, strict=True) if row["requisition"]["id"] in for_it]


def _ends(line: Mapping[str, Json], source: Source) -> list[Json]:
    if source.reference:
        return [move.get("shipment") for move in line.get("moves") or ()]
    return [one.get("invoice") for one in line.get("invoice_lines") or ()]


def purchase_lines(row: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """The lines of purchases that a requisition's line became."""
    requests = row.get("purchase_requests") or ()
    return [request["purchase_line"] for request in requests if isinstance(request.get("purchase_line"), dict)]


def _id(value: Json) -> Json:
    """A relation's id, a reference's text, whether it came bare or as an object."""
    if not isinstance(value, dict):
        return value
    return f"{value['__name__']},{value['id']}" if value.get("__name__") == "stock.shipment.in" else value.get("id")


def route(body: bytes) -> str:
    found = _ID.search(body)
    return found[1].decode() if found else ""


def written_at(row: Mapping[str, Json]) -> Micros:
    """When a record was written last, or made. Raises ``ValueError``."""
    when = row.get("write_date") or row.get("create_date")
    when = plain(when)
    if not isinstance(when, datetime):
        raise ValueError(f"{when!r} is no time")
    return micros(when)


def seen(row: Mapping[str, Json]) -> Seen:
    try:
        at = written_at(row)
    except (ValueError, TypeError) as error:
        raise ReadFailed(f"record {row.get('id')} does not say when it was written: {error}") from error
    return Seen(str(row["id"]), at, str(at))


def _since(since: Micros) -> list[Json]:
    if not since:
        return []
    at = marked(moment(since))
    made = [["write_date", "=", None], ["create_date", ">=", at]]
    return [["OR", [["write_date", ">=", at]], made]]


def _clock(answer: Answered) -> Micros:
    """Tryton's own clock, 0 where its answer does not say."""
    try:
        return micros(parsedate_to_datetime(answer.headers["date"]))
    except (KeyError, ValueError, TypeError):
        return 0
