"""A fixed asset: the payload as Tryton's values, Tryton's record as our document. Pure.

The category is the code of a product that Tryton depreciates; it says for how many months.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from connectors.tryton.wire import carried, carry, marked
from hub.connector.answers import RefusedByTarget
from hub.model.record import Json
from hub.model.values import Money, canonical

MODEL = "account.asset"
HEAD = ("state", "number", "comment")
FIELDS = (*HEAD, "value", "start_date", "currency.code", "product.code")


def values(
    payload: Mapping[str, Json], reference: str, product: Mapping[str, Json], ids: Mapping[str, Json]
) -> dict[str, Json]:
    """What to create. ``ids`` of company and account_journal."""
    months = product.get("depreciation_duration")
    if not product.get("depreciable") or not months:
        raise RefusedByTarget(f"product {payload['category']!r} is not marked as depreciable in Tryton")
    start, unit = date.fromisoformat(payload["in_use"]), product["default_uom"]
    return {
        **ids,
        "product": product["id"],
        "quantity": 1,
        "unit": unit["id"] if isinstance(unit, dict) else unit,
        "value": marked(Decimal(payload["value"]["amount"])),
        "residual_value": marked(Decimal()),
        "depreciated_amount": marked(Decimal()),
        "purchase_date": marked(start),
        "start_date": marked(start),
        "end_date": marked(months_later(start, int(months)) - timedelta(days=1)),
        "comment": carry(payload["name"], reference),
    }


def months_later(day: date, months: int) -> date:
    """The same day so many months on, the month's last where it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, month + 1, 1)
    following = date(first.year + month // 11, (month + 1) % 12 + 1, 1)
    return first + timedelta(days=min(day.day, (following - first).days) - 1)


def document(record: Mapping[str, Json]) -> dict[str, Json]:
    """The document as ``hub.connector.documents`` describes it, in canonical JSON."""
    name, reference = carried(record["comment"])
    return dict(
        canonical(
            {
                "number": record["number"],
                "state": record["state"],
                "external_ref": reference,
                "name": name,
                "category": record["product"]["code"],
                "value": Money(record["value"], record["currency"]["code"]),
                "in_use": record["start_date"],
            }
        )
    )
