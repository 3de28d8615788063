"""Batches against state: one outcome per record and table, names, quarantine, lanes, poison."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import permutations

import orjson

from hub.engine.conclude import conclude
from hub.engine.prepare import prepare
from hub.engine.transaction import decide_in
from hub.model.entity import typed_view
from hub.model.record import Mapped
from tests.engine_stage import Stage, catalog_of, closed, decode, expense, item, project, rd_close, rec, table


def open_rows(stage: Stage) -> list[str]:
    return [row.reason for row in stage.memory.quarantines.values() if row.closed_at is None]


def test_the_same_delivery_fifty_times_is_one_event():
    stage = Stage()
    stage.batch([[project()]] * 25)
    for _ in range(25):
        stage.say(project())
    assert Counter(stage.verdicts()) == {"applied": 1, "unchanged": 49}
    assert stage.types() == ["project.created"]
    assert stage.memory.expected == 50


def test_reordered_versions_end_where_ordered_ones_do():
    stage = Stage()
    stage.say(closed(at=30, cost_center=None))
    stage.say(project(at=10, name="old"))
    assert stage.verdicts() == ["applied", "stale"]
    assert stage.entity("project", "jira:1").state["status"] == "closed"


def test_an_update_before_its_create_loses_nothing():
    things = [project(at=10), project(at=20, name="b"), rec("project", "1", 30, {"status": "closed"}, "partial")]
    ends = set()
    for order in permutations(things):
        stage = Stage()
        for one in order:
            stage.say(one)
        ends.add(orjson.dumps(typed_view(stage.entity("project", "jira:1")), option=orjson.OPT_SORT_KEYS))
    whole = [end for end in ends if b'"b"' in end]
    assert len(ends) <= 2
    assert whole


def test_a_partial_first_sight_without_what_is_required_waits_for_a_read():
    stage = Stage(catalog_of(refetch=True))
    stage.say(rec("project", "1", 30, {"status": "closed"}, "partial"))
    assert stage.verdicts() == ["quarantined(missing-field)"]
    assert list(stage.memory.readings) == [("jira/project/1", "")]
    stage.say(project(at=29), origin="read")
    assert (open_rows(stage), stage.memory.readings) == ([], {})
    assert stage.entity("project", "jira:1").state["name"] == "P1"


def test_a_partial_first_sight_with_all_it_needs_applies_and_is_completed_by_a_read():
    stage = Stage(catalog_of(refetch=True))
    stage.say(rec("project", "1", 30, {"name": "P", "status": "active"}, "partial"))
    assert stage.verdicts() == ["applied"]
    stage.say(project(at=30), origin="read")
    assert stage.entity("project", "jira:1").state["cost_center"] == "CC1"


def test_a_delete_is_an_event_and_keeps_the_last_state():
    stage = Stage()
    stage.say(project())
    stage.say(rec("project", "1", 20, {"key": "OPS-1"}, "delete"))
    assert stage.types() == ["project.created", "project.deleted"]
    assert stage.entity("project", "jira:1").state["name"] == "P1"


def test_a_delete_that_says_only_an_id_finds_its_entity():
    stage = Stage()
    stage.say(project())
    stage.say(rec("project", "1", 20, {"kind": "?"}, "delete"), rec("project", "2", 20, {"kind": "?"}, "delete"))
    assert stage.entity("project", "jira:1").deleted
    assert stage.verdicts() == ["applied", "applied", "skipped(no-table)"]


def test_a_delete_that_several_tables_of_a_stream_might_mean_gets_one_outcome():
    kinds = ("project", "purchase_item", "expense")
    both = replace(rd_close(), tables=tuple(table(kind, "issue", ("status",)) for kind in kinds))
    stage = Stage(catalog_of(both))
    stage.say(rec("issue", "9", 10, {"kind": "?"}, "delete"))
    assert stage.verdicts() == ["skipped(no-table)"]
    assert stage.memory.expected == len(stage.memory.outcomes)
    stage.say(rec("issue", "9", 10, {"kind": "purchase_item", "status": "open"}))
    stage.say(rec("issue", "9", 20, {"kind": "?"}, "delete"))
    assert stage.memory.expected == len(stage.memory.outcomes)
    assert stage.entity("purchase_item", "jira:9").deleted


def test_a_thousand_projects_closed_long_ago_make_no_document():
    stage = Stage()
    stage.batch([[closed(str(n), closed_at="2025-06-01T00:00:00.000Z")] for n in range(1000)])
    assert Counter(one.state.value for one in stage.memory.loops.values()) == {"history": 1000}
    assert stage.memory.effects == {}
    assert stage.memory.expected == 1000


def test_a_moved_issue_stays_the_same_entity_under_its_new_label():
    stage = Stage()
    stage.say(project(), item("7", project="OPS-1"))
    stage.say(project(at=20, key="NEW-9"))
    assert stage.entity("project", "jira:1").label == "NEW-9"
    assert len([place for place in stage.memory.entities if place[0] == "project"]) == 1
    stage.say(item("8", project="NEW-9"), item("9", project="OPS-1"))
    assert {stage.entity("purchase_item", f"jira:{n}").state["project"] for n in (7, 8, 9)} == {"jira:1"}


def test_a_ref_by_label_is_resolved_when_its_target_appears():
    stage = Stage()
    stage.say(item("7", project="OPS-1"), item("8", project="jira:OPS-1"))
    assert stage.entity("purchase_item", "jira:7").state["project"] == "OPS-1"
    stage.say(closed())
    assert {stage.entity("purchase_item", f"jira:{n}").state["project"] for n in (7, 8)} == {"jira:1"}
    assert stage.memory.refs["purchase_item", "jira:7"] == {"project": "jira:1"}
    assert len(next(one for one in stage.effects() if one.step == "purchase").payload["lines"]) == 2


def test_an_unknown_value_is_quarantined_with_row_and_owner_and_a_good_snapshot_closes_it():
    stage = Stage()
    stage.say(expense("9"))
    stage.say(expense("9", at=10, status="bad"))
    row = next(iter(stage.memory.quarantines.values()))
    assert (row.reason, row.row, row.owner, row.key) == ("unknown-value", "expense.status", "finance", "jira:9")
    assert row.refs == {"project": ("project", "jira:1")}
    stage.say(expense("9", at=11))
    assert stage.verdicts() == ["applied", "quarantined(unknown-value)", "unchanged"]
    assert open_rows(stage) == []


def test_a_refused_record_that_comes_late_is_superseded_at_once():
    stage = Stage()
    stage.say(expense("9", at=20))
    stage.say(expense("9", at=10, status="bad"))
    assert open_rows(stage) == []


def test_a_value_the_schema_refuses_is_quarantined():
    stage = Stage()
    stage.say(project(deliverable="spaceship"))
    assert stage.verdicts() == ["quarantined(schema)"]
    assert next(iter(stage.memory.quarantines.values())).row.endswith(".deliverable")


def test_an_id_used_for_another_body_is_kept_and_set_aside():
    stage = Stage()
    stage.batch([[project()]], conflict=True, source_id="d-1")
    assert stage.verdicts() == ["quarantined(id_conflict)"]
    assert stage.memory.entities == {}


def test_what_cannot_be_decoded_and_what_nobody_wants_is_told_apart():
    stage = Stage()
    stage.batch(["broken", "worklog", [], [rec("sprint", "1", 1, {})], [project(kind="Bug")]])
    assert stage.verdicts() == [
        "quarantined(bad-json)",
        "skipped(worklog)",
        "skipped(empty)",
        "skipped(no-table)",
        "skipped(no-table)",
    ]


def test_a_poison_record_stops_its_own_lane_only():
    stage = Stage()
    stage.batch([[project("1", name="boom")], [project("1", at=20)], [project("2")]])
    assert stage.verdicts() == ["quarantined(exception)", "held(behind)", "applied"]
    stage.say(project("1", at=30))
    assert stage.verdicts()[-1] == "held(behind)"


def test_a_bug_while_concluding_costs_one_record():
    stage = Stage()
    deliveries = [stage.delivery([project(str(n))]) for n in (1, 2, 3)]
    prepared = prepare(deliveries, stage.catalog, decode)
    prepared.works[1].items[0].seen = Mapped("project", "jira:2", None, None)  # type: ignore[arg-type]
    changes = decide_in(
        stage.memory, prepared.touched, lambda view: conclude(prepared, view, stage.now, stage.catalog)
    )
    assert [one.verdict for one in changes.outcomes] == ["applied", "quarantined", "applied"]
    row = next(iter(changes.quarantines.values()))
    assert (row.reason, row.message.partition(":")[0]) == ("exception", "AttributeError")


def test_batches_of_any_size_give_the_same_events():
    things = [
        project(),
        item("7"),
        expense("9", status="bad"),
        closed(),
        expense("9", at=30),
        expense("10", at=40),
        closed(at=50),
    ]
    one, many = Stage(), Stage()
    deliveries = [one.delivery([thing]) for thing in things]
    one.settle(deliveries)
    for delivery in deliveries:
        many.settle([delivery])
    said = [[(e.id, e.stream, e.version, e.type, e.data, e.causation) for e in s.memory.events] for s in (one, many)]
    assert said[0] == said[1]
    assert one.memory.loops == many.memory.loops


def test_a_batch_asks_for_missing_state_all_at_once():
    stage = Stage()
    stage.batch([[closed(str(n))] for n in range(50)])
    assert stage.memory.passes <= 8


def test_every_entity_event_folds_into_the_row():
    stage = Stage()
    for one in (project(), item("7", project="OPS-1"), closed(), rec("project", "1", 90, {}, "delete")):
        stage.say(one)
    for entity in stage.memory.entities.values():
        state: dict[str, object] = dict.fromkeys(entity.state)
        label = None
        for event in stage.memory.events:
            if event.stream == entity.stream:
                said = orjson.loads(event.data)
                state.update({name: value for name, value in said["set"].items() if name != "label"})
                label = said["label"]
        assert (state, label) == (entity.state, entity.label)
