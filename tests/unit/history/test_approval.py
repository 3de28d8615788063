"""Who must approve: roles of both versions and of what changed, never the author, twice beyond the budget."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from hub.cli.governed import in_words
from hub.mapping.approval import APPROVED, PROPOSED, Decision, beyond, missing, roles_of
from hub.mapping.budget import Budget
from hub.mapping.build import build
from hub.mapping.table import IntegrationDef
from hub.model.people import People, Person
from hub.model.values import Money

TEXT = (Path(__file__).parents[3] / "mappings" / "rd-close.yaml").read_text("utf-8")
PEOPLE = People(
    [
        Person("E1", "Ann", roles=frozenset({"pmo"})),
        Person("E2", "Bo", roles=frozenset({"finance"})),
        Person("E3", "Cai", roles=frozenset({"finance", "pmo"})),
    ]
)


def version(old: str = "", new: str = "") -> IntegrationDef:
    found = build(TEXT.replace(old, new) if old else TEXT, "x.yaml", {}).definition
    assert found is not None
    return found


def decision(who: str, role: str = "", choice: str = APPROVED) -> Decision:
    return Decision("rd-close", "t", "l", choice, role, who, 0, "because")


PROPOSAL = decision("E9", choice=PROPOSED)


def test_the_roles_are_those_of_both_versions_and_of_every_row_that_differs() -> None:
    active = version()
    fewer = version("change: {review: [pmo, finance]}", "change: {review: [ops]}")
    legal = version("change: {review: [finance]}}", "change: {review: [legal]}}")

    assert roles_of(None, active) == ("finance", "pmo")
    assert set(roles_of(active, fewer)) == {"finance", "ops", "pmo"}
    assert roles_of(active, legal) == ("finance", "legal", "pmo")
    assert roles_of(active, version("owner: purchasing", "owner: pmo")) == ("finance", "pmo")


def test_it_waits_for_each_role_and_names_who_could() -> None:
    left = missing(("finance", "pmo"), [PROPOSAL, decision("E1", "pmo")], PEOPLE)

    assert [(one.role, one.people) for one in left] == [("finance", ("E2 Bo", "E3 Cai"))]
    assert missing(("finance", "pmo"), [PROPOSAL, decision("E1", "pmo"), decision("E2", "finance")], PEOPLE) == ()


def test_an_author_s_own_approval_does_not_count() -> None:
    proposal = decision("E3", choice=PROPOSED)

    left = missing(("finance",), [proposal, decision("E3", "finance")], PEOPLE)

    assert [one.people for one in left] == [("E2 Bo",)]


def test_where_only_the_author_holds_a_role_it_says_so() -> None:
    left = missing(("pmo",), [decision("E1", choice=PROPOSED), decision("E3", "pmo")], PEOPLE)
    assert left == ()

    (one,) = missing(("legal",), [PROPOSAL], PEOPLE)
    assert in_words((one,)) == "legal (nobody in people.yaml)"

    alone = People([Person("E1", "Ann", roles=frozenset({"pmo"}))])
    assert in_words(missing(("pmo",), [decision("E1", choice=PROPOSED)], alone)) == "pmo (nobody but E1, who may not)"


def test_beyond_the_budget_one_role_must_agree_twice() -> None:
    given = [PROPOSAL, decision("E1", "pmo"), decision("E2", "finance")]

    left = missing(("finance", "pmo"), given, PEOPLE, over_budget=True)

    assert {(one.role, one.people, one.second) for one in left} == {
        ("finance", ("E3 Cai",), True),
        ("pmo", ("E3 Cai",), True),
    }
    assert missing(("finance", "pmo"), [*given, decision("E3", "finance")], PEOPLE, over_budget=True) == ()


@pytest.mark.parametrize(
    ("entities", "difference", "currency", "words"),
    [(100, "50000.00", "CNY", 0), (101, "0.00", "CNY", 1), (0, "-50000.01", "CNY", 1), (0, "1.00", "USD", 1)],
)
def test_a_budget_counts_entities_and_money_in_its_currency(
    entities: int, difference: str, currency: str, words: int
) -> None:
    budget = Budget(100, Money(Decimal(50000), "CNY"))
    said = {"entities": {"differ": entities}, "amounts": [{"currency": currency, "difference": difference}]}

    assert len(beyond([budget, None], said)) == words
