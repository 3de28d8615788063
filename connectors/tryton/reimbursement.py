"""A reimbursement: an invoice from an employee, in Tryton's values and as our document. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from connectors.tryton.wire import carried, carry, marked
from hub.model.record import Json
from hub.model.values import Money, canonical

MODEL = "account.invoice"
HEAD = ("state", "number", "description")
FIELDS = (*HEAD, "total_amount", "currency.code", "party.code")


def values(payload: Mapping[str, Json], reference: str, today: date, ids: Mapping[str, Json]) -> dict[str, Json]:
    """What to create. ``ids`` of company, party, invoice_address, currency, journal, account and, for the line, of
    the ``expense`` account; ``today`` is Tryton's own day."""
    head = {name: value for name, value in ids.items() if name != "expense"}
    line = {
        "type": "line",
        "company": ids["company"],
        "currency": ids["currency"],
        "account": ids["expense"],
        "description": payload["text"],
        "quantity": 1,
        "unit_price": marked(Decimal(payload["amount"]["amount"])),
    }
    return {
        **head,
        "type": "in",
        "invoice_date": marked(today),
        "description": carry(payload["text"], reference),
        "lines": [["create", [line]]],
    }


def document(record: Mapping[str, Json]) -> dict[str, Json]:
    """The document as ``hub.connector.documents`` describes it, in canonical JSON."""
    text, reference = carried(record["description"])
    return dict(
        canonical(
            {
                "number": record["number"],
                "state": record["state"],
                "external_ref": reference,
                "employee": record["party"]["code"],
                "amount": Money(record["total_amount"], record["currency"]["code"]),
                "text": text,
            }
        )
    )
