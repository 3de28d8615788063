"""Class B proved: the executor's own moves against a real Tryton whose answers get lost. Only the clock is ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from connectors.tryton.connector import TrytonConnector
from connectors.tryton.paper import CREATE
from hub.connector.base import Connector
from hub.connector.suite.meddler import Meddler, serving
from hub.effect.attempt import Attempt
from hub.effect.breaker import Target
from hub.mapping.catalog import ConnectionFacts
from hub.model.action import ActionSpec, next_call
from hub.model.clock import SECOND, Micros
from hub.model.effect import Effect, EffectState, check_transition, effect_key
from hub.model.fact import EffectMoved, Fact
from tests.tryton_proxy import proxy
from tests.tryton_server import Tryton

pytestmark = pytest.mark.real_server
QUIESCE_SECONDS = 5
PAYLOAD = {
    "title": "Effects",
    "requester": "E1003",
    "needed_by": "2026-06-01",
    "lines": [
        {"product": "SENSOR-T1", "quantity": "3", "unit_price": {"amount": "1234.56", "currency": "CNY"}},
    ],
}
EXPECT = {"total": {"amount": "3703.68", "currency": "CNY"}}
ANSWER_LOST = {"kind": "lose", "after": True}
REQUEST_LOST = {"kind": "lose"}
SERVER_ERROR = {"kind": "status", "after": True, "status": 502, "body": b"<html>bad gateway</html>"}


@dataclass
class Desk:
    """The effects of one requisition and what the host does for them: facts, clock, the choice of the next call."""

    connector: Connector
    meddler: Meddler
    subject: str
    time: Micros = 1_000_000 * SECOND
    seen: list[EffectState] = field(default_factory=list)

    def now(self) -> Micros:
        return self.time

    @property
    def action(self) -> ActionSpec:
        found = self.connector.spec.action(CREATE)
        assert found is not None
        return found

    def plan(self, call: str, remote_id: str = "") -> Effect:
        keys = {name: effect_key("t", "buy", self.subject, "1", f"purchase/{name}", "") for name in ("create", call)}
        return Effect(
            key=keys[call],
            reference=keys["create"],
            integration="t",
            loop="buy",
            step=f"purchase/{call}",
            item="",
            subject=self.subject,
            connection="tryton",
            action=CREATE,
            call=call,
            target="B",
            state=EffectState.PLANNED,
            payload=PAYLOAD,
            expect=EXPECT,
            logic="",
            planned_at=self.time,
            due=self.time,
            remote_id=remote_id,
        )

    async def settle(self, effect: Effect) -> Effect:
        """Go on until the effect rests, as the host would: each time when it is due."""
        for _ in range(12):
            self.time = max(self.time, effect.due)
            attempt = self.attempt(effect)
            await attempt.go()
            effect = attempt.effect
            if effect.state in (EffectState.CONFIRMED, EffectState.REJECTED, EffectState.HUMAN, EffectState.MISMATCH):
                return effect
        raise AssertionError(f"{effect.step} does not settle: {self.seen}")

    def attempt(self, effect: Effect) -> Attempt:
        connection = ConnectionFacts("tryton", "tryton", {CREATE: self.action}, True, QUIESCE_SECONDS)

        async def facts(fact: Fact, now: Micros) -> bool:
            assert isinstance(fact, EffectMoved)
            before = self.seen[-1] if self.seen else EffectState.PLANNED
            if fact.to is not before:
                check_transition(before, fact.to)
                self.seen.append(fact.to)
            return True

        return Attempt(effect, self.connector, self.action, connection, Target(), facts, self, lambda: 0.5, "test")

    async def finish(self, faults: dict[str, dict[str, Any]]) -> Effect:
        """The whole action, a fault at some of its calls."""
        state, remote, effect = None, "", None
        while step := next_call(self.action, state):
            self.seen.clear()
            if fault := faults.get(step.name):
                self.meddler.plan(methods={"POST"}, **fault)
            effect = await self.settle(self.plan(step.name, remote))
            assert effect.state is EffectState.CONFIRMED, (effect.state, effect.reason)
            assert (EffectState.UNKNOWN in self.seen) is (step.name in faults)
            state, remote = effect.document_state, effect.remote_id
        assert effect is not None
        return effect


@pytest.fixture
async def desk(tryton: Tryton, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    settings, secrets = {"database": tryton.database}, {"key": ("held by the proxy",)}
    async with serving(proxy(tryton), TrytonConnector, settings, secrets) as (connector, meddler):
        assert (await connector.probe()).ok  # the company is asked for now, so that a fault hits the write
        yield Desk(connector, meddler, request.node.nodeid)


@pytest.mark.parametrize("fault", [ANSWER_LOST, REQUEST_LOST, SERVER_ERROR], ids=["answer", "request", "gateway"])
@pytest.mark.parametrize("calls", [("create",), ("wait",), ("approve",), ("create", "wait", "approve")], ids="-".join)
async def test_a_lost_answer_at_any_call_ends_in_one_approved_requisition(
    desk: Desk, tryton: Tryton, calls: tuple[str, ...], fault: dict[str, Any]
) -> None:
    last = await desk.finish(dict.fromkeys(calls, fault))
    assert last.read_back is not None
    assert last.read_back["total"] == EXPECT["total"]
    found = tryton.requisitions(f"[hub:{last.reference}]")
    assert [row["id"] for row in found] == [int(last.remote_id)]
    assert found[0]["state"] in ("approved", "processing")


async def test_an_unknown_create_is_looked_up_only_after_the_quiesce_time(desk: Desk) -> None:
    desk.meddler.plan(methods={"POST"}, **ANSWER_LOST)
    attempt = desk.attempt(desk.plan("create"))
    await attempt.go()
    assert attempt.effect.state is EffectState.UNKNOWN
    assert attempt.effect.due == desk.time + QUIESCE_SECONDS * SECOND


async def test_a_total_that_is_not_as_expected_is_a_mismatch_and_never_sent_again(desk: Desk, tryton: Tryton) -> None:
    first = await desk.settle(desk.plan("create"))
    desk.seen.clear()
    second = await desk.settle(desk.plan("wait", first.remote_id))
    desk.seen.clear()
    wrong = {"total": {"amount": "3703.69", "currency": "CNY"}}
    last = await desk.settle(replace(desk.plan("approve", second.remote_id), expect=wrong))
    assert last.state is EffectState.MISMATCH
    assert "3703.68" in last.reason
    assert len(tryton.requisitions(f"[hub:{last.reference}]")) == 1
