"""F29: in a store that came from a backup every target is asked before anything is sent to it."""

from __future__ import annotations

from effect_stage import action as made_action
from effect_stage import document, effect, stage

from hub.connector.answers import ReadFailed, Unauthorized
from hub.model.action import Call, TargetClass
from hub.model.effect import EffectState

S = EffectState


async def test_what_the_target_holds_is_adopted_and_read_back() -> None:
    on = stage(restored=True)
    on.target.found = [document("id-k1")]
    await on.step()
    assert on.target.acts == []
    assert on.path == [S.SENDING, S.SENT, S.CONFIRMED]
    assert on.one.remote_id == "id-k1"


async def test_what_the_target_does_not_hold_is_sent() -> None:
    on = stage(restored=True)
    await on.step()
    assert len(on.target.acts) == 1
    assert on.path == [S.SENDING, S.SENT, S.CONFIRMED]


async def test_while_the_target_cannot_be_asked_nothing_is_sent() -> None:
    on = stage(restored=True)
    on.target.found = [ReadFailed("no answer"), Unauthorized("who are you?"), document("id-k1")]
    await on.step()
    assert (on.path, on.target.acts) == ([S.PLANNED], [])
    await on.step(2)
    assert (on.path, on.target.acts) == ([S.PLANNED] * 2, [])
    assert on.executor.paused == {"erp": "who are you?"}


async def test_a_call_that_is_not_done_yet_is_made() -> None:
    """The document of the first call is there; the second one is still owed."""
    calls = (Call("create"), Call("submit", frozenset({"submitted"})))
    spec = made_action(TargetClass.B, calls=calls)
    on = stage(effect(step="purchase/2-submit", call="submit", remote_id="id-k1"), spec=spec, restored=True)
    on.target.found = [document("id-k1", state="draft")]
    await on.step()
    assert [one.call for one in on.target.acts] == ["submit"]


async def test_a_store_that_was_never_restored_asks_nothing_first() -> None:
    on = stage()
    on.target.found = [document("id-k1")]
    await on.step()
    assert len(on.target.acts) == 1
