"""What applying a mapping table costs, beside the same mapping written by hand, in one run.

``measure()`` gives microseconds and records/s for a flat 30-row table, and for a 30-field one with conversions,
money and five nested items.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from hub.mapping.build import build
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.compiled import CompiledTable
from hub.model.people import People, Person
from hub.model.record import Mapped, Record
from hub.model.schema import Schema, Schemas
from hub.model.source_json import parse
from tests.bench.row import Row

ROUNDS = 5
TEXTS = [f"text_{n}" for n in range(18)]
PEOPLE = People([Person("E1", "Ann", accounts={"jira": ("acc1",)})])


def _schema(properties: dict[str, Any]) -> Schemas:
    return Schemas({("thing", 1): Schema("thing", 1, {"type": "object", "properties": properties})})


def _table(rows: list[str], properties: dict[str, Any]) -> CompiledTable:
    lines = [
        "integration: bench", "owner: ops@example.com", "every: change", "zone: Asia/Shanghai", "systems: {pm: jira}",
        "tables:", "- entity: thing", "  source: pm.issue", "  key: id", "  label: key", "  owner: ops", "  fields:",
    ]  # fmt: skip
    built = build("\n".join([*lines, *(f"  - {row}" for row in rows)]) + "\n", "bench.yaml", {"thing": 1})
    if built.findings or built.definition is None:
        raise SystemExit("\n".join(map(str, built.findings)))
    return compile_integration(built.definition, CompileContext(_schema(properties), PEOPLE)).tables[0]


def flat() -> tuple[CompiledTable, Record]:
    """30 texts, nothing to convert."""
    names = [f"f{n}" for n in range(30)]
    rows = [f"{{field: {name}, from: fields.custom_{name}}}" for name in names]
    data = {"id": "1", "key": "OPS-1", "fields": {f"custom_{name}": f"value of {name}" for name in names}}
    return _table(rows, {name: {"type": ["string", "null"]} for name in names}), Record("issue", "1", 0, data)


def jira_like() -> tuple[CompiledTable, Record]:
    """30 fields: 18 texts, 3 instants, 3 amounts, 2 people, a value map, a decimal, a ref, 5 items with money."""
    money = {"x-type": "money"}
    properties: dict[str, Any] = {name: {"type": ["string", "null"]} for name in TEXTS}
    properties |= {name: {"x-type": "instant"} for name in ("created", "updated", "resolved")}
    properties |= dict.fromkeys(("budget", "cost", "rest"), money)
    properties |= {"manager": {"x-type": "person"}, "reporter": {"x-type": "person"}}
    properties |= {"status": {"type": "string"}, "effort": {"x-type": "decimal"}}
    properties |= {"parent": {"x-type": "ref", "x-entity": "thing"}}
    item = {"product": {"type": "string"}, "quantity": {"x-type": "decimal"}, "price": money}
    properties |= {"items": {"type": "array", "items": {"type": "object", "properties": item}}}
    rows = [f"{{field: {name}, from: fields.{name}.value}}" for name in TEXTS]
    rows += [f"{{field: {name}, from: fields.{name}, as: instant}}" for name in ("created", "updated", "resolved")]
    rows += [f"{{field: {name}, from: fields.{name}, as: money CNY}}" for name in ("budget", "cost", "rest")]
    rows += [f"{{field: {name}, from: fields.{name}, as: person}}" for name in ("manager", "reporter")]
    rows += [
        "{field: status, from: fields.status.statusCategory.key, values: {new: planned, done: closed}}",
        "{field: effort, from: fields.effort, as: decimal}",
        "{field: parent, from: [fields.parent.id, fields.epic], as: ref thing}",
        "{field: items, each: {item: fields.items}, fields: [{field: product, from: item.product.value}, "
        "{field: quantity, from: item.quantity, as: decimal}, {field: price, from: item.price, as: money CNY}]}",
    ]
    return _table(rows, properties), Record("issue", "10041", 0, parse(jira_body()))


def jira_body() -> bytes:
    fields: dict[str, Any] = {name: {"value": f"some {name}", "id": "10200"} for name in TEXTS}
    for name in ("created", "updated", "resolved"):
        fields[name] = "2026-02-15T19:01:52.971-0800"
    fields |= {"budget": 125000.5, "cost": 99000, "rest": 26000.25, "effort": 12.5, "parent": {"id": "10001"}}
    fields |= {"manager": {"accountId": "acc1"}, "reporter": {"accountId": "acc1"}}
    fields |= {"status": {"statusCategory": {"key": "done"}}}
    fields["items"] = [{"product": {"value": f"P-{n}"}, "quantity": n + 1, "price": n + 0.25} for n in range(5)]
    return orjson.dumps({"id": "10041", "key": "OPS-41", "fields": fields})


def by_hand_flat(record: Record) -> Mapped:
    data = record.data
    fields = data["fields"]
    found = {f"f{n}": fields.get(f"custom_f{n}") for n in range(30)}
    return Mapped("thing", f"jira:{data['id']}", data["key"], found, {})


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _money(value: Any) -> dict[str, str]:
    return {"amount": format(Decimal(value).quantize(Decimal("0.01")), "f"), "currency": "CNY"}


_STATUS = {"new": "planned", "done": "closed"}
_CODES = {"acc1": "E1"}


def by_hand_jira(record: Record) -> Mapped:
    """What somebody writes for this one table: no checks, no absent values."""
    data = record.data
    fields = data["fields"]
    found: dict[str, Any] = {name: fields[name]["value"] for name in TEXTS}
    for name in ("created", "updated", "resolved"):
        found[name] = _moment(fields[name])
    for name in ("budget", "cost", "rest"):
        found[name] = _money(fields[name])
    found["manager"] = _CODES[fields["manager"]["accountId"]]
    found["reporter"] = _CODES[fields["reporter"]["accountId"]]
    found["status"] = _STATUS[fields["status"]["statusCategory"]["key"]]
    found["effort"] = str(fields["effort"])
    found["parent"] = "jira:" + fields["parent"]["id"]
    found["items"] = [
        {"product": one["product"]["value"], "quantity": str(one["quantity"]), "price": _money(one["price"])}
        for one in fields["items"]
    ]
    return Mapped("thing", f"jira:{data['id']}", data["key"], found, {"parent": "thing"})


def _micros(work: Callable[[], object], times: int) -> float:
    """The best of some rounds: what the code costs, not what the neighbours do."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time_ns()
        for _ in range(times):
            work()
        best = min(best, (time.process_time_ns() - started) / times / 1000)
    return round(best, 2)


def measure(times: int = 10_000) -> dict[str, float]:
    """Microseconds a record, and records/s, for both tables and their hand-written equivalents."""
    found: dict[str, float] = {}
    gc.freeze()
    for name, (table, record), hand in (("flat", flat(), by_hand_flat), ("jira", jira_like(), by_hand_jira)):
        if table.apply(record) != hand(record):
            raise SystemExit(f"{name}: the table and the hand-written code differ")
        found[f"{name}_us"] = _micros(lambda t=table, r=record: t.apply(r), times)
        found[f"{name}_by_hand_us"] = _micros(lambda h=hand, r=record: h(r), times)
        found[f"{name}_per_second"] = round(1e6 / found[f"{name}_us"])
    gc.unfreeze()
    return found


def rows() -> list[Row]:
    found = measure()
    names = {"flat": "mapping alone: 30 texts", "jira": "mapping alone: 30 fields converted, 5 items"}
    return [
        Row("apply", path, found[f"{name}_us"], "µs", found[f"{name}_by_hand_us"], "the same mapping by hand")
        for name, path in names.items()
    ]
