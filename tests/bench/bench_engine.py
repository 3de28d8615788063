"""The engine's own budget: prepare + conclude of Jira-like events on one core, beside a hand-written loop.

2.4-3 KB a body, 30 fields with 5 nested items, schema, fold, loop check, canonical bytes. The hand-written loop
does the same work a person would write for this one mapping: parse, map, check, compare, dump.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from connectors.jira.decode import decode as decode_jira
from hub.engine.conclude import conclude
from hub.engine.prepare import prepare
from hub.mapping.build import build
from hub.mapping.catalog import Catalog, ConnectionFacts
from hub.mapping.compile import CompileContext, compile_integration
from hub.model.changes import NotLoaded, Touched, View
from hub.model.clock import SECOND
from hub.model.delivery import Delivery
from hub.model.record import Decoded
from hub.model.schema import Schema, Schemas
from hub.store.view import LoadedView
from tests.bench.row import Row

RECORDS, BATCH, RUNS = 20_000, 500, 3
NOW = 1_790_000_000 * SECOND
TEXTS = [f"text_{n}" for n in range(14)]
CHOICES = [f"choice_{n}" for n in range(5)]
MONEY = [f"cost_{n}" for n in range(4)]
TIMES = [f"when_{n}" for n in range(3)]
NUMBERS = [f"number_{n}" for n in range(3)]
VALUES = {"To Do": "planned", "In Progress": "active", "Done": "closed"}


def _schema() -> Schema:
    text = {"type": ["string", "null"]}
    amount = {
        "type": ["object", "null"],
        "x-type": "money",
        "properties": {"amount": {"type": "string"}, "currency": {"type": "string"}},
        "required": ["amount", "currency"],
    }
    quantity = {**text, "x-type": "decimal"}
    line = {"type": "object", "properties": {"product": text, "quantity": quantity, "price": amount}}
    properties: dict[str, Any] = {
        **dict.fromkeys((*TEXTS, *CHOICES), text),
        **dict.fromkeys(MONEY, amount),
        **{name: {**text, "x-type": "instant"} for name in TIMES},
        **{name: {**text, "x-type": "decimal"} for name in NUMBERS},
        "lines": {"type": ["array", "null"], "items": line},
    }
    return Schema("project", 1, {"type": "object", "properties": properties, "additionalProperties": False})


def _mapping() -> str:
    """The same rows in YAML, with a loop whose ``when`` is looked at for every record."""
    rows = [f"  - {{field: {name}, from: fields.{name}}}" for name in TEXTS]
    table = ", ".join(f"{key}: {value}" for key, value in VALUES.items())
    choice = f"values: {{{table}}}, otherwise: quarantine"
    rows += [f"  - {{field: {name}, from: fields.{name}.name, {choice}}}" for name in CHOICES]
    rows += [f"  - {{field: {name}, from: fields.{name}, as: money CNY}}" for name in MONEY]
    rows += [f"  - {{field: {name}, from: fields.{name}, as: instant}}" for name in TIMES]
    rows += [f"  - {{field: {name}, from: fields.{name}, as: decimal}}" for name in NUMBERS]
    parts = (
        "{field: product, from: line.item}, {field: quantity, from: line.n, as: decimal}, "
        "{field: price, from: line.price, as: money CNY}"
    )
    rows.append(f"  - {{field: lines, each: {{line: fields.lines}}, fields: [{parts}]}}")
    head = """integration: bench
title: {en: bench}
owner: ops@example.com
zone: UTC
systems: {pm: jira}
tables:
- entity: project
  source: pm.issue
  only: 'fields.issuetype.name == "Epic"'
  key: id
  label: key
  owner: pmo
  fields:
"""
    loop = """
loops:
- loop: close
  title: {en: close}
  for: project
  when: 'project.choice_0 == "closed" && project.choice_1 == "closed"'
  starts: {at: 2026-01-01, of: project.when_0}
  once: life
  steps: []
