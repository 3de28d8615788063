"""Whoever changes an entity, everybody who goes by it looks again: under a former mapping version too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.engine.remap import Target, remap
from hub.engine.transaction import decide_in
from hub.loop.holding import hold
from hub.loop.world import World
from hub.mapping.compiled import CompiledIntegration
from hub.model.changes import Changes, Touched
from hub.model.entity import Entity
from hub.model.fact import ReadFailed
from tests.engine_stage import Stage, catalog_of, closed, expense, item, project, rd_close
from tests.unit.loop.test_closing import events_fold_back
from tests.unit.loop.test_until import bought, receipt, staged


def changed_by(stage: Stage, how: str, entity: Entity) -> None:
    """The hub changes an entity that no record brings."""
    before = stage.memory.entities[entity.kind, entity.key]

    def decided(view: object) -> Changes:
        world = World(view, stage.catalog, stage.now)  # type: ignore[arg-type]
        world.because(how)
        if how == "replay":
            remap(world, how, [Target(entity, "rd-close", "logic-1")])
        else:
            hold(world, before, entity.state, "rd-close")
        return world.changes

    touched = Touched(entities=frozenset({(entity.kind, entity.key)}))
    stage.memory.write(decide_in(stage.memory, touched, decided), stage.now)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["replay", "decision"])
def test_a_step_is_finished_by_a_change_that_no_record_brings(how: str) -> None:
    """A corrected mapping that was replayed, or a two-way field somebody decided."""
    stage = staged()
    number = bought(stage)
    stage.say(receipt(number, complete=False))
    assert stage.steps()["purchase"] == "running"
    known = stage.memory.entities["goods_receipt", "jira:50"]
    changed_by(stage, how, replace(known, state={**known.state, "complete": True}))
    assert stage.steps()["purchase"] == "done"
    events_fold_back(stage)


def two_loops() -> CompiledIntegration:
    """A second loop of the same subject that moves no money and takes the same lists at once."""
    made = rd_close()
    loop = made.loops[0]
    notes = tuple(replace(one, definition=replace(one.definition, after=())) for one in loop.steps[3:])
    other = replace(loop, definition=replace(loop.definition, name="notes"), steps=notes, require=())
    return replace(made, loops=(loop, other))


def test_an_object_that_one_closing_finds_gone_is_told_to_the_others_that_took_it() -> None:
    stage = Stage(catalog_of(two_loops(), refetch=True))
    stage.say(project(), item("7"))
    stage.say(closed())
    reading, running = sorted(stage.memory.loops.values(), key=lambda one: one.loop)
    assert (reading.phase, running.phase) == ("reading", "taken")
    stage.fact(ReadFailed(reading.id, "jira/item/7", "gone", "404"))
    asked = [one.ref for one in stage.memory.loops[running.id].waiting if one.kind == "person"]
    assert asked == [f"{running.id}/gone/jira:7"]
    events_fold_back(stage)


def under_another_version(stage: Stage, new: CompiledIntegration) -> None:
    """The mapping changes while a closing is open."""
    old = stage.catalog.integrations["rd-close"]
    stage.catalog = catalog_of(new, older=lambda name, logic: old, earlier=(old,))


def without_lists() -> CompiledIntegration:
    new = rd_close(logic="logic-2")
    return replace(new, loops=(replace(new.loops[0], related=()),))


def test_a_blocked_closing_goes_on_although_its_loop_is_not_in_the_mapping_any_more() -> None:
    stage = Stage()
    stage.say(project(), expense("9"))
    stage.say(closed(cost_center=None))
    assert stage.loop().state == "blocked"
    under_another_version(stage, replace(rd_close(logic="logic-2"), loops=()))
    stage.say(closed(at=40))
    assert [one.step for one in stage.effects("PLANNED")] == ["reimburse"]


def test_an_item_comes_late_although_the_mapping_lists_none_any_more() -> None:
    stage = Stage()
    stage.say(project(), expense("9"))
    stage.say(closed())
    under_another_version(stage, without_lists())
    stage.say(expense("10", at=50))
    assert stage.loop().late == ("jira:10",)


def test_a_deleted_item_is_asked_about_although_the_mapping_lists_none_any_more() -> None:
    stage = Stage()
    stage.say(project(), expense("9"))
    stage.say(closed())
    under_another_version(stage, without_lists())
    stage.say({**expense("9", at=50), "op": "delete"})
    assert [one.kind for one in stage.loop().waiting] == ["person"]
