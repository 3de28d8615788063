"""Rows proposed from samples: by name and type, with a hit rate that was measured on records held out."""

from __future__ import annotations

from decimal import Decimal

from hub.mapping.compile import CompileContext
from hub.mapping.suggest import Suggestion, suggest
from hub.mapping.suggest_join import join, text
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


STATES = ("planned", "active", "closed")
SPOKEN = ("Wartet", "Läuft: ja", "Fertig")
JOINED = CompileContext(
    Schemas(
        {
            ("order", 1): Schema(
                "order",
                1,
                {
                    "type": "object",
                    "properties": {
                        "number": {"type": ["string", "null"]},
                        "worth": {"x-type": "money"},
                        "since": {"x-type": "date"},
                        "state": {"type": ["string", "null"], "enum": [*STATES, None]},
                    },
                },
            )
        }
    ),
    People([]),
)


def told(number: int) -> Record:
    """The other system's record: no name in common with the schema's fields."""
    data = {
        "id": str(number),
        "ref": f"po-{number}",
        "sum": Decimal(number) + Decimal("0.50"),
        "tag": {"v": f"2026-03-{number % 28 + 1:02}"},
        "phase": SPOKEN[number % 3],
    }
    return Record("doc", str(number), 0, data)


def entity(number: int) -> dict[str, object]:
    return {
        "number": f"PO-{number}",
        "worth": {"amount": f"{number}.50" if number % 10 != 1 else "1.00", "currency": "CNY"},
        "since": f"2026-03-{number % 28 + 1:02}",
        "state": STATES[number % 3],
        "label": f"PO-{number}",
    }


def matched(numbers: range = range(60), others: range = range(20, 80)) -> dict[str, Suggestion]:
    records, states = [told(n) for n in numbers], [entity(n) for n in others]
    return {one.field: one for one in suggest(records, "order", "crm", JOINED, states=states)}


def test_where_both_systems_know_the_same_things_rows_are_proposed_from_their_values() -> None:
    found = matched()
    assert found["since"].row == "- {field: since, from: tag.v, as: date}"
    assert (found["since"].hit, found["since"].of, found["since"].by) == (20, 20, "value")
    assert found["worth"].row == "- {field: worth, from: sum, as: money CNY}"


def test_the_rate_counts_only_values_that_are_the_entity_s_own() -> None:
    worth = matched()["worth"]
    wrong = [number for number in range(21, 60, 2) if number % 10 == 1]
    assert (worth.hit, worth.of) == (20 - len(wrong), 20)


def test_a_field_with_fixed_values_gets_a_value_map_learnt_from_the_other_system() -> None:
    state = matched()["state"]
    assert state.row == (
        '- {field: state, from: phase, values: {Fertig: closed, "Läuft: ja": active, Wartet: planned}, '
        "otherwise: quarantine}"
    )
    assert (state.hit, state.of) == (20, 20)


def test_two_systems_that_share_nothing_are_not_joined() -> None:
    assert join([told(n) for n in range(9)], [entity(n) for n in range(90, 99)]) is None
    assert matched(range(9), range(90, 99)) == {}


def test_without_another_system_a_value_map_is_proposed_from_how_values_are_spelt() -> None:
    words = ("Planned", "ACTIVE", "closed")
    records = [Record("doc", str(n), 0, {"id": str(n), "state": words[n % 3]}) for n in range(12)]
    [state] = suggest(records, "order", "crm", JOINED)
    assert state.row == (
        "- {field: state, from: state, values: {ACTIVE: active, Planned: planned, closed: closed}, "
        "otherwise: quarantine}"
    )
    assert (state.hit, state.of) == (6, 6)


def test_values_agree_however_they_are_spelt() -> None:
    assert text(" PO-7 ") == text("po-7")
    assert text(Decimal("7.50")) == text("7.5") == text({"amount": "7.50", "currency": "CNY"})
    assert text("2026-03-01T08:00:00Z") == text("2026-03-01")
    assert text(None) == ""