"""
    return head + "\n".join(rows) + loop


def body(number: int, version: int) -> bytes:
    """One issue event of about 2.7 KB; ``version`` changes two fields."""
    words = f"of issue {number}: a sentence as people write it when they are asked to explain"
    fields: dict[str, Any] = {name: f"{name} {words}" for name in TEXTS}
    fields["text_0"] = f"version {version}"
    for name in CHOICES:
        fields[name] = {"id": "3", "name": "In Progress", "self": "https://jira.example.com/rest/api/2/status/3"}
    fields.update(dict.fromkeys(MONEY, Decimal("12345.60")))
    fields.update(dict.fromkeys(TIMES, "2026-03-05T10:20:30.000+0800"))
    fields.update(dict.fromkeys(NUMBERS, 1.5))
    bought = {"n": 2 + version % 3, "price": 19.9, "note": "as ordered by the workshop"}
    fields["lines"] = [{"item": f"P-{n}", **bought} for n in range(5)]
    fields["updated"] = f"2026-03-05T10:20:30.{version:03}+0800"
    fields["issuetype"] = {"name": "Epic", "id": "10000"}
    issue = {"id": str(number), "key": f"OPS-{number}", "fields": fields}
    return orjson.dumps({"webhookEvent": "jira:issue_updated", "issue": issue}, default=float)


def decode(delivery: Delivery) -> Decoded:
    """The Jira connector's own: checks on source JSON, the record's version, its shape."""
    return decode_jira(delivery.body)


class Everything:
    """Loads whatever is asked for from the entities written so far; nothing else is there."""

    def __init__(self) -> None:
        self.entities: dict[tuple[str, str], Any] = {}

    def load(self, view: LoadedView, touched: Touched) -> View:
        entities = self.entities
        view.entities.update((place, entities.get(place)) for place in touched.entities)
        view.labels.update(dict.fromkeys(touched.labels))
        view.references.update(dict.fromkeys(touched.referring, ()))
        view.subjects.update(dict.fromkeys(touched.subjects, ()))
        view.quarantines.update(dict.fromkeys(touched.quarantined, ()))
        view.loops.update(dict.fromkeys(touched.loops))
        view.nobody_waits = True
        return view


def ours(deliveries: list[Delivery], catalog: Catalog) -> tuple[float, float, int]:
    """(seconds in prepare, seconds in conclude, events); loading a view is the store's budget, not ours."""
    store = Everything()
    preparing = concluding = 0.0
    events = 0
    for start in range(0, len(deliveries), BATCH):
        began = time.perf_counter()
        prepared = prepare(deliveries[start : start + BATCH], catalog, decode)
        preparing += time.perf_counter() - began
        view = store.load(LoadedView(), prepared.touched)
        while True:
            began = time.perf_counter()
            try:
                changes = conclude(prepared, view, NOW, catalog)
                break
            except NotLoaded as missing:
                store.load(view, missing.touched)  # type: ignore[arg-type]
            finally:
                concluding += time.perf_counter() - began
        store.entities.update(changes.entities)
        events += len(changes.events)
        del prepared, changes, view
        gc.collect(0)
    return preparing, concluding, events


def by_hand(deliveries: list[Delivery], schema: Schema) -> float:
    """The same job written for this one mapping: orjson, plain dictionaries, a compare and a dump."""
    state: dict[str, Mapping[str, Any]] = {}
    began = time.perf_counter()
    for delivery in deliveries:
        issue = orjson.loads(delivery.body)["issue"]
        new = _mapped(issue["fields"])
        if not schema.is_valid(new):
            raise ValueError(schema.problem(new))
        old = state.get(issue["id"], {})
        changed = {name: value for name, value in new.items() if old.get(name) != value}
        state[issue["id"]] = new
        if new["choice_0"] == "closed" and new["choice_1"] == "closed":
            raise AssertionError("the sample closes nothing")
        orjson.dumps({"key": issue["id"], "label": issue["key"], "set": changed}, option=orjson.OPT_SORT_KEYS)
    return time.perf_counter() - began


def _mapped(fields: Mapping[str, Any]) -> dict[str, Any]:
    new: dict[str, Any] = {name: fields[name] for name in TEXTS}
    new.update((name, VALUES[fields[name]["name"]]) for name in CHOICES)
    new.update((name, {"amount": f"{Decimal(str(fields[name])):.2f}", "currency": "CNY"}) for name in MONEY)
    for name in TIMES:
        at = datetime.fromisoformat(fields[name]).astimezone(UTC).replace(tzinfo=None)
        new[name] = at.isoformat(timespec="milliseconds") + "Z"
    new.update((name, str(Decimal(str(fields[name])))) for name in NUMBERS)
    new["lines"] = [
        {
            "product": one["item"],
            "quantity": str(one["n"]),
            "price": {"amount": f"{Decimal(str(one['price'])):.2f}", "currency": "CNY"},
        }
        for one in fields["lines"]
    ]
    return new


def catalog() -> Catalog:
    """The mapping of the bench, compiled."""
    schema = _schema()
    schemas = Schemas({("project", 1): schema})
    built = build(_mapping(), "bench.yaml", {"project": 1})
    if built.definition is None or built.findings:
        raise SystemExit("\n".join(map(str, built.findings)))
    integration = compile_integration(built.definition, CompileContext(schemas))
    connections = {"jira": ConnectionFacts("jira", "jira", {}, refetch=False)}
    return Catalog({"bench": integration}, connections, schemas, CompileContext(schemas).people)


def measure() -> dict[str, float]:
    """Records a second, ours and the hand-written one's in the same run; the best of three each."""
    schema, mapping = _schema(), catalog()
    deliveries = [
        Delivery("jira", f"{n:064x}", body(n % 4000, n // 4000), {}, NOW - RECORDS + n, position=n + 1)
        for n in range(RECORDS)
    ]
    gc.collect()
    gc.freeze()
    gc.disable()  # as the host does: never inside a batch
    runs = _best(lambda: ours(deliveries, mapping))
    hand = min(by_hand(deliveries, schema) for _ in range(RUNS))
    gc.enable()
    preparing, concluding, events = runs
    return {
        "bytes": len(deliveries[0].body),
        "events": events,
        "prepare_conclude": round(RECORDS / (preparing + concluding)),
        "prepare": round(RECORDS / preparing),
        "conclude": round(RECORDS / concluding),
        "by_hand": round(RECORDS / hand),
    }


def _best(run: Callable[[], tuple[float, float, int]]) -> tuple[float, float, int]:
    return min((run() for _ in range(RUNS)), key=lambda one: one[0] + one[1])


def rows() -> list[Row]:
    found = measure()
    peer = found["by_hand"], "hand-written loop for this one mapping"
    parts = f"prepare {found['prepare']:,.0f}/s, conclude {found['conclude']:,.0f}/s"
    name = "prepare + conclude, 2.4 KB event, one core"
    return [Row("engine", name, found["prepare_conclude"], "records/s", *peer, 25_000, parts)]
