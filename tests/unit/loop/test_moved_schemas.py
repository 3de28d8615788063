"""A schema moves on while closings run: fields they find and wait for things by have other names since."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledIntegration
from hub.mapping.older import as_written
from hub.model.schema import Schema, Schemas, load_schemas
from hub.model.upcast import FieldStep, Upcast
from tests.engine_stage import ROOT, Stage, catalog_of, closed, expense, item, project, rd_close, table
from tests.unit.loop.test_closing import events_fold_back
from tests.unit.loop.test_until import bought, receipt, staged

RENAMES = {"expense": {"project": "epic"}, "goods_receipt": {"requisition": "ordered"}}


def moved_on() -> Schemas:
    """The shipped schemas; version 2 of two kinds calls one field otherwise."""
    shipped = load_schemas(ROOT / "schemas")
    known = {(one.kind, one.version): one for one in shipped.all}
    steps = {}
    for kind, names in RENAMES.items():
        old = known[kind, 1]
        properties = {names.get(name, name): said for name, said in old.fields.items()}
        known[kind, 2] = Schema(kind, 2, {**old.document, "properties": properties})
        fields = {names.get(name, name): FieldStep(name) for name in old.fields}
        steps[kind, 2] = Upcast(kind, 2, fields, tuple(old.fields))
    return Schemas(known, steps)


def upgraded(stage: Stage, new: CompiledIntegration) -> None:
    """What a start under the new schemas does: stored entities in the new form, the mapping written for it."""
    old, schemas = stage.catalog.integrations["rd-close"], moved_on()
    memory = stage.memory
    for place, entity in list(memory.entities.items()):
        if entity.kind in RENAMES:
            (step,) = schemas.steps(entity.kind, 1)
            memory.entities[place] = replace(entity, state=step.state(entity.state), marks=step.marks(entity.marks))
            refs = memory.refs.get(place, {})
            memory.refs[place] = {new: value for name, value in refs.items() for new in step.names(name)}
    then = replace(old, loops=tuple(as_written(loop, old.definition, schemas) for loop in old.loops))
    facts = catalog_of().connections
    people = stage.catalog.people
    stage.catalog = Catalog(
        {"rd-close": new}, facts, schemas, people, older=lambda name, logic: then, earlier=(then,)
    )


def renamed_tables(made: CompiledIntegration, **fields: tuple[str, ...]) -> CompiledIntegration:
    """The same with tables that feed the new fields."""
    streams = {"expense": "expense", "goods_receipt": "receipt"}
    refs: dict[str, Any] = {"expense": {"epic": "project"}}
    fresh = [table(kind, streams[kind], names, (), refs.get(kind)) for kind, names in fields.items()]
    own = [replace(one, definition=replace(one.definition, version=2)) for one in fresh]
    kept = [one for one in made.tables if one.definition.entity not in fields]
    return replace(rd_close(logic="logic-2"), tables=(*kept, *own))


EXPENSE = ("epic", "status", "text", "amount", "employee")


def test_a_closing_that_has_not_taken_its_list_finds_it_under_the_new_name() -> None:
    stage = Stage()
    stage.say(project(), expense("9"))
    stage.say(closed(cost_center=None))
    assert stage.loop().state == "blocked"
    upgraded(stage, renamed_tables(stage.catalog.integrations["rd-close"], expense=EXPENSE))
    stage.say(closed(at=40))
    assert [one.item for one in stage.effects("PLANNED")] == ["jira:9"]
    events_fold_back(stage)


def test_what_comes_late_is_asked_about_under_the_new_name() -> None:
    stage = Stage()
    stage.say(project(), expense("9"))
    stage.say(closed())
    upgraded(stage, renamed_tables(stage.catalog.integrations["rd-close"], expense=EXPENSE))
    stage.say(expense("10", at=50, epic="jira:1"))
    assert stage.loop().late == ("jira:10",)


def test_a_record_set_aside_before_is_still_in_the_way() -> None:
    stage = Stage()
    stage.say(project(), item("7"), expense("9", text="bad"))
    stage.say(closed())
    assert stage.loop().phase == "gathering"
    upgraded(stage, renamed_tables(stage.catalog.integrations["rd-close"], expense=EXPENSE))
    stage.say(closed(at=40))
    assert (stage.loop().phase, stage.effects("PLANNED")) == ("gathering", [])


def test_a_step_that_waits_is_finished_under_the_new_name_whenever_it_came() -> None:
    for early in (False, True):
        stage = staged()
        if early:
            stage.say(receipt("N-purchase", at=1, complete=False))
        number = bought(stage)
        new = renamed_tables(stage.catalog.integrations["rd-close"], goods_receipt=("ordered", "number", "complete"))
        upgraded(stage, new)
        stage.say(receipt(number, at=50, ordered=number))
        assert stage.steps()["purchase"] == "done"
        events_fold_back(stage)
