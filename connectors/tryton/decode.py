"""Tryton's deliveries -> records: projects, goods receipts, invoices. Pure; never raises on what may come.

The names are those of the built-in ERP where both know a thing, so that a mapping moves by changing one word.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from connectors.tryton.streams import purchase_lines, written_at
from connectors.tryton.wire import carried, plain
from hub.model.clock import iso
from hub.model.record import Decoded, Json, Record, Rejected
from hub.model.source_json import parse
from hub.model.values import canonical

_ODD = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError)


def decode(body: bytes) -> Decoded:
    """The records of one delivery; a receipt for several requisitions is one record for each."""
    parsed = parse(body)
    if isinstance(parsed, Rejected):
        return Decoded(rejected=parsed)
    read = _READERS.get(str(parsed.get("stream"))) if isinstance(parsed, dict) else None
    if read is None or not isinstance(parsed.get("record"), dict):
        return Decoded(rejected=Rejected("unknown-form", "no delivery of ours: its stream or its record is missing"))
    try:
        return Decoded(tuple(read(plain(parsed["record"]), plain(parsed.get("lines") or []))))
    except _ODD as error:
        return Decoded(rejected=Rejected("broken-body", f"{parsed['stream']} does not read as one: {error!r}"))


def _head(row: Mapping[str, Json]) -> tuple[str, int, dict[str, Json]]:
    at = written_at(row)
    return str(int(row["id"])), at, {"id": str(int(row["id"])), "number": row.get("number"), "updated_at": iso(at)}


def _project(row: Mapping[str, Json], lines: list[Json]) -> list[Record]:
    source, at, head = _head(row)
    named = {"status": _part(row, "status", "name"), "party": _part(row, "party", "code")}
    told = {name: row.get(name) for name in ("name", "comment", "progress")}
    head.pop("number")
    return [Record("project", source, at, dict(canonical({**head, **told, **named})), "snapshot", str(at))]


def _receipt(row: Mapping[str, Json], lines: list[Json]) -> list[Record]:
    source, at, head = _head(row)
    shipment = f"stock.shipment.in,{source}"
    requisitions: dict[int, list[Mapping[str, Json]]] = {}
    for line in lines:
        requisitions.setdefault(int(line["requisition"]["id"]), []).append(line)
    told = {
        **head,
        "received_at": iso(at),
        "received_on": row.get("effective_date"),
        "supplier": _part(row, "supplier", "code"),
        "warehouse": _part(row, "warehouse", "code"),
    }
    found = []
    for number, own in requisitions.items() or {0: []}.items():
        data = {**told, **_for(number, own, shipment)}
        found.append(Record("goods_receipt", f"{source}/{number}" if number else source, at,
                            dict(canonical(data)), "snapshot", str(at)))  # fmt: skip
    return found


def _for(number: int, lines: list[Mapping[str, Json]], shipment: str) -> dict[str, Json]:
    """What a receipt means for one requisition (0: it is for none)."""
    if not number:
        return {"requisition": None, "requisition_number": None, "complete": None, "lines": []}
    return {
        "requisition": str(number),
        "requisition_number": lines[0]["requisition"].get("number"),
        "complete": all(_has_come(line) for line in lines),
        "lines": [
            {"product": _part(line, "product", "code"), "quantity": Decimal(move["quantity"])}
            for line in lines
            for bought in purchase_lines(line)
            for move in bought.get("moves") or ()
            if _names(move.get("shipment"), shipment) and move.get("state") == "done"
        ],
    }


def _has_come(line: Mapping[str, Json]) -> bool:
    """Whether all of a requisition's line was bought and received; nothing arrives of a service."""
    bought = purchase_lines(line)
    progress = [one.get("moves_progress") for one in bought]
    return bool(bought) and all(one is None or Decimal(one) >= 1 for one in progress)


def _names(reference: Json, shipment: str) -> bool:
    if isinstance(reference, dict):
        return f"{reference.get('__name__')},{reference.get('id')}" == shipment
    return bool(reference == shipment)


def _invoice(row: Mapping[str, Json], lines: list[Json]) -> list[Record]:
    """An invoice is for the requisition its lines come from; one of our own is its own document."""
    source, at, head = _head(row)
    text, reference = carried(row.get("description"))
    requisitions = {int(line["requisition"]["id"]): line["requisition"].get("number") for line in lines}
    of, kind, number = (source, "reimbursement", row.get("number")) if reference else (None, None, None)
    if len(requisitions) == 1 and not reference:
        ((only, number),) = requisitions.items()
        of, kind = str(only), "purchase_requisition"
    data = {
        **head,
        "of": of,
        "of_kind": kind,
        "of_number": number,
        "requisitions": [str(one) for one in requisitions],
        "state": row.get("state"),
        "text": text,
        "invoice_date": row.get("invoice_date"),
        "posted_on": _part(row, "move", "post_date"),
        "total": {"amount": Decimal(row["total_amount"]), "currency": _part(row, "currency", "code")},
        "party": _part(row, "party", "code"),
    }
    return [Record("invoice", source, at, dict(canonical(data)), "snapshot", str(at))]


def _part(row: Mapping[str, Json], relation: str, name: str) -> Json:
    value = row.get(relation)
    return value.get(name) if isinstance(value, dict) else None


_READERS = {"project": _project, "goods_receipt": _receipt, "invoice": _invoice}
