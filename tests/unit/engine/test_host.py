"""The embedded host: roles turn until nothing is due, are woken by writes and by time, and stop at the first bug."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from hub.engine.embedded import Host, Turn
from hub.model.clock import NEVER, SECOND, Micros


class Clock:
    time: Micros = 1_000 * SECOND

    def now(self) -> Micros:
        return self.time


class Store:
    """Signs of foreign writes and what is due when, as a test sets them: nothing is known of any role."""

    version = 1

    def __init__(self, **due: Micros) -> None:
        self.due = due

    async def data_version(self) -> int:
        return self.version

    def dues(self) -> Mapping[str, Micros]:
        return self.due


class Work:
    """A role with so much to do; ``turned`` rings after each turn."""

    def __init__(self, amount: int = 0) -> None:
        self.left, self.turns = amount, 0
        self.turned = asyncio.Event()

    async def turn(self) -> int:
        self.turns += 1
        self.turned.set()
        self.left, done = max(self.left - 1, 0), min(self.left, 1)
        return done


def host_of(store: Store, clock: Clock, **roles: Turn) -> Host:
    return Host(roles, store, clock)


async def test_every_role_turns_until_nothing_is_left() -> None:
    some, none = Work(5), Work()
    host = host_of(Store(), Clock(), some=some.turn, none=none.turn)
    await host.start()
    async with asyncio.timeout(5):
        await host.idle()
    assert some.left == 0
    assert [(role.name, role.done) for role in host.roles] == [("some", 5), ("none", 0)]
    await host.stop()


async def test_what_one_role_did_wakes_the_others() -> None:
    second, given = Work(), []

    async def first() -> int:
        await second.turned.wait()
        if given:
            return 0
        given.append(True)
        second.left = 1
        return 1

    host = host_of(Store(), Clock(), first=first, second=second.turn)
    await host.start()
    async with asyncio.timeout(5):
        await host.idle()
    assert (second.left, second.turns > 1) == (0, True)
    await host.stop()


async def test_a_write_of_another_process_wakes_every_role() -> None:
    work, store = Work(), Store()
    host = host_of(store, Clock(), work=work.turn)
    await host.start()
    await host.idle()
    work.turned.clear()
    store.version += 1
    async with asyncio.timeout(5):
        await work.turned.wait()
    await host.stop()


async def test_something_falling_due_wakes_its_role_alone() -> None:
    work, other, clock = Work(), Work(), Clock()
    store = Store(work=clock.time + 60 * SECOND, other=NEVER)
    host = host_of(store, clock, work=work.turn, other=other.turn)
    await host.start()
    await host.idle()
    work.turned.clear()
    before = other.turns
    clock.time += 61 * SECOND
    async with asyncio.timeout(5):
        await work.turned.wait()
    assert other.turns == before
    await host.stop()


async def test_a_look_rings_what_is_due_and_those_nobody_can_tell_of() -> None:
    host = host_of(Store(due=5, later=NEVER), Clock(), due=Work().turn, later=Work().turn, unknown=Work().turn)
    for role in host.roles:
        role.busy = False
    host.wake()
    assert [role.name for role in host.roles if role.busy] == ["due", "unknown"]
    host.ring("later")
    assert all(role.busy for role in host.roles)


async def test_a_bell_rung_during_a_turn_is_not_lost() -> None:
    turns = 0

    async def turn() -> int:
        nonlocal turns
        turns += 1
        if turns == 1:
            host.wake()
        return 0

    host = host_of(Store(), Clock(), work=turn)
    await host.start()
    async with asyncio.timeout(5):
        await host.idle()
    assert turns >= 2
    await host.stop()


async def test_a_role_that_raises_stops_the_host_and_says_why() -> None:
    async def broken() -> int:
        raise ZeroDivisionError("a bug")

    work = Work()
    host = host_of(Store(), Clock(), broken=broken, work=work.turn)
    await host.start()
    async with asyncio.timeout(5):
        await host.stopping.wait()
        with pytest.raises(ZeroDivisionError):
            await host.idle()
    await host.stop()
    assert isinstance(host.failure, ZeroDivisionError)


async def test_a_store_that_breaks_under_the_watch_stops_the_host_too() -> None:
    class Broken(Store):
        async def data_version(self) -> int:
            raise OSError("disk I/O error")

    host = host_of(Broken(), Clock(), work=Work().turn)
    await host.start()
    async with asyncio.timeout(5):
        await host.stopping.wait()
    await host.stop()
    assert isinstance(host.failure, OSError)


async def test_stopping_lets_the_turn_under_way_finish() -> None:
    inside, go_on, finished = asyncio.Event(), asyncio.Event(), []

    async def slow() -> int:
        inside.set()
        await go_on.wait()
        finished.append(True)
        return 0

    host = host_of(Store(), Clock(), slow=slow)
    await host.start()
    await inside.wait()
    stopping = asyncio.create_task(host.stop())
    await host.stopping.wait()
    assert not stopping.done()
    go_on.set()
    await stopping
    assert finished == [True]


async def test_each_role_has_its_bell() -> None:
    host = host_of(Store(), Clock(), one=Work().turn, other=Work().turn)
    assert host.bell("one") is not host.bell("other")
