"""What a loop makes for an entity is that entity in the target, where a table reads it there by its link."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub.mapping.table import Path as FieldPath
from hub.model.entity import Entity
from tests.engine_stage import HERE, STEPS, Stage, catalog_of, closed, expense, item, rd_close, table


def reading(stream: str, entity: str) -> Any:
    """A table of the ERP that puts a document's record on the entity it was made for."""
    base = table(entity, stream, ("text",), ())
    definition = replace(base.definition, key_mode="link", connection="erp", stream=stream)
    return replace(base, definition=definition)


def stage(entity: str = "expense", stream: str = "reimbursement", key: Any = None, refetch: bool = False) -> Stage:
    each = ("expense", FieldPath(("expenses",), "expenses", HERE))
    steps = [
        replace(one, definition=replace(one.definition, each=each, key=key)) if one.items is not None else one
        for one in STEPS
    ]
    whole = rd_close(steps=steps)
    whole = replace(whole, tables=(*whole.tables, reading(stream, entity)))
    catalog = catalog_of(whole)
    catalog.connections["erp"] = replace(catalog.connections["erp"], refetch=refetch)  # type: ignore[index]
    return Stage(catalog)


def close(on: Stage) -> None:
    on.say(item("11"), expense("21"), expense("22"), closed())
    on.erp()


def test_a_document_made_for_an_expense_is_that_expense_in_the_erp() -> None:
    on = stage()
    close(on)
    links = {place: to for place, to in on.memory.links.items() if place[0] == "erp"}
    made = {effect.item: effect.remote_id for effect in on.effects() if effect.step == "reimburse"}
    assert links == {("erp", "expense", key): number for key, number in made.items()}
    assert sorted(made) == ["jira:21", "jira:22"]


def test_a_step_without_each_links_the_subject_itself() -> None:
    on = stage("project", "asset")
    on.say(closed(deliverable="equipment"))
    on.person("approve", "asset")
    on.erp()
    (made,) = [effect for effect in on.effects() if effect.step == "asset"]
    assert on.memory.links["erp", "project", "jira:1"] == made.remote_id


def test_an_element_with_a_key_of_its_own_is_no_entity() -> None:
    on = stage(key=FieldPath(("expense", "key"), "expense.key", HERE))
    close(on)
    assert [place for place in on.memory.links if place[0] == "erp"] == []


def test_without_a_table_that_reads_it_nothing_is_linked() -> None:
    on = Stage(catalog_of(rd_close()))
    close(on)
    assert [place for place in on.memory.links if place[0] == "erp"] == []


def test_an_object_that_was_seen_before_its_link_is_read_again() -> None:
    on = stage(refetch=True)
    on.say(expense("21"), closed())
    number = f"N{len(on.memory.effects)}-reimburse"
    on.memory.entities["expense", f"erp:{number}"] = Entity("expense", f"erp:{number}", None, 1)
    on.erp()
    asked = [one for one in on.memory.readings.values() if one is not None and one.connection == "erp"]
    assert [(one.stream, one.object) for one in asked] == [("reimbursement", number)]
