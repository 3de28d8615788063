"""A purchase requisition: the payload as Tryton's values, Tryton's record as our document. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from connectors.tryton.wire import carried, carry, marked
from hub.connector.answers import RefusedByTarget
from hub.model.record import Json
from hub.model.values import Money, canonical

MODEL = "purchase.requisition"
HEAD = ("state", "number", "description")
FIELDS = (
    *HEAD,
    "supply_date",
    "total_amount",
    "currency.code",
    "employee.party.code",
    *(f"lines.{name}" for name in ("quantity", "unit_price", "amount", "product.code")),
)
FLOAT_DIGITS_MAX = 15
"""Tryton keeps quantities in a double: more digits would come back changed."""


def currency_of(payload: Mapping[str, Json]) -> str:
    """The one currency of all lines; a requisition has no other. Raises ``RefusedByTarget``."""
    found = sorted({line["unit_price"]["currency"] for line in payload["lines"]})
    if len(found) != 1:
        raise RefusedByTarget(f"a Tryton requisition has one currency, these lines have {', '.join(found)}")
    return str(found[0])


def values(
    payload: Mapping[str, Json],
    reference: str,
    products: Mapping[str, Mapping[str, Json]],
    ids: Mapping[str, Json],
) -> dict[str, Json]:
    """What to create. ``products`` by code, ``ids`` of company, employee, currency and, where set, warehouse."""
    return {
        **ids,
        "description": carry(payload["title"], reference),
        "supply_date": marked(date.fromisoformat(payload["needed_by"])),
        "lines": [["create", [_line(line, products[line["product"]]) for line in payload["lines"]]]],
    }


def _line(line: Mapping[str, Json], product: Mapping[str, Json]) -> dict[str, Json]:
    if not product["purchasable"]:
        raise RefusedByTarget(f"product {line['product']!r} is not marked as purchasable in Tryton")
    return {
        "product": product["id"],
        "quantity": _quantity(line["quantity"]),
        "unit": _id(product["purchase_uom"]),
        "unit_price": marked(Decimal(line["unit_price"]["amount"])),
    }


def _quantity(text: str) -> Decimal:
    number = Decimal(text)
    if len(number.normalize().as_tuple().digits) > FLOAT_DIGITS_MAX:
        raise RefusedByTarget(f"quantity {text}: Tryton keeps {FLOAT_DIGITS_MAX} digits exactly, no more")
    return number


def _id(relation: Json) -> Json:
    """A relation's id, whether it came bare or as an object."""
    return relation["id"] if isinstance(relation, dict) else relation


def document(record: Mapping[str, Json]) -> dict[str, Json]:
    """The document as ``hub.connector.documents`` describes it, in canonical JSON."""
    title, reference = carried(record["description"])
    currency = (record.get("currency") or {}).get("code")
    found = {
        "number": record["number"],
        "state": record["state"],
        "external_ref": reference,
        "title": title,
        "requester": record["employee"]["party"]["code"],
        "needed_by": record["supply_date"],
        "total": _money(record["total_amount"], currency),
        "lines": [_read_line(line, currency) for line in record["lines"]],
    }
    return dict(canonical(found))


def _read_line(line: Mapping[str, Json], currency: str | None) -> dict[str, Json]:
    return {
        "product": (line.get("product") or {}).get("code"),
        "quantity": Decimal(line["quantity"]),
        "unit_price": _money(line["unit_price"], currency),
        "amount": _money(line["amount"], currency),
    }


def _money(amount: Decimal | None, currency: str | None) -> Money | None:
    return None if amount is None or currency is None else Money(amount, currency)
