"""An executor among others: only the connections it holds, fenced claims, and what a former holder was sending."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from effect_stage import START, Stage, effect, stage
from effect_stage import action as made_action

from hub.engine.transaction import Guard
from hub.model.action import TargetClass
from hub.model.clock import SECOND
from hub.model.effect import Effect, EffectState

S = EffectState


@dataclass
class Held:
    """``mine``: what this process believes it holds; ``true``: whether its token still counts."""

    mine: set[str] = field(default_factory=set)
    true: bool = True

    def holds(self, connection: str) -> bool:
        return connection in self.mine

    def guard(self, connection: str) -> Guard:
        return lambda transaction: self.true


def being_sent() -> Effect:
    return effect(state=S.SENDING, attempts=1, claimed_by="other", claimed_until=START + 60 * SECOND, version=1)


async def turn(on: Stage) -> None:
    """One turn as the host gives it, and what it started."""
    async with asyncio.timeout(5):
        await on.executor.turn()
        await on.executor.stop()


async def test_effects_of_others_connections_are_left_alone() -> None:
    held = Held({"crm"})
    on = stage(effect(), effect("k2", connection="crm"), leased=held)
    await on.step()
    assert {call.key for call in on.target.acts} == {"k2"}
    held.mine.add("erp")
    await on.step()
    assert {call.key for call in on.target.acts} == {"k1", "k2"}


async def test_a_claim_under_a_lost_lease_is_refused_and_nothing_is_sent() -> None:
    on = stage(leased=Held({"erp"}, true=False))
    await on.step()
    assert on.target.acts == []
    assert on.one.state is S.PLANNED


async def test_what_was_sent_before_the_lease_was_lost_is_still_settled() -> None:
    held = Held({"erp"})
    on = stage(leased=held)

    async def lost() -> None:
        held.mine.clear()
        held.true = False

    on.target.before_answer = lost
    await on.step()
    assert on.path == [S.SENDING, S.SENT, S.CONFIRMED]


async def test_a_new_holder_does_not_take_over_at_the_start_what_others_send() -> None:
    on = stage(being_sent(), leased=Held({"erp"}))
    await turn(on)
    assert on.path == []


async def test_a_new_holder_asks_a_target_that_knows_our_key_at_once() -> None:
    on = stage(being_sent(), leased=Held({"erp"}))
    on.executor.take("erp")
    await turn(on)
    assert on.path[0] is S.UNKNOWN


@pytest.mark.parametrize("target", [TargetClass.B, TargetClass.C])
async def test_a_new_holder_lets_the_claim_run_out_where_a_frozen_sender_could_still_send(
    target: TargetClass,
) -> None:
    on = stage(being_sent(), spec=made_action(target), leased=Held({"erp"}))
    on.executor.take("erp")
    await turn(on)
    assert on.path == []
    await on.step(61)
    assert on.path[0] is S.UNKNOWN
