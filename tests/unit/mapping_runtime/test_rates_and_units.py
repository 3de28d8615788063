"""Declared rates and units: which day counts, what is rounded, what is recorded, what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hub.mapping.apply import apply_rows
from hub.mapping.build import Built, build_file
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.compiled import CompiledTable
from hub.mapping.convert import Unconvertible
from hub.mapping.convert.units import quantity
from hub.mapping.lineage import explain
from hub.model.record import Mapped, Record, Refused
from hub.model.schema import Schema, Schemas

SCHEMAS = Schemas({("thing", 1): Schema("thing", 1, {"type": "object", "properties": {"sum": {"x-type": "money"}}})})
RATES = (
    "rates: treasury\nbase: CNY\nvalid: 45d\ndays:\n  2026-02-01: {USD: 7.1, JPY: 0.048}\n  2026-01-01: {USD: 7.12}\n"
)
ROW = "{field: sum, from: s, as: money CNY, currency: c, rates: rates/treasury, dated: d}"


def built(folder: Path, row: str = ROW, rates: str = RATES) -> Built:
    (folder / "rates").mkdir(exist_ok=True)
    (folder / "rates/treasury.yaml").write_text(rates)
    head = "integration: t\nowner: o\nevery: change\nzone: Asia/Shanghai\nsystems: {pm: pm}\ntables:\n"
    (folder / "t.yaml").write_text(f"{head}- entity: thing\n  source: pm.x\n  key: id\n  fields:\n  - {row}\n")
    return build_file(folder / "t.yaml", {"thing": 1}, name="t.yaml")


def table(folder: Path, row: str = ROW, rates: str = RATES) -> CompiledTable:
    made = built(folder, row, rates)
    assert made.findings == ()
    assert made.definition is not None
    return compile_integration(made.definition, CompileContext(SCHEMAS)).tables[0]


def seen(compiled: CompiledTable, **data: Any) -> Mapped | Refused:
    record = Record("x", "1", 0, {"id": "1", **data})
    found = compiled.apply(record)
    plan: Any = compiled.plan
    assert found == apply_rows(plan, record)
    return found


@pytest.mark.parametrize(
    ("data", "amount"),
    [
        ({"s": 100, "c": "USD", "d": "2026-01-01"}, "712.00"),
        ({"s": 100, "c": "USD", "d": "2026-01-31"}, "712.00"),
        ({"s": 100, "c": "USD", "d": "2026-02-01"}, "710.00"),
        ({"s": 100, "c": "USD", "d": "2026-01-31T16:30:00Z"}, "710.00"),
        ({"s": Decimal("0.05"), "c": "USD", "d": "2026-01-01"}, "0.36"),
        ({"s": "1000 JPY", "d": "2026-02-03"}, "48.00"),
        ({"s": 100, "c": "CNY"}, "100.00"),
    ],
)
def test_money_is_converted_by_the_newest_rate_not_after_the_record_s_date(
    tmp_path: Path, data: dict[str, Any], amount: str
) -> None:
    found = seen(table(tmp_path), **data)
    assert isinstance(found, Mapped), found
    assert found.fields == {"sum": {"amount": amount, "currency": "CNY"}}


def test_how_it_was_converted_is_kept(tmp_path: Path) -> None:
    found = seen(table(tmp_path), s=100, c="USD", d="2026-01-05")
    assert isinstance(found, Mapped)
    money = {"amount": "100.00", "currency": "USD"}
    assert found.rates == {"sum": {"from": money, "rate": "7.12", "day": "2026-01-01", "table": "rates/treasury"}}


def test_money_that_needs_no_rate_keeps_none_and_null_empties(tmp_path: Path) -> None:
    compiled = table(tmp_path)
    plain, empty = seen(compiled, s=1, c="CNY"), seen(compiled, s=None, c="USD")
    assert isinstance(plain, Mapped)
    assert isinstance(empty, Mapped)
    assert (plain.rates, empty.fields, empty.rates) == (None, {"sum": None}, None)


@pytest.mark.parametrize(
    "data",
    [
        {"s": 1, "c": "USD", "d": "2025-12-31"},
        {"s": 1, "c": "USD", "d": "2026-03-20"},
        {"s": 1, "c": "EUR", "d": "2026-01-05"},
        {"s": 1, "c": "JPY", "d": "2026-01-05"},
        {"s": 1, "c": "USD"},
        {"s": 1, "c": "USD", "d": None},
    ],
)
def test_without_a_rate_for_the_day_the_record_is_refused(tmp_path: Path, data: dict[str, Any]) -> None:
    found = seen(table(tmp_path), **data)
    assert isinstance(found, Refused)
    assert found.rejected.reason == "no-rate"


def test_two_currencies_of_the_table_convert_through_its_base(tmp_path: Path) -> None:
    found = seen(table(tmp_path, ROW.replace("money CNY", "money USD")), s=1000, c="JPY", d="2026-02-03")
    assert isinstance(found, Mapped)
    assert found.fields["sum"] == {"amount": "6.76", "currency": "USD"}


def test_lineage_shows_the_converted_value(tmp_path: Path) -> None:
    found = explain(table(tmp_path), Record("x", "1", 0, {"id": "1", "s": 1, "c": "USD", "d": "2026-01-05"}), "sum")
    assert found is not None
    assert found.value == {"amount": "7.12", "currency": "CNY"}


def test_a_new_rate_is_a_new_version(tmp_path: Path) -> None:
    before, after = built(tmp_path).definition, built(tmp_path, rates=RATES.replace("7.12", "7.13")).definition
    assert before is not None
    assert after is not None
    assert before.logic != after.logic


@pytest.mark.parametrize(
    "line", ["  2026-13-01: {USD: 7}", "  2026-03-01: {USD: 0}", "  2026-03-01: {XYZ: 7}", "  2026-03-01: 7"]
)
def test_a_wrong_line_of_the_rates_is_shown_in_their_file(tmp_path: Path, line: str) -> None:
    found = built(tmp_path, rates=RATES + line + "\n").findings
    assert [(one.rule, one.place.file, one.place.line) for one in found] == [
        ("bad-literal", "rates/treasury.yaml", 7)
    ]


@pytest.mark.parametrize(
    ("unit", "value", "amount"),
    [
        ("kg", "1500 g", "1.5"), ("kg", 2, "2"), ("kg", "2", "2"), ("kg", "3 公斤", "3"), ("t", "2,500kg", "2.5"),
        ("h", "90 min", "1.5"), ("m2", "1.5 ㎡", "1.5"), ("m", "12 cm", "0.12"), ("件", "3 pcs", "3"),
        ("kg", "", None),
    ],
)  # fmt: skip
def test_a_quantity_is_given_in_the_row_s_unit(unit: str, value: Any, amount: str | None) -> None:
    assert quantity(unit)(value) == amount


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("3 h", "unit-mismatch"),
        ("3 boxes", "unit-mismatch"),
        ("kg", "bad-number"),
        (True, "bad-number"),
        ([], "bad-number"),
    ],
)
def test_a_quantity_of_another_kind_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(Unconvertible) as refused:
        quantity("kg")(value)
    assert refused.value.reason == reason


def test_a_conversion_that_would_round_is_refused() -> None:
    with pytest.raises(Unconvertible):
        quantity("h")("10 s")


@pytest.mark.parametrize(("target", "amount"), [("CLP", "95035"), ("JOD", "95034.500"), ("CNY", "95034.50")])
def test_an_amount_is_rounded_to_what_can_be_paid_in_its_currency(tmp_path: Path, target: str, amount: str) -> None:
    rates = f"rates: treasury\nbase: {target}\nvalid: 45d\ndays:\n  2026-01-01: {{USD: 950.345}}\n"
    found = seen(table(tmp_path, ROW.replace("money CNY", f"money {target}"), rates), s=100, c="USD", d="2026-01-01")
    assert isinstance(found, Mapped)
    assert found.fields["sum"] == {"amount": amount, "currency": target}
