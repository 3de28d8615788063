"""Rows proposed from samples: by name and type, with a hit rate that was measured on records held out."""

from __future__ import annotations

from decimal import Decimal

from hub.mapping.compile import CompileContext
from hub.mapping.suggest import suggest
from hub.model.people import People, Person
from hub.model.record import Record
from hub.model.schema import Schema, Schemas

PROPERTIES = {
    "title": {"type": ["string", "null"]},
    "due_date": {"x-type": "date"},
    "budget": {"x-type": "money"},
    "manager": {"x-type": "person"},
    "nothing": {"type": ["string", "null"]},
}
CONTEXT = CompileContext(
    Schemas({("task", 1): Schema("task", 1, {"type": "object", "properties": PROPERTIES})}),
    People([Person("E1", "Ann", accounts={"pm": ("a1",)})]),
)


def record(number: int) -> Record:
    budget = "a lot" if number % 4 == 1 else Decimal(number)
    fields = {"title": f"T {number}", "dueDate": "2026-03-01", "budget": budget, "manager": {"accountId": "a1"}}
    return Record("issue", str(number), 0, {"id": str(number), "fields": fields})


def test_rows_are_proposed_by_name_and_type_with_a_measured_hit_rate() -> None:
    found = {one.field: one for one in suggest([record(n) for n in range(40)], "task", "pm", CONTEXT)}

    assert found.keys() == {"title", "due_date", "budget", "manager"}
    assert found["due_date"].row == "- {field: due_date, from: fields.dueDate, as: date}"
    assert found["manager"].row == "- {field: manager, from: fields.manager, as: person}"
    assert (found["title"].hit, found["title"].of) == (20, 20)
    assert (found["budget"].hit, found["budget"].of) == (10, 20), "every other held-out amount is no amount"


def test_an_entity_without_a_schema_gets_no_rows() -> None:
    assert suggest([record(1), record(2)], "unknown", "pm", CONTEXT) == []
