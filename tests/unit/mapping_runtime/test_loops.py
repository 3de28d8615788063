"""Compiled loops: the shipped close-out over a scope, from its conditions to the payloads it would send."""

from pathlib import Path
from typing import Any

import pytest

from hub.mapping.build import build_file
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.compiled import CompiledLoop, ExpressionError, Unlinked
from hub.model.schema import load_schemas
from hub.model.values import money_of

ROOT = Path(__file__).parents[3]
SCHEMAS = load_schemas(ROOT / "schemas")


def close_out() -> CompiledLoop:
    built = build_file(ROOT / "mappings" / "rd-close.yaml", SCHEMAS.newest)
    assert built.definition is not None
    return compile_integration(built.definition, CompileContext(SCHEMAS)).loops[0]


LOOP = close_out()
STEPS = {step.definition.name: step for step in LOOP.steps}


def entity(kind: str, key: str, **state: Any) -> dict[str, Any]:
    schema = SCHEMAS.get(kind)
    assert schema is not None
    return {**schema.empty, "key": key, "label": None, **state}


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


PROJECT = entity(
    "project", "jira:1", label="OPS-1", name="P", status="closed", outcome="delivered", manager="E1",
    closed_at="2026-02-16T18:00:00.000Z", deliverable="equipment", actual_cost=cny("12000.00"), cost_center="C1",
)  # fmt: skip
ITEM = entity(
    "purchase_item", "jira:2", product="X", quantity="2", price=cny("3.50"), status="open", project="jira:1"
)
EXPENSE = entity("expense", "jira:3", status="approved", text="t", amount=cny("8.00"), employee="E2")
SCOPE: dict[str, Any] = {
    "project": PROJECT, "was": None, "closing": {"at": "2026-02-16T18:00:00.000Z", "number": 1}, "items": [ITEM],
    "expenses": [EXPENSE], "now": "2026-02-16T19:00:00.000Z", "steps": {},
    "documents": [{"step": "purchase", "title": "PR", "number": "7", "id": "7", "url": ""}],
}  # fmt: skip


def link(kind: str, key: str) -> str | None:
    return key.partition(":")[2]


def test_when_and_require_read_the_entity() -> None:
    assert LOOP.when(SCOPE)
    assert not LOOP.when({**SCOPE, "project": {**PROJECT, "status": "active"}})
    assert [one.check(SCOPE) for one in LOOP.require] == [True]
    assert [one.check({**SCOPE, "project": {**PROJECT, "cost_center": ""}}) for one in LOOP.require] == [False]


def test_the_start_is_the_closings_own_time() -> None:
    assert LOOP.starts_of(SCOPE) == 1_771_264_800_000_000
    assert LOOP.occurrence_of(SCOPE) == "2026-02-16T18:00:00.000Z"
    assert LOOP.starts_of({**SCOPE, "project": {**PROJECT, "closed_at": None}}) is None


def test_where_sees_the_candidate_alone() -> None:
    items, expenses = LOOP.related
    assert items.where({"purchase_item": ITEM})
    assert not items.where({"purchase_item": {**ITEM, "status": "bought"}})
    assert expenses.where({"expense": EXPENSE})


def test_a_payload_is_canonical_and_days_are_counted_in_the_zone() -> None:
    assert STEPS["purchase"].payload(SCOPE, link) == {
        "title": "OPS-1 P",
        "requester": "E1",
        "needed_by": "2026-03-03",
        "lines": [{"product": "X", "quantity": "2", "unit_price": cny("3.50")}],
    }
    assert STEPS["purchase"].expect(SCOPE) == {"total": cny("7.00")}
    amount = STEPS["purchase"].amount
    assert amount is not None
    assert amount(SCOPE) == money_of(cny("7.00"))


def test_an_empty_list_is_nothing_to_buy_and_zero_in_the_rows_currency() -> None:
    empty = {**SCOPE, "items": []}
    assert not STEPS["purchase"].applies(empty)
    assert STEPS["purchase"].expect(empty) == {"total": cny("0.00")}


def test_items_are_keyed_by_the_entity() -> None:
    items = STEPS["reimburse"].items
    assert items is not None
    assert items(SCOPE) == [("jira:3", {"expense": EXPENSE})]
    assert STEPS["purchase"].items is None
    inner = {**SCOPE, "expense": EXPENSE}
    assert STEPS["reimburse"].payload(inner, link) == {"employee": "E2", "amount": cny("8.00"), "text": "t"}


def test_an_entity_travels_as_its_link_and_waits_without_one() -> None:
    assert STEPS["tell"].payload(SCOPE, link) == {"issue": "1", "body": "ERP: PR 7"}
    with pytest.raises(Unlinked) as caught:
        STEPS["tell"].payload(SCOPE, lambda kind, key: None)
    assert (caught.value.kind, caught.value.key) == ("project", "jira:1")


def test_uses_names_everything_a_step_reads_but_its_own_variables() -> None:
    assert {name: sorted(step.uses) for name, step in STEPS.items()} == {
        "purchase": ["closing", "items", "project"],
        "reimburse": ["expenses"],
        "asset": ["closing", "project"],
        "tell": ["documents", "project"],
    }


def test_money_of_two_currencies_is_an_error_never_a_sum() -> None:
    mixed = {**SCOPE, "items": [ITEM, {**ITEM, "price": {"amount": "1.00", "currency": "USD"}}]}
    with pytest.raises(ExpressionError) as caught:
        STEPS["purchase"].expect(mixed)
    assert caught.value.reason == "mixed-currencies"


def test_an_item_without_a_price_is_an_error_never_a_smaller_sum() -> None:
    with pytest.raises(ExpressionError):
        STEPS["purchase"].expect({**SCOPE, "items": [ITEM, {**ITEM, "price": None}]})
