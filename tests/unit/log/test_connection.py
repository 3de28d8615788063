"""One connection on its way to brokers that stop and come back: nothing lost, doubled or overtaken."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hub.errors import RetryableError
from hub.log import connection as module
from hub.log.connection import Connection
from hub.log.producing import Away, Place
from hub.log.reserve import Reserve
from hub.log.spool import spooled
from hub.log.spooling import Spooling
from hub.log.wire import Wire
from tests.stores import StandingClock

FULL = (1 << 20, 100 << 30)
ROOM = (50 << 30, 100 << 30)


@dataclass
class Brokers:
    """What a producer looks like from above: holds what it cannot deliver, in order, until the brokers are back."""

    log: list[bytes] = field(default_factory=list)
    held: list[tuple[bytes, asyncio.Future[Place]]] = field(default_factory=list)
    up: bool = True
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, topic: str, wire: Wire) -> asyncio.Future[Place]:
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self.held.append((wire.value, future))
        self.asked.set()
        if self.up:
            asyncio.get_running_loop().call_soon(self.deliver)
        return future

    def deliver(self) -> None:
        if not self.up:
            return
        held, self.held = self.held, []
        for value, future in held:
            self.log.append(value)
            future.set_result(Place("t", 0, len(self.log) - 1))

    def come_back(self) -> None:
        self.up = True
        self.deliver()

    def refuse(self) -> None:
        """The sequence is broken: nothing of what is held was written."""
        held, self.held = self.held, []
        for _, future in held:
            future.set_exception(Away("refused"))


class Stage:
    def __init__(self, folder: Path, patience: float = 0.02) -> None:
        self.folder, self.space = folder, ROOM
        self.clock = StandingClock()
        self.brokers = Brokers()
        self.spooling = Spooling(folder, Reserve(folder, self.clock, lambda path: self.space))
        self.connection = Connection("jira", "t", self.brokers, self.spooling, patience)  # type: ignore[arg-type]

    async def add(self, *values: bytes) -> None:
        await self.connection.add([Wire(b"k", value, [("origin", b"webhook")]) for value in values])

    async def straight_again(self) -> None:
        if self.connection.behind:
            async with asyncio.timeout(10):
                await self.connection.draining  # type: ignore[misc]

    async def close(self) -> None:
        await self.connection.close()
        await self.spooling.close()


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.001)
    made = Stage(tmp_path)
    yield made
    await made.close()


async def test_while_the_brokers_answer_nothing_is_spooled(stage: Stage) -> None:
    await stage.add(b"1", b"2")
    await asyncio.gather(stage.add(b"3"), stage.add(b"4"))

    assert stage.brokers.log == [b"1", b"2", b"3", b"4"]
    assert (spooled(stage.folder), stage.connection.behind) == ({}, False)


async def test_what_is_not_acknowledged_in_time_is_answered_from_the_spool(stage: Stage) -> None:
    stage.brokers.up = False
    await asyncio.gather(stage.add(b"1"), stage.add(b"2"))
    await stage.add(b"3")

    assert spooled(stage.folder) == {"jira": 3}
    assert stage.brokers.log == []


async def test_the_spool_is_drained_in_order_and_nothing_is_doubled(stage: Stage) -> None:
    stage.brokers.up = False
    await asyncio.gather(stage.add(b"1"), stage.add(b"2"))
    await stage.add(b"3")
    stage.brokers.come_back()
    await stage.straight_again()
    await stage.add(b"4")

    assert stage.brokers.log == [b"1", b"2", b"3", b"4"]
    assert spooled(stage.folder) == {}


async def test_what_was_refused_is_sent_again_before_what_came_later(stage: Stage) -> None:
    stage.brokers.up = False
    first = asyncio.ensure_future(stage.add(b"1"))
    await stage.brokers.asked.wait()
    stage.brokers.refuse()
    await first
    await stage.add(b"2")
    stage.brokers.come_back()
    await stage.straight_again()

    assert stage.brokers.log == [b"1", b"2"]


async def test_a_refusal_is_answered_at_once_however_patient_it_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path, patience=3_600)
    stage.brokers.up = False
    adding = asyncio.ensure_future(stage.add(b"1"))
    await stage.brokers.asked.wait()
    stage.brokers.refuse()
    async with asyncio.timeout(5):
        await adding

    assert spooled(tmp_path) == {"jira": 1}
    await stage.close()


async def test_what_is_being_spooled_while_the_last_look_finds_nothing_is_not_forgotten(stage: Stage) -> None:
    looked, go = threading.Event(), threading.Event()
    take = stage.spooling._spool.take

    def slow(connection: str) -> object:
        found = take(connection)
        looked.set()
        go.wait(5)
        return found

    stage.brokers.up = False
    await stage.add(b"1")
    stage.spooling._spool.take = slow  # type: ignore[assignment, method-assign]
    stage.brokers.come_back()
    await asyncio.to_thread(looked.wait, 5)
    second = asyncio.ensure_future(stage.add(b"2"))
    await asyncio.sleep(0)
    go.set()
    await second
    await stage.straight_again()

    assert stage.brokers.log == [b"1", b"2"]
    assert spooled(stage.folder) == {}


async def test_a_full_disk_refuses_instead_of_promising(stage: Stage) -> None:
    stage.brokers.up, stage.space = False, FULL
    with pytest.raises(RetryableError, match="kept in reserve"):
        await stage.add(b"1")
    with pytest.raises(RetryableError, match="kept in reserve"):
        await stage.add(b"2")

    assert spooled(stage.folder) == {}


async def test_a_full_disk_matters_only_when_the_spool_is_needed(stage: Stage) -> None:
    stage.space = FULL
    await stage.add(b"1")

    assert stage.brokers.log == [b"1"]


async def test_a_caller_that_leaves_stops_nothing(stage: Stage) -> None:
    stage.brokers.up = False
    await stage.add(b"1")
    leaving = asyncio.ensure_future(stage.add(b"2"))
    await asyncio.sleep(0)
    leaving.cancel()
    await stage.add(b"3")
    stage.brokers.come_back()
    await stage.straight_again()

    assert stage.brokers.log == [b"1", b"2", b"3"]
    assert spooled(stage.folder) == {}


async def test_what_a_dead_process_left_is_sent_first(tmp_path: Path, stage: Stage) -> None:
    stage.brokers.up = False
    await stage.add(b"1")
    await stage.add(b"2")
    await stage.close()
    again = Stage(tmp_path)
    assert again.spooling.left() == {"jira": 2}
    again.connection.fall_behind()
    await asyncio.gather(again.add(b"3"), again.add(b"4"))
    await again.straight_again()

    assert again.brokers.log[:2] == [b"1", b"2"]
    assert sorted(again.brokers.log[2:]) == [b"3", b"4"]
    await again.close()
    stage.spooling = Spooling(tmp_path, Reserve(tmp_path, stage.clock))  # for the fixture to close


async def test_newcomers_are_not_kept_waiting_for_slow_brokers(stage: Stage) -> None:
    stage.brokers.up = False
    await stage.add(b"1")
    stage.brokers.come_back()
    stage.brokers.up = False  # away again: what is spooled next stays unacknowledged
    async with asyncio.timeout(5):
        for n in range(5):
            await stage.add(b"%d" % n)

    assert spooled(stage.folder)["jira"] >= 5


@pytest.mark.parametrize("seed", range(25))
async def test_whatever_the_brokers_do_each_delivery_arrives_once_and_in_order(stage: Stage, seed: int) -> None:
    """Senders wait for their answer, as a source does for one object; meanwhile brokers stop, refuse, come back."""
    chance = random.Random(seed)

    async def sender(name: int) -> None:
        for n in range(30):
            await stage.add(b"%d/%02d" % (name, n))
            await asyncio.sleep(chance.choice((0, 0, 0.0005)))

    async def weather() -> None:
        while True:
            await asyncio.sleep(chance.choice((0.001, 0.01, 0.04)))
            stage.brokers.up = False
            await asyncio.sleep(chance.choice((0.001, 0.01, 0.04)))
            if chance.random() < 0.4:
                stage.brokers.refuse()
            stage.brokers.come_back()

    storm = asyncio.ensure_future(weather())
    async with asyncio.timeout(30):
        await asyncio.gather(*(sender(name) for name in range(6)))
    storm.cancel()
    stage.brokers.come_back()
    await stage.straight_again()

    log = stage.brokers.log
    assert sorted(log) == sorted(b"%d/%02d" % (name, n) for name in range(6) for n in range(30))
    for name in range(6):
        mine = [value for value in log if value.startswith(b"%d/" % name)]
        assert mine == sorted(mine)
    assert spooled(stage.folder) == {}
