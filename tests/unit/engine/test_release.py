"""What was set aside runs again by a person's decision, its lane drains in order, and the balance holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.engine_stage import Stage, catalog_of, closed, expense, project, rd_close, rec, table


def other_catalog(**tables):
    """The workspace after somebody has put a table right: by name, in place of the one that was there."""
    old = rd_close()
    return catalog_of(replace(old, tables=tuple(tables.get(one.definition.entity, one) for one in old.tables)))


FIELDS = ("name", "status", "outcome", "closed_at", "actual_cost", "cost_center", "deliverable")


def tolerant(kind="project", stream="project", fields=FIELDS, **more):
    """The same table, for which ``boom`` is a text and ``bad`` a value like any other."""
    made = table(kind, stream, fields, **more)

    def apply(record):
        data = {name: "fixed" if value in ("boom", "bad") else value for name, value in record.data.items()}
        return made.apply(replace(record, data=data))

    return replace(made, apply=apply)


def tolerant_expense():
    fields = ("project", "status", "text", "amount", "employee")
    return tolerant("expense", "expense", fields, refs={"project": "project"})


def poisoned(*after):
    stage = Stage()
    stage.say(project(name="boom"))
    for one in after:
        stage.say(one)
    return stage


def test_held_records_drain_in_order_behind_the_one_that_was_a_bug():
    stage = poisoned(project(at=20, name="b"), closed(at=30), project(at=25, name="old"))
    assert stage.verdicts() == ["quarantined(exception)", "held(behind)", "held(behind)", "held(behind)"]
    stage.catalog = other_catalog(project=tolerant())
    done = stage.release(stage.rows()[0])
    assert [one.good for one in done.ran] == [True] * 4
    assert stage.verdicts() == ["applied", "applied", "applied", "stale"]
    assert (stage.rows(), stage.balanced()) == ([], True)
    assert stage.loop().state == "running"
    assert {row.closed_by for row in stage.memory.quarantines.values()} == {"E3"}
    assert stage.types().count("quarantine.released") == 4
    assert stage.memory.audits[-1].action == "quarantine release"


def test_the_events_are_those_the_record_would_have_given_at_first():
    stage = poisoned(project(at=20, name="b"))
    stage.catalog = other_catalog(project=tolerant())
    stage.release(stage.rows()[0])
    never = Stage(other_catalog(project=tolerant()))
    never.settle(stage.log)
    mine = [(e.id, e.stream, e.version, e.data) for e in stage.memory.events if e.stream.startswith("project/")]
    assert mine == [(e.id, e.stream, e.version, e.data) for e in never.memory.events]


def test_a_lane_longer_than_one_transaction_drains_over_several():
    stage = poisoned(*(project(at=20 + n, name=f"n{n}") for n in range(7)))
    stage.catalog = other_catalog(project=tolerant())
    stage.release(stage.rows()[0], at_once=3)
    assert stage.rows() == []
    assert stage.entity("project", "jira:1").state["name"] == "n6"


def test_draining_stops_at_the_next_bug_and_the_rest_stays_held_in_order():
    stage = poisoned(project(at=20, name="b"), project(at=30, status="boom"), project(at=40, name="d"))
    only_name = tolerant()
    still = replace(only_name, apply=lambda record: boom_status(only_name, record))
    stage.catalog = other_catalog(project=still)
    stage.release(stage.rows()[0])
    assert stage.verdicts() == ["applied", "applied", "quarantined(exception)", "held(behind)"]
    assert stage.balanced()
    stage.say(project(at=50, name="e"))
    assert stage.verdicts()[-1] == "held(behind)"


def boom_status(made, record):
    if record.data["status"] == "boom":
        raise KeyError("status")
    return made.apply(record)


def test_what_is_still_wrong_stays_set_aside_with_its_new_words():
    stage = poisoned(project(at=20))
    since = stage.rows()[0].since
    stage.now += 5_000_000

    def other(record):
        raise LookupError("another bug")

    stage.catalog = other_catalog(project=replace(tolerant(), apply=other))
    done = stage.release(stage.rows()[0])
    assert (done.ran[0].good, done.ran[0].row.message) == (False, "LookupError: 'another bug'".replace("'", ""))
    assert (stage.rows()[0].since, len(stage.rows()), stage.balanced()) == (since, 2, True)
    assert stage.memory.audits[-1].result.startswith("still set aside")
    assert "quarantine.released" not in stage.types()


def test_a_refused_value_that_the_table_knows_now_is_applied():
    stage = Stage()
    stage.say(project())
    stage.say(expense("9", text="bad"))
    stage.say(closed())
    assert stage.loop().phase == "gathering"
    stage.catalog = other_catalog(expense=tolerant_expense())
    assert stage.release(stage.rows()[0]).ran[0].good
    assert stage.verdicts() == ["applied", "applied", "applied"]
    assert [one.item for one in stage.effects()] == ["jira:9"]


def test_a_release_that_is_older_than_what_was_applied_meanwhile_changes_nothing():
    stage = Stage()
    stage.say(expense("9", at=10, text="bad"))
    stage.say(rec("expense", "9", 20, {"amount": expense("9")["data"]["amount"], "text": "b"}, "partial"))
    row = stage.rows()[0]
    stage.catalog = other_catalog(expense=tolerant_expense())
    assert stage.release(row).ran[0].good
    assert stage.entity("expense", "jira:9").state["text"] == "b"


def test_a_row_that_a_newer_snapshot_superseded_cannot_be_released():
    stage = Stage()
    stage.say(expense("9", status="bad"))
    row = stage.rows()[0]
    stage.say(expense("9", at=30))
    assert "closed already" in stage.release(row).refused


def test_a_held_record_says_behind_which_one_it_is():
    stage = poisoned(project(at=20))
    first, second = stage.rows()
    assert first.id in stage.release(second).refused
    assert stage.balanced()


@pytest.mark.parametrize(("who", "why"), [("E77", "x"), ("E1", " ")])
def test_nobody_releases_without_a_name_and_a_reason(who, why):
    stage = poisoned()
    assert stage.release(stage.rows()[0], who=who, why=why).refused
    assert stage.memory.audits == []


def test_a_record_that_no_table_wants_any_more_is_skipped():
    stage = poisoned()
    stage.catalog = other_catalog(project=replace(tolerant(), accepts=lambda record: False))
    assert stage.release(stage.rows()[0]).ran[0].good
    assert (stage.verdicts(), stage.balanced()) == (["skipped(no-table)"], True)


def test_a_delivery_that_can_be_decoded_now_gives_its_records_the_outcomes_they_never_had(monkeypatch):
    stage = Stage()
    stage.say("broken")
    stage.say(project("2"))
    row = stage.rows()[0]
    body = Stage().delivery([project("1"), expense("9", status="bad"), rec("sprint", "1", 1, {})])
    stage.log[0] = replace(stage.log[0], body=body.body)
    done = stage.release(row)
    assert stage.verdicts() == ["applied", "quarantined(unknown-value)", "skipped(no-table)", "applied"]
    assert (stage.balanced(), done.ran[0].good, stage.memory.quarantines[row.id].closed_by) == (True, False, "E3")


def test_a_delivery_that_still_cannot_be_decoded_stays():
    stage = Stage()
    stage.say("broken")
    done = stage.release(stage.rows()[0])
    assert (done.ran[0].good, stage.balanced(), len(stage.rows())) == (False, True, 1)


def test_a_second_body_under_one_id_counts_when_a_person_says_so():
    stage = Stage()
    stage.batch([[project()]], conflict=True, source_id="d-1")
    assert stage.release(stage.rows()[0]).ran[0].good
    assert (stage.verdicts(), stage.balanced()) == (["applied"], True)


def test_giving_up_the_bug_lets_what_is_behind_it_drain():
    stage = poisoned(project(at=20, name="b"), project(at=30, name="c"))
    row = stage.rows()[0]
    stage.drop(row)
    stage.release(stage.rows()[0])
    assert (stage.rows(), stage.entity("project", "jira:1").state["name"], stage.balanced()) == ([], "c", True)
