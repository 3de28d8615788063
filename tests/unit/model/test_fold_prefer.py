"""Several sources of one entity: the preferred one wins, others fill while it is empty, order does not matter."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.model.entity import Entity, fold
from hub.model.prefer import fold_preferring
from hub.model.record import Mapped
from hub.store.documents import dump_marks, load_marks

EMPTY = {"name": None, "limit": None}
PREFER = {"limit": ("erp", "crm")}
Said = tuple[str, int, str, dict[str, Any]]


def told(entity: Entity | None, source: str, at: int, op: str = "snapshot", **fields: Any) -> Entity:
    mapped = Mapped("customer", "C-1", None, fields)
    return fold_preferring(entity, mapped, source, at, op, EMPTY, None, PREFER).entity  # type: ignore[arg-type]


def test_the_preferred_source_wins_whenever_it_spoke() -> None:
    entity = told(told(None, "erp/7", 1, limit="100"), "crm/1", 9, limit="5")
    assert entity.state["limit"] == "100"


def test_others_fill_while_the_preferred_source_is_empty() -> None:
    entity = told(told(None, "erp/7", 1, limit=None, name="A"), "crm/1", 2, limit="5")
    assert entity.state["limit"] == "5"
    assert told(entity, "erp/7", 3, limit="100").state["limit"] == "100"


def test_a_preferred_source_that_empties_its_value_gives_way_to_what_the_next_one_said_before() -> None:
    entity = told(told(None, "crm/1", 1, limit="5"), "erp/7", 2, limit="100")
    emptied = told(entity, "erp/7", 3, limit=None)
    assert emptied.state["limit"] == "5"
    assert emptied.version == 3


def test_sources_nobody_listed_come_last_the_newest_first() -> None:
    entity = told(told(told(None, "oa/1", 5, limit="1"), "pm/1", 9, limit="2"), "crm/1", 1, limit="3")
    assert entity.state["limit"] == "3"
    assert told(entity, "crm/1", 10, limit=None).state["limit"] == "2"


def test_a_value_of_another_source_that_changes_nothing_is_unchanged_and_kept_for_later() -> None:
    entity = told(None, "erp/7", 1, limit="100")
    mapped = Mapped("customer", "C-1", None, {"limit": "5"})
    folded = fold_preferring(entity, mapped, "crm/1", 2, "snapshot", EMPTY, None, PREFER)
    assert (folded.verdict, folded.entity.version) == ("unchanged", 1)
    assert told(folded.entity, "erp/7", 3, limit="").state["limit"] == "5"


def test_an_older_record_of_a_source_changes_nothing() -> None:
    entity = told(told(None, "erp/7", 5, limit="100"), "erp/7", 4, limit="7")
    assert entity.state["limit"] == "100"


def test_a_record_that_says_nothing_of_the_field_keeps_what_was_said() -> None:
    entity = told(told(told(None, "crm/1", 1, limit="5"), "crm/1", 2, name="A"), "erp/7", 3, limit="9")
    assert told(entity, "erp/7", 4, limit=None).state["limit"] == "5"


def test_a_delete_keeps_what_was_said() -> None:
    entity = told(told(told(None, "crm/1", 1, limit="5"), "erp/7", 2, limit="9"), "crm/1", 3, "delete")
    assert entity.deleted
    assert entity.marks["crm/1"].said == {"limit": "5"}


def test_fields_without_a_preference_fold_as_ever() -> None:
    mapped = Mapped("customer", "C-1", "L", {"name": "A"})
    args = (None, mapped, "crm/1", 1, "snapshot", EMPTY, None)
    assert fold_preferring(*args, PREFER) == fold(*args)  # type: ignore[arg-type]


def test_what_was_said_survives_the_store() -> None:
    entity = told(told(None, "crm/1", 1, limit="5"), "erp/7", 2, limit={"amount": "1.00", "currency": "CNY"})
    assert load_marks(dump_marks(entity.marks)) == entity.marks


saying = st.tuples(
    st.sampled_from(["erp/7", "crm/1", "oa/1"]), st.integers(1, 9), st.sampled_from([None, "", "1", "2", "3"])
)


@given(st.lists(saying, min_size=1, max_size=5, unique_by=lambda one: one[:2]))
def test_any_order_of_arrival_gives_the_same_value(sayings: list[tuple[str, int, Any]]) -> None:
    found = set()
    for order in list(permutations(sayings))[:24]:
        entity: Entity | None = None
        for source, at, value in order:
            entity = told(entity, source, at, limit=value)
        assert entity is not None
        found.add(entity.state["limit"] or None)
    assert len(found) == 1
