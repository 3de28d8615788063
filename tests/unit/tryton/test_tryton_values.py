"""What goes to Tryton and what is read from it, without a server."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.tryton import requisition
from connectors.tryton.rest import said
from connectors.tryton.wire import carried, carry, marked, packed, plain, query
from hub.connector.answers import RefusedByTarget
from hub.connector.http import as_numbers

LAPTOP = {"id": 3, "purchasable": True, "purchase_uom": 7}
PRODUCTS = {"LAPTOP": LAPTOP}


def payload(quantity: str = "2", amount: str = "1234.56", currency: str = "CNY") -> dict[str, Any]:
    line = {"product": "LAPTOP", "quantity": quantity, "unit_price": {"amount": amount, "currency": currency}}
    return {"title": "OPS-41\n 试点", "requester": "E1", "needed_by": "2026-03-05", "lines": [line]}


def record(**fields: Any) -> dict[str, Any]:
    line = {"quantity": Decimal("2.0"), "unit_price": Decimal("1.5"), "amount": Decimal("3.00"), "product": None}
    return {
        "id": 5,
        "number": "7",
        "state": "draft",
        "description": "By hand",
        "supply_date": None,
        "total_amount": Decimal("3"),
        "currency": {"id": 1, "code": "CNY"},
        "employee": {"id": 1, "party": {"id": 2, "code": "E1"}},
        "lines": [line],
        **fields,
    }


def test_money_and_days_travel_marked_and_quantities_as_exact_numbers() -> None:
    values = requisition.values(payload("2.50"), "r", PRODUCTS, {"company": 1})
    assert orjson.loads(orjson.dumps(values, default=as_numbers)) == {
        "company": 1,
        "description": "OPS-41 试点 [hub:r]",
        "supply_date": {"__class__": "date", "year": 2026, "month": 3, "day": 5},
        "lines": [
            [
                "create",
                [
                    {
                        "product": 3,
                        "quantity": 2.5,
                        "unit": 7,
                        "unit_price": {"__class__": "Decimal", "decimal": "1234.56"},
                    }
                ],
            ]
        ],
    }


def test_a_product_that_cannot_be_bought_is_refused_by_name() -> None:
    with pytest.raises(RefusedByTarget, match="'LAPTOP' is not marked as purchasable"):
        requisition.values(payload(), "r", {"LAPTOP": {**LAPTOP, "purchasable": False}}, {})


@pytest.mark.parametrize("quantity", ["1234567890.123456", "0.1234567890123456"])
def test_a_quantity_a_double_cannot_hold_is_refused_not_rounded(quantity: str) -> None:
    with pytest.raises(RefusedByTarget, match="15 digits"):
        requisition.values(payload(quantity), "r", PRODUCTS, {})


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=0, max_value=10**10))
def test_every_accepted_quantity_survives_tryton_s_double(quantity: Decimal) -> None:
    values = requisition.values(payload(format(quantity, "f")), "r", PRODUCTS, {})
    sent = orjson.loads(orjson.dumps(values, default=as_numbers))["lines"][0][1][0]["quantity"]
    assert Decimal(str(float(sent))) == quantity


def test_lines_of_two_currencies_are_refused() -> None:
    mixed = {**payload(), "lines": payload()["lines"] + payload(currency="EUR")["lines"]}
    with pytest.raises(RefusedByTarget, match="CNY, EUR"):
        requisition.currency_of(mixed)


def test_a_document_somebody_made_by_hand_reads_without_a_reference() -> None:
    assert requisition.document(record()) == {
        "number": "7",
        "state": "draft",
        "external_ref": None,
        "title": "By hand",
        "requester": "E1",
        "needed_by": None,
        "total": {"amount": "3.00", "currency": "CNY"},
        "lines": [
            {
                "product": None,
                "quantity": "2",
                "unit_price": {"amount": "1.50", "currency": "CNY"},
                "amount": {"amount": "3.00", "currency": "CNY"},
            }
        ],
    }


def test_a_requisition_without_a_currency_has_no_amount_rather_than_a_wrong_one() -> None:
    assert requisition.document(record(currency=None))["total"] is None


@given(st.text(max_size=80), st.from_regex(r"[0-9a-f]{1,64}", fullmatch=True))
def test_title_and_reference_come_back_from_the_description(title: str, reference: str) -> None:
    assert carried(carry(title, reference)) == (" ".join(title.split()), reference)


def test_what_a_person_writes_behind_our_mark_does_not_hide_it() -> None:
    assert carried("Paper [hub:ab] (urgent)") == ("Paper (urgent)", "ab")


def test_a_title_that_looks_like_a_mark_is_not_taken_for_ours() -> None:
    assert carried(carry("Paper [hub:other]", "ours")) == ("Paper [hub:other]", "ours")


@pytest.mark.parametrize("text", [None, "", "Paper", "[hub:] x", "Paper [hub:a b]"])
def test_a_description_without_our_mark_carries_nothing(text: str | None) -> None:
    assert carried(text) == (text, None)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_are_marked_and_come_back_exactly(value: Decimal) -> None:
    assert plain([{"deep": marked(value)}]) == [{"deep": value}]


def test_dates_come_back_as_dates() -> None:
    assert plain(marked(date(2026, 2, 28))) == date(2026, 2, 28)


def test_a_query_repeats_the_field_and_leaves_out_what_is_empty() -> None:
    assert query(("state", "lines.quantity"), d="", s="5") == "f=state&f=lines.quantity&s=5"


def test_a_domain_is_json_in_urlsafe_base64() -> None:
    domain = [["description", "like", "%中?>"]]
    assert orjson.loads(urlsafe_b64decode(packed(domain))) == domain


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            'POST /x: 400  {"status": 400, "message": "No stock.", "description": "See W."}',
            "Tryton: No stock. See W.",
        ),
        ("POST /x: 500 (an HTML page)", "POST /x: 500 (an HTML page)"),
        ('POST /x: 400 {"message": "cut of', 'POST /x: 400 {"message": "cut of'),
        ('POST /x: 400 {"status": 400}', 'POST /x: 400 {"status": 400}'),
    ],
)
def test_a_refusal_is_told_in_tryton_s_sentence(words: str, shown: str) -> None:
    assert said(words) == shown
