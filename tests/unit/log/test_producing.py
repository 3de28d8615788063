"""The shared producer with a producer made for the test: batches, order, and what one bad batch costs the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, OutOfOrderSequenceNumber
from kafka.partitioner import murmur2

from hub.log import producing as module
from hub.log.access import Access
from hub.log.producing import Away, Place, Producing
from hub.log.wire import Wire


@dataclass
class Batch:
    values: list[bytes] = field(default_factory=list)
    room: int = 4

    def append(self, *, key: bytes, value: bytes, timestamp: int | None, headers: object) -> object | None:
        if len(self.values) == self.room:
            return None
        self.values.append(value)
        return self


@dataclass
class Fake:
    """Keeps what it is sent until the test answers; ``down`` attempts to start fail."""

    partitions: int = 2
    down: int = 0
    sent: list[tuple[int, list[bytes], asyncio.Future[Any]]] = field(default_factory=list)
    stopped: bool = False
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        if self.down:
            self.down -= 1
            raise KafkaConnectionError("no broker")

    async def stop(self) -> None:
        self.stopped = True

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(self.partitions))

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sent.append((partition, batch.values, answer))
        self.came.set()
        return answer

    async def batches(self, count: int) -> list[tuple[int, list[bytes], asyncio.Future[Any]]]:
        """Once so many were sent."""
        async with asyncio.timeout(5):
            while len(self.sent) < count:
                self.came.clear()
                await self.came.wait()
        return self.sent


@pytest.fixture
async def fakes(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.001)
    return [Fake(), Fake(), Fake()]


@pytest.fixture
async def producing(fakes: list[Fake]) -> AsyncIterator[Producing]:
    waiting = list(fakes)
    made = Producing(Access(("nowhere:1",)), make=lambda: waiting.pop(0))
    yield made
    for fake in fakes:
        for _, _, answer in fake.sent:
            if not answer.done():
                answer.set_result(SimpleNamespace(offset=0))
    await made.close()


def keys(partition: int, count: int) -> list[bytes]:
    """Keys that go to that one of two partitions, by another client's reckoning."""
    found = (b"k%d" % n for n in range(1_000))
    return [key for key in found if (murmur2(key) & 0x7FFFFFFF) % 2 == partition][:count]


def put(producing: Producing, key: bytes, value: bytes) -> asyncio.Future[Place]:
    return producing.put("t", Wire(key, value, []))


async def test_what_is_put_in_one_moment_shares_a_batch_in_order(producing: Producing, fakes: list[Fake]) -> None:
    zero, one = keys(0, 1)[0], keys(1, 1)[0]
    futures = [put(producing, zero, b"a"), put(producing, one, b"b"), put(producing, zero, b"c")]
    sent = await fakes[0].batches(2)
    assert sorted((part, values) for part, values, _ in sent) == [(0, [b"a", b"c"]), (1, [b"b"])]
    for _, _, answer in sent:
        answer.set_result(SimpleNamespace(offset=7))

    assert await asyncio.gather(*futures) == [Place("t", 0, 7), Place("t", 1, 7), Place("t", 0, 8)]


async def test_a_partition_has_one_batch_under_way_and_others_go_on(producing: Producing, fakes: list[Fake]) -> None:
    zero, one = keys(0, 1)[0], keys(1, 1)[0]
    first = put(producing, zero, b"1")
    await fakes[0].batches(1)
    later = [put(producing, zero, b"%d" % n) for n in range(2, 9)]
    other = put(producing, one, b"x")
    sent = await fakes[0].batches(2)
    assert [values for _, values, _ in sent] == [[b"1"], [b"x"]]
    sent[0][2].set_result(SimpleNamespace(offset=0))
    sent[1][2].set_result(SimpleNamespace(offset=0))
    await first
    await other
    (*_, (_, values, answer)) = await fakes[0].batches(3)
    assert values == [b"2", b"3", b"4", b"5"]  # what fits; the rest with the next
    answer.set_result(SimpleNamespace(offset=1))
    (*_, (_, values, answer)) = await fakes[0].batches(4)
    answer.set_result(SimpleNamespace(offset=5))

    assert values == [b"6", b"7", b"8"]
    assert [place.offset for place in await asyncio.gather(*later)] == [1, 2, 3, 4, 5, 6, 7]


async def test_after_a_broken_batch_nothing_of_its_partition_overtakes(
    producing: Producing, fakes: list[Fake]
) -> None:
    zero, one = keys(0, 1)[0], keys(1, 1)[0]
    first, other = put(producing, zero, b"1"), put(producing, one, b"x")
    sent = await fakes[0].batches(2)
    behind = put(producing, zero, b"2")
    broken, fine = sorted(sent, key=lambda batch: batch[0])
    broken[2].set_exception(OutOfOrderSequenceNumber())
    fine[2].set_result(SimpleNamespace(offset=3))

    assert (await other).offset == 3
    for future in (first, behind):
        with pytest.raises(Away, match="OutOfOrderSequenceNumber"):
            await future
    again = put(producing, zero, b"1")
    ((_, values, answer),) = await fakes[1].batches(1)  # another producer: the sequence begins anew
    answer.set_result(SimpleNamespace(offset=9))
    assert (values, (await again).offset, fakes[0].stopped) == ([b"1"], 9, True)


async def test_it_waits_for_the_first_broker_and_keeps_the_order(producing: Producing, fakes: list[Fake]) -> None:
    fakes[0].down = fakes[1].down = 1
    futures = [put(producing, b"k", b"%d" % n) for n in range(3)]
    ((_, values, answer),) = await fakes[2].batches(1)
    answer.set_result(SimpleNamespace(offset=0))
    await asyncio.gather(*futures)

    assert (values, fakes[0].stopped, fakes[1].stopped) == ([b"0", b"1", b"2"], True, True)


async def test_closing_tells_everybody_who_still_waits(
    producing: Producing, fakes: list[Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.01)
    under_way, behind = put(producing, b"k", b"1"), None
    await fakes[0].batches(1)
    behind = put(producing, b"k", b"2")
    await producing.close()

    for future in (under_way, behind):
        with pytest.raises(Away, match="stopping"):
            await future
