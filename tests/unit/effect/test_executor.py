"""The executor keeps reliability §2: what is sent, looked up, waited for or given to a person, and when."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from effect_stage import START, document, effect, stage
from effect_stage import action as made_action

from hub.connector.answers import (
    AlreadyThere,
    Ambiguous,
    NotSent,
    ReadFailed,
    Receipt,
    RefusedByTarget,
    Throttled,
    Unauthorized,
)
from hub.connector.base import Probe
from hub.effect.executor import TAKE_AT_ONCE
from hub.model.action import Call, TargetClass
from hub.model.clock import SECOND
from hub.model.effect import EffectState

S = EffectState
A, B, C = TargetClass.A, TargetClass.B, TargetClass.C


async def test_a_planned_effect_is_claimed_sent_and_confirmed_in_one_step() -> None:
    on = stage()
    await on.step()
    assert on.path == [S.SENDING, S.SENT, S.CONFIRMED]
    assert (on.one.remote_id, on.one.number, on.one.attempts) == ("id-k1", "PR-1", 1)
    assert on.one.read_back == document("id-k1").document


async def test_the_claim_is_committed_before_the_first_byte() -> None:
    on = stage()
    seen: list[Any] = []

    async def look() -> None:
        seen.append((on.one.state, on.one.claimed_until))

    on.target.before_answer = look
    await on.step()
    assert seen == [(S.SENDING, START + 90 * SECOND)]


async def test_a_claim_that_grew_old_before_the_first_byte_sends_nothing() -> None:
    on = stage()
    claim = on.effects.apply

    async def slow(fact: Any, now: int) -> bool:
        done = await claim(fact, now)
        on.clock.at += 31 * SECOND
        return done

    on.executor._facts = slow
    await on.step()
    assert on.target.acts == []
    assert on.one.state is S.PLANNED


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (NotSent("refused"), S.PLANNED),
        (RefusedByTarget("no such product", 422), S.REJECTED),
        (Unauthorized("401"), S.PLANNED),
        (Throttled("slow down", 7, not_done=True), S.PLANNED),
        (Throttled("slow down", 7, not_done=False), S.UNKNOWN),
        (Ambiguous("timeout"), S.UNKNOWN),
        (KeyError("a bug"), S.UNKNOWN),
        (Receipt(""), S.UNKNOWN),
        (AlreadyThere("409"), S.REJECTED),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_each_answer_has_its_state(answer: Any, state: EffectState) -> None:
    on = stage()
    on.target.answers = [answer]
    await on.step()
    assert on.path == [S.SENDING, state]


@pytest.mark.parametrize("kind", [A, B, C])
async def test_an_unknown_result_is_never_sent_again_blind(kind: TargetClass) -> None:
    on = stage(spec=made_action(kind))
    on.target.answers = [Ambiguous("timeout")]
    on.target.found = [ReadFailed("down")] * 20
    await on.step()
    for _ in range(20):
        await on.step(400)
    assert len(on.target.acts) == 1
    assert on.one.state is (S.HUMAN if kind is C else S.UNKNOWN)


async def test_class_a_resends_the_same_key_and_bytes_when_it_is_not_there() -> None:
    on = stage()
    on.target.answers = [Ambiguous("timeout")]
    await on.step()
    await on.step(6)
    await on.step()
    first, second = on.target.acts
    assert first == second
    assert on.one.state is S.CONFIRMED


async def test_class_a_never_resends_when_the_key_has_lived_four_fifths_of_its_life() -> None:
    on = stage(spec=made_action(A, key_life_seconds=1000))
    on.target.answers = [Ambiguous("timeout")]
    await on.step()
    await on.step(800)
    assert on.one.state is S.HUMAN
    assert len(on.target.acts) == 1


async def test_class_a_is_not_sent_again_when_the_key_died_while_it_waited_to_be() -> None:
    """Looked up in time, then the system could not be reached: by the time it can, it knows our key no more."""
    on = stage(spec=made_action(A, key_life_seconds=1000))
    on.target.answers = [Ambiguous("timeout"), NotSent("connection refused"), NotSent("connection refused")]
    await on.step()
    await on.step(6)
    await on.step()
    await on.step(130)
    assert (len(on.target.acts), on.one.state) == (3, S.PLANNED)
    await on.step(900)
    await on.step()
    assert on.one.state is S.HUMAN
    assert "no longer remembers our key" in on.one.reason
    assert len(on.target.acts) == 3


async def test_class_a_that_never_left_us_may_be_sent_whenever() -> None:
    on = stage(spec=made_action(A, key_life_seconds=1000))
    on.target.answers = [NotSent("connection refused")]
    await on.step()
    await on.step(5000)
    assert on.one.state is S.CONFIRMED


async def test_class_a_is_sent_once_more_where_a_person_says_so() -> None:
    asked = effect(doubtful=True, attempts=1, planned_at=START - 5000 * SECOND, first_sent_at=None)
    on = stage(asked, spec=made_action(A, key_life_seconds=1000))
    await on.step()
    assert on.one.state is S.CONFIRMED


async def test_class_b_waits_the_quiesce_time_before_it_looks() -> None:
    on = stage(spec=made_action(B), quiesce=60)
    on.target.answers = [Ambiguous("timeout")]
    on.target.found = [document("id-k1")]
    await on.step()
    await on.step(59)
    assert on.one.state is S.UNKNOWN
    assert len(on.target.found) == 1
    await on.step(2)
    assert on.path[-2:] == [S.SENT, S.CONFIRMED]
    assert len(on.target.acts) == 1


async def test_a_system_is_asked_no_faster_than_its_connection_says() -> None:
    on = stage(*(effect(f"k{n}", subject=f"jira:{n}") for n in range(1, 8)), pace=2.0)
    sent = []
    for _ in range(5):
        await on.step(0.5)
        sent.append(len(on.target.acts))
    assert sent == [2, 3, 4, 5, 6]


async def test_a_system_that_is_asked_slowly_keeps_only_its_own_effects_waiting() -> None:
    many = (effect(f"k{n}", subject=f"jira:{n}") for n in range(TAKE_AT_ONCE + 10))
    on = stage(*many, effect("other", subject="jira:x", connection="crm", due=START + 1), pace=1.0)
    await on.step(1)
    assert on.effects.held["other"].state is S.CONFIRMED


async def test_a_clock_set_forward_does_not_end_the_quiesce_time() -> None:
    """F20: the target may still commit for a minute of true time, whatever the wall says."""
    on = stage(spec=made_action(B), quiesce=60)
    on.target.answers = [Ambiguous("timeout")]
    await on.step()
    on.clock.wrong = 24 * 3600 * SECOND
    await on.step(10)
    assert (on.one.state, on.one.due) == (S.UNKNOWN, on.clock.now() + 50 * SECOND + 1)
    await on.step(49)
    assert on.one.state is S.UNKNOWN
    await on.step(2)
    assert len(on.target.acts) == 1
    assert on.one.state is S.PLANNED


async def test_class_b_sends_again_only_after_it_looked_and_found_nothing() -> None:
    on = stage(spec=made_action(B), quiesce=60)
    on.target.answers = [Ambiguous("timeout")]
    await on.step()
    await on.step(61)
    assert on.one.state is S.PLANNED
    await on.step()
    assert on.one.state is S.CONFIRMED
    assert len(on.target.acts) == 2


async def test_a_used_reference_is_taken_for_ours_when_it_is_found() -> None:
    on = stage()
    on.target.answers = [AlreadyThere("409")]
    on.target.found = [document("id-k1")]
    await on.step()
    assert on.path == [S.SENDING, S.SENT, S.CONFIRMED]


async def test_a_used_reference_that_is_not_listed_yet_may_be_our_own_first_try() -> None:
    on = stage()
    on.target.answers = [Ambiguous("timeout"), AlreadyThere("409")]
    on.target.found = [None, None, document("id-k1")]
    await on.step()
    await on.step(10)
    await on.step()
    assert on.one.state is S.UNKNOWN, "its search is behind: nothing says that the document is somebody else's"
    await on.step(60)
    assert on.one.state is S.CONFIRMED
    assert len(on.target.acts) == 2


async def test_a_claim_that_ran_out_goes_through_unknown() -> None:
    on = stage(effect(state=S.SENDING, claimed_until=START + 90 * SECOND, attempts=1))
    await on.step(89)
    assert on.path == []
    on.target.found = [document("id-k1")]
    await on.step(2)
    await on.step()
    assert on.path == [S.UNKNOWN, S.SENT, S.CONFIRMED]
    assert on.target.acts == []


async def test_after_a_crash_the_holder_of_the_lock_need_not_wait_for_the_claim() -> None:
    on = stage(effect(state=S.SENDING, claimed_until=START + 90 * SECOND, attempts=1))
    on.target.found = [document("id-k1")]
    await on.executor.turn()
    await on.executor.stop()
    assert on.path == [S.UNKNOWN, S.SENT, S.CONFIRMED]


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (document("id-k1", amount="12.51"), "amount: expected 12.50 CNY, got 12.51 CNY"),
        (document("id-k1", external_ref="someone-else"), "someone-else"),
    ],
)
async def test_a_document_that_differs_is_a_mismatch_and_never_sent_again(read: Any, reason: str) -> None:
    on = stage()
    on.target.reading = [read]
    await on.step()
    await on.step(100_000)
    assert on.one.state is S.MISMATCH
    assert reason in on.one.reason
    assert len(on.target.acts) == 1


async def test_every_differing_field_is_named() -> None:
    on = stage(effect(expect={"amount": {"amount": "1", "currency": "CNY"}, "text": "book"}))
    on.target.reading = [document("id-k1", text="look")]
    await on.step()
    assert on.one.reason == "amount: expected 1 CNY, got 12.50 CNY; text: expected book, got look"


async def test_a_new_document_may_be_invisible_for_a_minute() -> None:
    on = stage()
    on.target.reading = [None, None]
    await on.step()
    assert on.one.state is S.SENT
    await on.step(2)
    await on.step(5)
    assert on.one.state is S.CONFIRMED


async def test_a_document_that_stays_away_is_a_mismatch() -> None:
    on = stage()
    on.target.reading = [None] * 20
    for _ in range(20):
        await on.step(10)
    assert (on.one.state, on.one.reason) == (S.MISMATCH, "not-found")


async def test_a_failed_read_back_keeps_it_sent_and_tries_again() -> None:
    on = stage()
    on.target.reading = [ReadFailed("down"), KeyError("a bug")]
    await on.step()
    assert on.one.state is S.SENT
    await on.step(3)
    await on.step(5)
    assert on.one.state is S.CONFIRMED


async def test_a_target_that_cannot_be_read_ends_sent() -> None:
    on = stage(spec=made_action(C, readable=False))
    await on.step()
    await on.step(100_000)
    assert on.path == [S.SENDING, S.SENT]


async def test_a_call_before_the_last_is_confirmed_by_the_state_and_expects_nothing() -> None:
    calls = (Call("create", frozenset({"draft", "waiting"})), Call("wait", frozenset({"waiting"})))
    on = stage(effect(expect={}), spec=made_action(B, calls=calls))
    on.target.reading = [document("id-k1", state="draft")]
    await on.step()
    assert (on.one.state, on.one.document_state) == (S.CONFIRMED, "draft")


async def test_a_later_call_is_pressed_again_only_when_the_state_shows_it_was_not_done() -> None:
    calls = (Call("create", frozenset({"draft", "waiting"})), Call("wait", frozenset({"waiting"})))
    unknown = effect(state=S.UNKNOWN, call="wait", remote_id="id-k1", reason="timeout")
    for state, expected in (("waiting", S.CONFIRMED), ("draft", S.PLANNED)):
        on = stage(replace(unknown), spec=made_action(B, calls=calls))
        on.target.found = [document("id-k1", state=state)]
        on.target.reading = [document("id-k1", state=state)]
        await on.step()
        assert on.one.state is expected


async def test_backoff_grows_to_ten_hours_then_a_person_is_asked() -> None:
    on = stage()
    on.target.answers = [NotSent("refused")] * 20
    waits = []
    for _ in range(9):
        before = on.clock.at
        await on.step()
        waits.append((on.one.due - before) // SECOND)
        on.clock.at = on.one.due
        on.executor._targets.clear()
    assert waits[:8] == [5, 30, 120, 600, 1800, 7200, 18000, 36000]
    assert on.one.state is S.REJECTED
    assert "9 attempts" in on.one.reason


@pytest.mark.parametrize("said", [7.0, None, 10.0**9])
async def test_a_throttling_target_is_left_alone_as_long_as_it_says_within_an_hour(said: float | None) -> None:
    on = stage(effect("k1"), effect("k2", subject="jira:2"))
    on.target.answers = [Throttled("slow down", said, not_done=True)] * 2
    await on.step()
    wait = min(said or 5, 3600)
    assert on.one.due == START + wait * SECOND
    await on.step(wait - 1)
    assert len(on.target.acts) == 2
    on.clock.at = START + int(wait) * SECOND
    await on.step(1)
    assert on.one.state is S.CONFIRMED


async def test_refused_credentials_pause_the_connection_and_every_effect_says_so() -> None:
    on = stage(effect("k1"))
    on.target.answers = [Unauthorized("401 from /api")]
    on.target.probes = [Probe(False, "still 401", "x"), Probe(True, "good again")]
    await on.step()
    on.effects.held["k2"] = effect("k2", subject="jira:2")
    await on.step(1)
    assert on.executor.paused == {"erp": "401 from /api"}
    assert all(e.reason.startswith("paused: ") for e in on.effects.held.values())
    await on.step(60)
    assert len(on.target.acts) == 1
    await on.step(61)
    await on.step(1)
    assert on.executor.paused == {}
    assert {e.state for e in on.effects.held.values()} == {S.CONFIRMED}
    assert on.effects.audits == ["connection pause", "connection resume"]


async def test_a_failing_target_gets_one_probe_a_minute() -> None:
    on = stage(*(effect(f"k{n}", subject=f"jira:{n}") for n in range(1, 31)))
    on.target.answers = [NotSent("refused")] * 100
    await on.step()
    await on.step(6)
    tried = len(on.target.acts)
    await on.step(30)
    assert len(on.target.acts) == tried
    await on.step(31)
    assert len(on.target.acts) == tried + 1


async def test_somebody_else_who_moved_the_effect_wins_silently() -> None:
    on = stage()

    async def person() -> None:
        on.effects.held["k1"] = replace(on.one, version=on.one.version + 1)

    on.target.before_answer = person
    await on.step()
    assert on.path == [S.SENDING]


async def test_a_stuck_target_call_keeps_only_its_own_lane() -> None:
    on = stage(effect("k1"), effect("k2", subject="jira:2"))
    release = asyncio.Event()

    async def stuck() -> None:
        if on.target.acts[-1].key == "k1":
            await release.wait()

    on.target.before_answer = stuck
    turn = asyncio.create_task(on.executor.turn())
    await turn
    assert on.effects.held["k2"].state is S.CONFIRMED
    assert on.one.state is S.SENDING
    release.set()
    await on.executor.stop()
    assert on.one.state is S.CONFIRMED


async def test_effects_for_one_object_never_run_side_by_side() -> None:
    on = stage(effect("k1"), effect("k2"))
    together: list[int] = []

    async def count() -> None:
        together.append(sum(e.state is S.SENDING for e in on.effects.held.values()))

    on.target.before_answer = count
    await on.step()
    await on.step()
    assert together == [1, 1]


async def test_an_effect_of_a_connection_that_is_gone_waits_and_says_so() -> None:
    on = stage(effect(connection="sap"))
    await on.step()
    assert on.one.state is S.PLANNED
    assert on.one.reason.startswith("missing: hub.yaml has no sap")


async def test_a_broken_store_stops_the_executor() -> None:
    on = stage()

    async def broken(fact: Any, now: int) -> bool:
        raise OSError("disk full")

    on.executor._facts = broken
    with pytest.raises(OSError, match="disk full"):
        await on.step()
