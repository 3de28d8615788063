"""What a target holds against what we made there, as pure comparisons."""

from __future__ import annotations

from dataclasses import replace

import pytest
from effect_stage import action, document, effect

from hub.connector.answers import Carried
from hub.effect.drift import adoptable, documents_of, doubles_and_strays, drifted, owner_of, unclaimed
from hub.model.action import Call
from hub.model.effect import EffectState

S = EffectState
LONG = "0123456789abcdef" * 4
AMOUNT = {"amount": "12.50", "currency": "CNY"}


def confirmed(**changes: object) -> object:
    made = effect(remote_id="id-k1", number="PR-1", document_state="submitted", state=S.CONFIRMED)
    return replace(made, read_back=document("id-k1", text="x").document, **changes)


def carried(reference: str, number: str = "PR-1", *, live: bool = True) -> Carried:
    return Carried(reference, replace(document(f"id-{number}"), number=number), live)


def test_a_document_as_it_was_left_has_not_drifted() -> None:
    assert drifted([confirmed()], action(), document("id-k1", text="x")) == []


def test_an_amount_written_otherwise_is_no_drift_and_another_amount_is() -> None:
    assert drifted([confirmed()], action(), document("id-k1", "12.500", text="x")) == []
    (found,) = drifted([confirmed()], action(), document("id-k1", "99.00", text="x"))
    assert (found.kind, found.field, found.meant, found.confirmed) == ("changed", "amount", AMOUNT, AMOUNT)
    assert found.now == {"amount": "99.00", "currency": "CNY"}


def test_what_the_target_fills_by_itself_is_its_own_business() -> None:
    assert drifted([confirmed()], action(), document("id-k1", text="x", approver="somebody")) == []


def test_states_that_follow_ours_are_no_drift_and_a_document_taken_back_is() -> None:
    spec = action(calls=(Call("create", frozenset({"submitted", "paid"})),))
    assert drifted([confirmed(call="create")], spec, document("id-k1", text="x", state="paid")) == []
    (found,) = drifted([confirmed(call="create")], spec, document("id-k1", text="x", state="cancelled"))
    assert (found.field, found.now) == ("state", "cancelled")
    (found,) = drifted([confirmed()], action(), document("id-k1", text="x", state="void"), live=False)
    assert (found.field, found.now) == ("state", "void")


def test_a_document_that_is_not_there_any_more_is_gone() -> None:
    (found,) = drifted([confirmed()], action(), None)
    assert (found.kind, found.documents, found.id) == ("gone", ("PR-1",), "gone/k1")


@pytest.mark.parametrize("state", [S.MISMATCH, S.REJECTED, S.CANCELLED, S.PLANNED, S.UNKNOWN, S.HUMAN])
def test_what_a_person_is_asked_about_anyway_is_not_told_again(state: EffectState) -> None:
    assert drifted([confirmed(state=state)], action(), document("id-k1", "99.00")) == []


def test_a_mark_that_shows_the_beginning_of_a_reference_belongs_to_it() -> None:
    assert owner_of(LONG[:16], {LONG: 1}) == LONG
    assert owner_of(LONG, {LONG: 1}) == LONG
    assert owner_of(LONG[:8], {LONG: 1}) is None


def test_doubles_count_live_documents_only_and_strays_name_unknown_references() -> None:
    one_live = [carried(LONG, "PR-1"), carried(LONG[:16], "PR-2", live=False)]
    assert doubles_and_strays("erp", "thing.create", one_live, {LONG: 1}) == []
    found = doubles_and_strays(
        "erp",
        "thing.create",
        [carried(LONG, "PR-1"), carried(LONG[:16], "PR-2"), carried("f" * 64, "PR-3")],
        {LONG: 1},
    )
    assert [(one.kind, one.documents) for one in found] == [("double", ("PR-1", "PR-2")), ("stray", ("PR-3",))]


@pytest.mark.parametrize(
    ("state", "adopted"),
    [(S.PLANNED, True), (S.UNKNOWN, True), (S.REJECTED, True), (S.HUMAN, True), (S.CONFIRMED, False),
     (S.CANCELLED, False), (S.SUPERSEDED, False), (S.SENDING, False)],
)  # fmt: skip
def test_only_what_is_still_open_is_adopted(state: EffectState, adopted: bool) -> None:
    assert (adoptable([effect(state=state)], action(), document("id-k1")) is not None) is adopted


def test_of_several_calls_the_first_that_the_document_shows_done_is_adopted() -> None:
    calls = (Call("create", frozenset({"draft", "approved"})), Call("approve", frozenset({"approved"})))
    made = [
        effect("k1", call="create", step="purchase/1-create", state=S.CONFIRMED),
        replace(effect("k2", call="approve", step="purchase/2-approve"), reference="k1"),
    ]
    assert adoptable(made, action(calls=calls), document("id-k1", state="draft")) is None
    found = adoptable(made, action(calls=calls), document("id-k1", state="approved"))
    assert found is not None
    assert found.effect.key == "k2"
    assert [one.key for one in documents_of(reversed(made))["k1"]] == ["k1", "k2"]


def test_a_corrected_revision_is_answered_by_its_own_document_alone() -> None:
    """A restored backup forgot that the revision was sent: its document is found under its own reference."""
    first, second = effect(state=S.SUPERSEDED), effect("k2", revision=1)
    known = documents_of([first, second])
    assert adoptable(known["k1"], action(), document("id-k1")) is None
    found = adoptable(known["k2"], action(), document("id-k2"))
    assert found is not None
    assert found.effect.key == "k2"


@pytest.mark.parametrize(
    ("state", "remote_id", "told"),
    [
        (S.SUPERSEDED, "", True),  # corrected; then the first one turned up
        (S.CANCELLED, "", True),  # waived: "nothing there"
        (S.CONFIRMED, "by-hand", True),  # somebody made another one by hand
        (S.CONFIRMED, "id-PR-1", False),
        (S.CANCELLED, "id-PR-1", False),  # waived as it stands: a person answers for it
        (S.UNKNOWN, "", False),  # it will be found
        (S.SENDING, "", False),
    ],
)
def test_a_document_nobody_stands_for_any_more_is_a_stray(state: EffectState, remote_id: str, told: bool) -> None:
    calls = [effect(LONG, state=state, remote_id=remote_id)]
    assert [one.kind for one in unclaimed(calls, [carried(LONG)])] == (["stray"] if told else [])
    assert unclaimed(calls, [carried(LONG, live=False)]) == []
    assert unclaimed(calls, [carried(LONG), carried(LONG, "PR-2")]) == [], "a double already"
