"""Folding records into an entity: staleness per field, absent and null, deletes, labels."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from hub.model.entity import LABEL, Entity, fold
from hub.model.record import Mapped

EMPTY = {"name": None, "status": None, "cost": None}
SPEAKS = frozenset({"name", "status", "cost", LABEL})
WHOLE = {"name": "a", "status": "open", "cost": None}


def said(label: str | None = "OPS-1", **fields: object) -> Mapped:
    return Mapped("project", "jira:1", label, fields)


def after(entity: Entity | None, at: int, mapped: Mapped, op: str = "snapshot", source: str = "jira/1") -> Entity:
    return fold(entity, mapped, source, at, op, EMPTY, SPEAKS).entity  # type: ignore[arg-type]


def test_a_whole_snapshot_leaves_one_base_mark_and_no_field_marks():
    entity = after(after(None, 1, said(**WHOLE)), 2, said(**{**WHOLE, "status": "closed"}))
    assert (entity.version, entity.state["status"]) == (2, "closed")
    assert entity.marks["jira/1"].base.at == 2
    assert entity.marks["jira/1"].fields == {}


def test_a_record_that_changes_nothing_is_unchanged_and_moves_the_mark():
    folded = fold(after(None, 1, said(**WHOLE)), said(**WHOLE), "jira/1", 5, "snapshot", EMPTY, SPEAKS)
    assert (folded.verdict, folded.entity.version, folded.entity.marks["jira/1"].base.at) == ("unchanged", 1, 5)


def test_an_older_record_is_stale_and_changes_nothing():
    entity = after(None, 5, said(**WHOLE))
    folded = fold(entity, said(**{**WHOLE, "name": "old"}), "jira/1", 4, "snapshot", EMPTY, SPEAKS)
    assert (folded.verdict, folded.entity) == ("stale", entity)


def test_absent_says_nothing_and_null_empties():
    entity = after(None, 1, said(**WHOLE))
    assert after(entity, 2, said(status="closed")).state["name"] == "a"
    assert after(entity, 2, said(name=None)).state["name"] is None


def test_an_absent_field_keeps_its_old_mark():
    entity = after(after(None, 1, said(**WHOLE)), 5, said(status="closed"), "partial")
    late = after(entity, 3, said(name="b", status="never"), "partial")
    assert (late.state["name"], late.state["status"]) == ("b", "closed")


def test_equal_version_times_apply_in_log_order():
    assert after(after(None, 1, said(**WHOLE)), 1, said(**{**WHOLE, "name": "b"})).state["name"] == "b"


def test_a_new_label_is_a_change():
    folded = fold(after(None, 1, said(**WHOLE)), said("NEW-1", **WHOLE), "jira/1", 2, "snapshot", EMPTY, SPEAKS)
    assert (folded.verdict, dict(folded.changed), folded.entity.label) == ("applied", {"label": "NEW-1"}, "NEW-1")


def test_a_delete_keeps_the_last_state_and_a_newer_snapshot_revives():
    gone = after(after(None, 1, said(**WHOLE)), 3, said(), "delete")
    assert (gone.deleted, gone.state["name"]) == (True, "a")
    assert after(gone, 2, said(**{**WHOLE, "name": "late"})).deleted
    assert not after(gone, 4, said(**WHOLE)).deleted


def test_a_delete_before_the_create_leaves_a_tombstone():
    gone = after(None, 3, said(), "delete")
    late = after(gone, 2, said(**WHOLE))
    assert (gone.deleted, late.deleted, late.state["name"]) == (True, True, "a")


def test_another_source_object_is_judged_by_its_own_marks():
    entity = after(after(None, 9, said(**WHOLE)), 2, said(name="erp"), "partial", "erp/77")
    assert entity.state["name"] == "erp"


RECORDS = st.lists(
    st.tuples(
        st.sampled_from(["snapshot", "partial", "delete"]),
        st.dictionaries(st.sampled_from(sorted(EMPTY)), st.sampled_from([None, "x", "y"])),
        st.sampled_from([None, "OPS-1", "OPS-2"]),
    ),
    min_size=1,
    max_size=4,
)


@given(RECORDS)
def test_any_order_of_the_same_records_folds_to_the_same_state(records):
    versions = [
        (at, op, said(label, **({**dict.fromkeys(EMPTY), **fields} if op == "snapshot" else fields)))
        for at, (op, fields, label) in enumerate(records, 1)
    ]
    ends = set()
    for order in permutations(versions):
        entity: Entity | None = None
        for at, op, mapped in order:
            entity = after(entity, at, said(mapped.label) if op == "delete" else mapped, op)
        assert entity is not None
        label = entity.label if any(op != "delete" for _, op, _ in versions) else None
        ends.add((tuple(sorted(entity.state.items(), key=str)), label, entity.deleted))
    assert len(ends) == 1
