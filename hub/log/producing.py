"""One idempotent producer for the whole process; records of concurrent callers share batches and requests.

There is no linger: while one round of batches is with the brokers, what comes meanwhile makes up the next. A
partition has one batch under way, so its order is the order of ``put``; a partition whose leader is away is left
out of later rounds and holds up nobody else. The producer repeats a batch for as long as it takes, under the same
sequence number: an acknowledgement that got lost doubles nothing. It must not know what the records mean.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from hub.errors import RetryableError
from hub.log.access import Access
from hub.log.topics import MESSAGE_BYTES_MAX
from hub.log.wire import Wire

BATCH_BYTES = 1 << 20
ROUND_SECONDS = 0.02
"""How long a round is waited for before the partitions that are free may begin the next one."""
REQUEST_MS = 30_000
CONNECT_SECONDS = 1.0
"""Between two attempts to reach any broker."""
LEARN_SECONDS = 5.0
"""How long the brokers may take to say how many partitions a topic has."""
STOP_SECONDS = 2.0

logger = structlog.get_logger()
Made = Callable[[], Any]


class Away(RetryableError):
    """The brokers do not take a record now; it is nowhere, or they have it and could not say so."""

    slug = "kafka-away"


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


class Sent(NamedTuple):
    """A record on its way; ``at`` in milliseconds, None for now."""

    wire: Wire
    at: int | None
    future: asyncio.Future[Place]


@dataclass(slots=True)
class Lane:
    """One partition of one topic."""

    topic: str
    partition: int
    pending: deque[Sent] = field(default_factory=deque)
    taken: list[Sent] = field(default_factory=list)
    """What is with the brokers now."""
    busy: bool = False


class Producing:
    """``put`` records; each future resolves when all in-sync replicas have the record."""

    def __init__(self, access: Access, client: str = "hub", make: Made | None = None) -> None:
        """``make``: another way to make a producer, for tests."""
        self._make = make or (lambda: _producer(access, client))
        self._producer: Any = None
        self._up = asyncio.Event()
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._counts: dict[str, int] = {}
        self._unknown: dict[str, list[Sent]] = {}
        self._ready: dict[tuple[str, int], Lane] = {}
        self._some = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._main: asyncio.Task[None] | None = None

    def put(self, topic: str, wire: Wire, at: int | None = None) -> asyncio.Future[Place]:
        """Queue one record; what is put first into a partition gets there first. Must run in the event loop."""
        if self._main is None:
            self._main = asyncio.create_task(self._run())
        sent = Sent(wire, at, asyncio.get_running_loop().create_future())
        count = self._counts.get(topic)
        if count is not None:
            self._enqueue(topic, count, sent)
        elif topic in self._unknown:
            self._unknown[topic].append(sent)
        else:
            self._unknown[topic] = [sent]
            self._spawn(self._learn(topic))
        return sent.future

    async def close(self) -> None:
        """Let what is under way arrive, for a moment; what does not gets ``Away``."""
        if under_way := [one.future for waiting in self._waiting() for one in waiting]:
            await asyncio.wait(under_way, timeout=STOP_SECONDS)
        ending = [task for task in (self._main, *self._tasks) if task is not None]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        if self._producer is not None:
            await _stop(self._producer)
        for waiting in self._waiting():
            _fail(waiting, Away("the hub is stopping"))

    def _waiting(self) -> list[Collection[Sent]]:
        found: list[Collection[Sent]] = list(self._unknown.values())
        for lane in self._lanes.values():
            found += (lane.taken, lane.pending)
        return found

    def _enqueue(self, topic: str, count: int, sent: Sent) -> None:
        place = topic, _hash(sent.wire.key) % count
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = Lane(*place)
        lane.pending.append(sent)
        if not lane.busy:
            self._ready[place] = lane
            self._some.set()

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            if self._producer is None:
                self._producer = await self._connected()
                self._up.set()
            lanes, self._ready = self._ready, {}
            shipped = [await self._ship(self._producer, lane) for lane in lanes.values()]
            under_way = [answer for answer in shipped if answer is not None]
            if under_way:
                await asyncio.wait(under_way, timeout=ROUND_SECONDS)

    async def _ship(self, producer: Any, lane: Lane) -> asyncio.Future[Any] | None:
        """Hand over one batch of a partition; gives the future of the brokers' answer to it."""
        lane.busy, lane.taken = True, []
        try:
            batch = producer.create_batch()
            while lane.pending and _appended(batch, lane.pending[0]):
                lane.taken.append(lane.pending.popleft())
            answer: asyncio.Future[Any] = await producer.send_batch(batch, lane.topic, partition=lane.partition)
        except Exception as error:  # noqa: BLE001 - every caller gets it, and what follows in this partition too
            self._broken(producer, lane, error)
            lane.busy = False
            return None
        answer.add_done_callback(lambda done: self._answered(producer, lane, done))
        return answer

    def _answered(self, producer: Any, lane: Lane, done: asyncio.Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or error is not None:
            self._broken(producer, lane, error or Away("cancelled"))
        else:
            offset = done.result().offset
            for n, sent in enumerate(lane.taken):
                if not sent.future.done():
                    sent.future.set_result(Place(lane.topic, lane.partition, offset + n))
        lane.busy, lane.taken = False, []
        if lane.pending:
            self._ready[lane.topic, lane.partition] = lane
            self._some.set()

    def _broken(self, producer: Any, lane: Lane, error: BaseException) -> None:
        """What follows in this partition must not overtake; the sequence is broken, so another producer goes on."""
        logger.error("refused", action="kafka.refused", topic=lane.topic, reason=f"{type(error).__name__}: {error}")
        away = Away(f"{lane.topic}: {type(error).__name__}", why=str(error), fix="see hub topics plan, hub doctor")
        away.__cause__ = error
        _fail((*lane.taken, *lane.pending), away)
        lane.taken = []
        lane.pending.clear()
        self._counts.pop(lane.topic, None)
        if producer is self._producer:
            self._producer = None
            self._up.clear()
            self._spawn(_flushed(producer))

    async def _learn(self, topic: str) -> None:
        """How many partitions there are; then what waits for it goes on, in order."""
        try:
            self._some.set()  # connects, where it is not
            async with asyncio.timeout(LEARN_SECONDS):
                await self._up.wait()
                count = len(await self._producer.partitions_for(topic))
        except (KafkaError, TimeoutError) as error:
            fix = "start the brokers; hub topics plan says whether the topic is missing"
            away = Away(f"no broker tells about {topic}", why=f"{type(error).__name__} {error}".strip(), fix=fix)
            _fail(self._unknown.pop(topic), away)
            return
        self._counts[topic] = count
        for sent in self._unknown.pop(topic):
            self._enqueue(topic, count, sent)

    async def _connected(self) -> Any:
        """A started producer, however long that takes."""
        told = False
        while True:
            producer = self._make()
            try:
                await producer.start()
            except (KafkaError, OSError) as error:
                if not told:
                    logger.warning("no broker", action="kafka.away", reason=str(error))
                told = True
                await _stop(producer)
                await asyncio.sleep(CONNECT_SECONDS)
            except asyncio.CancelledError:
                await _stop(producer)
                raise
            else:
                return producer

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _producer(access: Access, client: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        **access.arguments(),
        client_id=client,
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
        max_request_size=MESSAGE_BYTES_MAX,
        request_timeout_ms=REQUEST_MS,
        metadata_max_age_ms=60_000,
    )


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    """As every Kafka client does it, so that a key's partition is the same whoever writes."""
    return int(murmur2(key)) & 0x7FFFFFFF


def _appended(batch: Any, sent: Sent) -> bool:
    wire = sent.wire
    return batch.append(key=wire.key, value=wire.value, timestamp=sent.at, headers=wire.headers) is not None


def _fail(waiting: Iterable[Sent], error: Exception) -> None:
    for sent in waiting:
        if not sent.future.done():
            sent.future.set_exception(error)
            sent.future.exception()  # whoever asked may have left; nobody else misses it


async def _flushed(producer: Any) -> None:
    """Let go of it once what it still has under way is through, however long that takes."""
    try:
        await producer.stop()
    except KafkaError:
        await producer.client.close()


async def _stop(producer: Any) -> None:
    """Let go of it; one that cannot flush is not waited for."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await producer.stop()
    except (KafkaError, TimeoutError):
        await producer.client.close()
