"""A step that names an entity without a link waits for exactly that entity, and goes on when the link is there."""

from __future__ import annotations

from hub.engine.transaction import decide_in
from hub.loop import decide
from hub.loop.world import World
from hub.mapping.compiled import Unlinked
from hub.model.changes import Touched
from tests.engine_stage import Stage, catalog_of, closed, project, rd_close, step


def naming(name: str, connection: str = "jira"):
    """One step whose payload names the project ``name``."""

    def payload(scope, link):
        found = link("project", name)
        if found is None:
            raise Unlinked("project", name)
        return {"issue": found}

    action = "issue.comment" if connection == "jira" else "asset.create"
    return rd_close(steps=(step("tell", action, payload, connection=connection),))


def waits(stage: Stage) -> set[tuple[str, str]]:
    return {one for wanted in stage.memory.waits.values() for one in wanted}


def test_a_step_goes_on_when_the_entity_it_names_is_seen():
    stage = Stage(catalog_of(naming("OPS-77")))
    stage.say(closed())
    assert (stage.steps()["tell"], stage.waits()) == ("waiting", [("link", "ops@example.com")])
    assert waits(stage) == {("project", "OPS-77")}
    stage.say(project("76"))
    assert stage.steps()["tell"] == "waiting"
    stage.say(project("77"))
    assert (stage.steps()["tell"], stage.waits(), waits(stage)) == ("running", [], set())
    assert stage.effects()[0].payload == {"issue": "77"}


def test_a_step_goes_on_when_the_entity_is_renamed_to_what_it_names():
    stage = Stage(catalog_of(naming("OPS-77")))
    stage.say(closed(), project("5"))
    stage.say(project("5", at=30, key="OPS-77"))
    assert stage.effects()[0].payload == {"issue": "5"}


def test_a_link_alone_wakes_the_step_that_waits_for_it():
    stage = Stage(catalog_of(naming("OPS-2", "erp")))
    stage.say(project("2"), closed())
    assert waits(stage) == {("project", "jira:2")}
    changes = decide_in(stage.memory, Touched(), lambda view: link_added(World(view, stage.catalog, stage.now)))
    stage.memory.write(changes, stage.now)
    assert stage.effects()[0].payload == {"issue": "PRJ-2"}
    assert waits(stage) == set()


def link_added(world: World):
    world.because("decision-link")
    world.put_link("erp", "project", "jira:2", "PRJ-2")
    decide.linked(world, "project", ["jira:2"])
    return world.changes


def test_somebody_who_waits_costs_one_more_look_for_all_that_is_new():
    stage = Stage(catalog_of(naming("OPS-77")))
    stage.say(closed())
    before = stage.memory.passes
    stage.batch([[project(str(number))] for number in range(20, 60)])
    assert stage.memory.passes - before <= 4


def test_nobody_is_woken_in_another_loop():
    stage = Stage(catalog_of(naming("OPS-77")))
    stage.say(closed(), closed("2"))
    stage.person("waive", "tell")
    assert len(waits(stage)) == 1
    stage.say(project("77"))
    assert [one.loop for one in stage.effects()] == [stage.loop(subject="jira:2").id]
