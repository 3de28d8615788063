"""Lookups against the hub's own entities: as of the decision, under locks, recorded with key and version."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.engine.conclude import conclude
from hub.engine.prepare import prepare
from hub.engine.transaction import decide_in
from hub.mapping.apply import apply_rows
from hub.mapping.build import build
from hub.mapping.catalog import Catalog, ConnectionFacts
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.lineage import explain
from hub.model.delivery import Delivery
from hub.model.people import People
from hub.model.record import Decoded, Op, Record
from hub.model.schema import Schema, Schemas
from tests.engine_stage import Memory

TEXT = {"type": ["string", "null"]}
SUPPLIER = {"name": TEXT, "tax_id": TEXT, "grade": {"type": ["string", "null"]}}
ORDER = {
    "supplier": {"type": ["string", "null"], "x-type": "ref", "x-entity": "supplier"},
    "grade": {"type": ["string", "null"], "enum": ["A", "B", "none", None]},
    "title": TEXT,
    "lines": {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "properties": {"supplier": {"type": ["string"]}, "grade": {"enum": ["A", "B", None]}},
        },
    },
}
SCHEMAS = Schemas(
    {
        ("supplier", 1): Schema("supplier", 1, {"type": "object", "properties": SUPPLIER}),
        ("order", 1): Schema("order", 1, {"type": "object", "properties": ORDER}),
    }
)
FILE = """\
integration: t
owner: ops
every: change
systems: {{erp: erp, pm: pm}}
tables:
- entity: supplier
  source: erp.supplier
  key: id
  label: code
  fields: [{{field: name, from: name}}, {{field: tax_id, from: tax}}, {{field: grade, from: grade}}]
- entity: order
  source: pm.order
  key: id
  owner: buying
  fields:
  - {{field: title, from: title}}
  - {row}
