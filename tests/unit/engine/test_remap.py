"""Entities put on what the version in force makes of their deliveries: one event each, old marks kept."""

from __future__ import annotations

from dataclasses import replace

import orjson

from hub.engine.remap import Target, difference, newer, remap
from hub.loop.world import World
from hub.model.entity import Entity, Mark, SourceMarks
from hub.store.view import LoadedView
from tests.engine_stage import T0, catalog_of

PLACE = "expense", "jira:9"
SAID = {"jira/9": SourceMarks(Mark(5, 3), {"text": Mark(4, 2)})}
STORED = Entity(*PLACE, "OPS-9", 3, {"text": "a", "status": "draft"}, SAID)
FOLDED = replace(STORED, version=1, state={"text": "a", "status": "approved"})


def world(stored: Entity | None) -> World:
    view = LoadedView()
    view.entities[PLACE] = stored
    view.waits.update({("expense", name): [] for name in ("jira:9", "OPS-9", "jira:OPS-9")})
    return World(view, catalog_of(), T0)


def remapped(stored: Entity | None, folded: Entity) -> World:
    made = world(stored)
    remap(made, "replay/1", [Target(folded, "rd-close", "new")])
    return made


def test_a_difference_becomes_the_next_event_of_the_entity_under_the_new_hash():
    made = remapped(STORED, FOLDED)
    [event] = made.changes.events
    assert (event.version, event.type, event.logic) == (4, "expense.changed", "new")
    said = {"key": "jira:9", "label": "OPS-9", "set": {"status": "approved"}, "replay": "replay/1"}
    assert orjson.loads(event.data) == said
    assert made.changes.entities[PLACE].state == FOLDED.state


def test_a_field_that_stays_keeps_the_event_that_set_it():
    marks = remapped(STORED, FOLDED).changes.entities[PLACE].marks["jira/9"]
    assert marks.of("text") == Mark(4, 2)
    assert marks.of("status") == Mark(5, 4)


def test_what_comes_out_as_before_gives_no_event():
    assert not remapped(STORED, replace(STORED, version=1)).changes.events
    assert difference(STORED, replace(STORED, version=1)) is None


def test_what_nobody_knew_is_created_and_what_was_deleted_stays_deleted():
    assert [event.type for event in remapped(None, FOLDED).changes.events] == ["expense.created"]
    deleted = remapped(replace(STORED, deleted=True), FOLDED)
    assert deleted.changes.entities[PLACE].deleted
    assert [event.type for event in deleted.changes.events] == ["expense.changed"]


def test_an_entity_the_store_heard_of_since_is_newer():
    assert not newer(STORED, FOLDED)
    assert newer(replace(STORED, marks={"jira/9": SourceMarks(Mark(6, 3))}), FOLDED)
    assert newer(replace(STORED, marks={**SAID, "crm/1": SourceMarks(Mark(1, 3))}), FOLDED)