"""
BY_TAX = "{field: supplier, lookup: {entity: supplier, by: tax_id, from: [tax, vat], take: key}}"


class Stage:
    """Records of two systems against an in-memory store."""

    def __init__(self, row: str = BY_TAX) -> None:
        built = build(FILE.format(row=row), "t.yaml", SCHEMAS.newest)
        assert built.findings == ()
        assert built.definition is not None
        compiled = compile_integration(built.definition, CompileContext(SCHEMAS, People()))
        facts = {name: ConnectionFacts(name, name, {}, refetch=False) for name in ("erp", "pm")}
        self.catalog = Catalog({"t": compiled}, facts, SCHEMAS, People())
        self.orders = compiled.tables[1]
        self.memory: Any = Memory()
        self.position = 0

    def say(self, *said: Record) -> None:
        """One batch of records, each its own delivery."""
        batch, records = [], {}
        for one in said:
            self.position += 1
            connection = one.stream.partition(".")[0]
            batch.append(Delivery(connection, f"r{self.position}", b"{}", {}, 0, position=self.position))
            records[self.position] = one
        found = prepare(batch, self.catalog, lambda one: Decoded((records[one.position],)))
        self.touched = found.touched
        changes = decide_in(self.memory, found.touched, lambda view: conclude(found, view, 0, self.catalog))
        self.memory.write(changes, 0)

    def order(self, key: str = "pm:1") -> dict[str, Any]:
        state: dict[str, Any] = self.memory.entities["order", key].state
        return state

    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.memory.events[-1].data)
        return found

    def refusals(self) -> list[tuple[str, str, str]]:
        rows = self.memory.quarantines.values()
        return [(row.reason, row.row, row.owner) for row in rows if row.closed_at is None]


def supplier(number: str, tax: Any, at: int = 1, op: Op = "snapshot", grade: Any = "A") -> Record:
    data = {"id": number, "code": f"S-{number}", "name": "Acme", "tax": tax, "grade": grade}
    return Record("erp.supplier", number, at, data, op)


def order(at: int = 1, **data: Any) -> Record:
    return Record("pm.order", "1", at, {"id": "1", "title": "Laser", **data})


def test_a_field_takes_the_key_of_the_entity_found_and_the_event_says_which_version_was_read() -> None:
    stage = Stage()
    stage.say(supplier("7", "9131"))
    stage.say(supplier("7", "9131", 2, grade="B"))
    stage.say(order(tax="9131"))
    assert stage.order() == {"title": "Laser", "supplier": "erp:7", "grade": None, "lines": None}
    assert stage.said()["read"] == {"supplier": {"kind": "supplier", "key": "erp:7", "version": 2}}
    assert stage.memory.refs["order", "pm:1"] == {"supplier": "erp:7"}


def test_what_a_lookup_reads_is_named_before_the_transaction_begins() -> None:
    stage = Stage()
    stage.say(order(tax="9131"))
    assert ("supplier", "tax_id", "9131") in stage.touched.referring


def test_entities_of_the_same_batch_are_found() -> None:
    stage = Stage()
    stage.say(supplier("7", "9131"), order(vat=" 9131 "))
    assert stage.order()["supplier"] == "erp:7"


def test_a_later_change_of_what_was_read_changes_nothing_that_was_decided() -> None:
    stage = Stage()
    stage.say(supplier("7", "9131"), order(tax="9131"))
    stage.say(supplier("7", "other", 2))
    assert stage.order()["supplier"] == "erp:7"
    stage.say(order(2, tax="other"))
    assert stage.order()["supplier"] == "erp:7"


def test_nobody_found_sets_the_record_aside_with_row_and_owner_and_a_newer_record_settles_it() -> None:
    stage = Stage()
    stage.say(order(tax="9131"))
    assert stage.refusals() == [("not-found", "t/order/pm.order.supplier", "buying")]
    stage.say(supplier("7", "9131"))
    stage.say(order(2, tax="9131"))
    assert stage.refusals() == []
    assert stage.order()["supplier"] == "erp:7"


def test_several_found_are_ambiguous() -> None:
    stage = Stage()
    stage.say(supplier("7", "9131"), supplier("8", "9131"), order(tax="9131"))
    assert [one[0] for one in stage.refusals()] == ["ambiguous-lookup"]


def test_a_deleted_entity_is_not_found() -> None:
    stage = Stage()
    stage.say(supplier("7", "9131"))
    stage.say(supplier("7", "9131", 2, "delete"))
    stage.say(order(tax="9131"))
    assert [one[0] for one in stage.refusals()] == ["not-found"]


@pytest.mark.parametrize(("otherwise", "value"), [('"null"', None), ("{const: erp:0}", "erp:0"), ("keep", "9131")])
def test_otherwise_says_what_the_field_becomes_without_an_entity(otherwise: str, value: str | None) -> None:
    stage = Stage(BY_TAX[:-1] + f", otherwise: {otherwise}}}")
    stage.say(order(tax="9131"))
    assert stage.order()["supplier"] == value
    assert stage.said()["read"] == {"supplier": None}


def test_absent_says_nothing_and_null_empties() -> None:
    stage = Stage()
    stage.say(supplier("7", "9131"), order(tax="9131"))
    stage.say(order(2))
    assert stage.order()["supplier"] == "erp:7"
    stage.say(order(3, tax=None))
    assert stage.order()["supplier"] is None


@pytest.mark.parametrize(("by", "value"), [("key", "erp:7"), ("label", "S-7")])
def test_an_entity_is_found_by_its_key_or_label_and_another_of_its_fields_is_taken(by: str, value: str) -> None:
    stage = Stage(f"{{field: grade, lookup: {{entity: supplier, by: {by}, from: code, take: grade}}}}")
    stage.say(supplier("7", "9131", grade="B"), order(code=value))
    assert stage.order()["grade"] == "B"


def test_what_is_taken_must_fit_the_schema_of_its_field() -> None:
    stage = Stage("{field: grade, lookup: {entity: supplier, by: tax_id, from: tax, take: grade}}")
    stage.say(supplier("7", "9131", grade="Z"), order(tax="9131"))
    assert [one[:2] for one in stage.refusals()] == [("schema", "t/order/pm.order.grade")]


@pytest.mark.parametrize("data", [{}, {"tax": ""}, {"tax": None}])
def test_a_required_lookup_needs_something_to_look_for(data: dict[str, Any]) -> None:
    stage = Stage(BY_TAX[:-1] + ", required: true}")
    stage.say(order(**data))
    assert [one[0] for one in stage.refusals()] == ["missing-field"]


def test_a_required_lookup_refuses_an_entity_without_the_value() -> None:
    row = "{field: grade, required: true, lookup: {entity: supplier, by: tax_id, from: tax, take: grade}}"
    stage = Stage(row)
    stage.say(supplier("7", "9131", grade=None), order(tax="9131"))
    assert [one[0] for one in stage.refusals()] == ["missing-field"]


def test_the_value_of_a_private_row_is_not_shown() -> None:
    stage = Stage(BY_TAX[:-1] + ", privacy: finance}")
    stage.say(order(tax="9131"))
    assert all("9131" not in row.message for row in stage.memory.quarantines.values())


def test_a_list_is_nothing_to_look_for() -> None:
    stage = Stage()
    stage.say(order(tax=["9131"]))
    assert [one[0] for one in stage.refusals()] == ["bad-ref"]


def test_lineage_says_that_and_by_which_path_the_field_was_looked_up() -> None:
    found = explain(Stage().orders, order(tax="9131"), "supplier")
    assert found is not None
    assert (found.how, found.path, found.present) == ("lookup", "tax", True)


LINES = (
    "{field: lines, each: {item: items}, fields: [{field: supplier, lookup: "
    "{entity: supplier, by: tax_id, from: item.tax}}, {field: grade, lookup: "
    "{entity: supplier, by: tax_id, from: item.tax, take: grade}}]}"
)


def test_elements_of_a_list_look_up_each_for_itself_and_the_event_says_which() -> None:
    stage = Stage(LINES)
    stage.say(supplier("7", "9131"), supplier("8", "9132", grade="B"))
    stage.say(order(items=[{"tax": "9132"}, {"tax": "9131"}]))
    assert stage.order()["lines"] == [
        {"supplier": "erp:8", "grade": "B"},
        {"supplier": "erp:7", "grade": "A"},
    ]
    read = stage.said()["read"]
    assert sorted(read) == ["lines[0].grade", "lines[0].supplier", "lines[1].grade", "lines[1].supplier"]
    assert read["lines[1].supplier"] == {"kind": "supplier", "key": "erp:7", "version": 1}


def test_an_element_that_finds_nobody_sets_the_record_aside_and_names_the_element() -> None:
    stage = Stage(LINES)
    stage.say(supplier("7", "9131"), order(items=[{"tax": "9131"}, {"tax": "9"}]))
    assert stage.refusals() == [("not-found", "t/order/pm.order.lines.supplier", "buying")]
    assert [row.message for row in stage.memory.quarantines.values()] == [
        "lines[1].supplier: there is no supplier with tax_id 9"
    ]


def test_an_element_with_nothing_to_look_for_is_judged_by_the_schema() -> None:
    stage = Stage(LINES)
    stage.say(order(items=[{}]))
    assert [one[0] for one in stage.refusals()] == ["schema"]


def test_what_an_element_takes_must_fit_the_schema() -> None:
    stage = Stage(LINES)
    stage.say(supplier("7", "9131", grade="Z"), order(items=[{"tax": "9131"}]))
    assert [one[0] for one in stage.refusals()] == ["schema"]
    assert ("supplier", "tax_id", "9131") in stage.touched.referring


def test_the_generated_code_of_nested_lookups_says_what_the_exact_code_says() -> None:
    stage = Stage(LINES)
    for items in ([{"tax": "1"}, {"tax": None}, {}], [], None):
        record = order(items=items)
        assert stage.orders.apply(record) == apply_rows(stage.orders.plan, record)  # type: ignore[arg-type]
