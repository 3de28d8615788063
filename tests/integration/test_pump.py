"""The pump on a real broker: the row says where to read, whatever rebalances, fails or is moved meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec

from hub.engine.pump import Pump
from hub.errors import ConfigError, FatalError, RetryableError

pytestmark = pytest.mark.real_server
SECONDS = 40


class Rows:
    """Checkpoint rows in memory, and what was settled. ``before`` may raise or wait inside ``apply``."""

    def __init__(self) -> None:
        self.at: dict[tuple[str, int], int] = {}
        self.settled: list[tuple[int, int]] = []
        self.values: list[bytes] = []
        self.before: Callable[[], Any] = lambda: None

    async def load(self, topic: str, partition: int) -> int | None:
        return self.at.get((topic, partition))

    async def create(self, topic: str, partition: int, offset: int) -> int:
        return self.at.setdefault((topic, partition), offset)

    async def apply(self, topic: str, partition: int, old: int, new: int, records: Sequence[Any]) -> bool:
        if (waiting := self.before()) is not None:
            await waiting
        if self.at[topic, partition] != old:
            return False
        self.at[topic, partition] = new
        self.settled += [(partition, record.offset) for record in records]
        self.values += [record.value for record in records]
        return True


class Stage:
    """One topic, its rows, and pumps on it."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.bootstrap, self.topic, self.rows = bootstrap, topic, Rows()

    @asynccontextmanager
    async def pump(self, **options: Any) -> AsyncIterator[Pump]:
        consumer = {
            "bootstrap_servers": self.bootstrap,
            "group_id": self.topic,
            "session_timeout_ms": 6_000,
            "heartbeat_interval_ms": 500,
        }
        pump = Pump([self.topic], self.rows, consumer, **options)
        await pump.start()
        try:
            yield pump
        finally:
            await pump.stop()

    async def send(self, count: int, *, transaction: str = "", commit: bool = True, keys: int = 7) -> None:
        more = {"transactional_id": transaction} if transaction else {}
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, enable_idempotence=True, **more)
        await producer.start()
        try:
            if transaction:
                await producer.begin_transaction()
            for number in range(count):
                await producer.send(self.topic, b"kept" if commit else b"aborted", key=b"%d" % (number % keys))
            await producer.flush()
            if transaction:
                await (producer.commit_transaction() if commit else producer.abort_transaction())
        finally:
            await producer.stop()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not true():  # noqa: ASYNC110 - a broker rings no bell
                await asyncio.sleep(0.02)

    def exact(self, count: int) -> None:
        """Every offset of every partition once, in order."""
        assert len(self.rows.settled) == count
        for partition in {one for one, _ in self.rows.settled}:
            offsets = [offset for where, offset in self.rows.settled if where == partition]
            assert offsets == list(range(len(offsets)))

    def admin(self) -> Any:
        return closing(KafkaAdminClient(bootstrap_servers=self.bootstrap))

    def committed(self) -> dict[int, int]:
        with self.admin() as admin:
            return {
                tp.partition: one.offset for tp, one in admin.list_group_offsets([self.topic])[self.topic].items()
            }


@pytest.fixture
def stage(kafka: str, topic_prefix: str) -> Stage:
    stage = Stage(kafka, f"{topic_prefix}.delivery.jira")
    with stage.admin() as admin:
        admin.create_topics({stage.topic: {"num_partitions": 4, "replication_factor": 1}}, wait_for_metadata=True)
    return stage


async def test_partitions_are_shared_and_change_hands_without_a_gap_or_a_repetition(stage: Stage) -> None:
    await stage.send(2_000)
    async with stage.pump(batch=50) as first:
        await stage.until(lambda: len(stage.rows.settled) > 200)
        async with stage.pump(batch=50) as second:
            await stage.until(lambda: len(second.at) == 2 == len(first.at))
            await stage.send(2_000)
            await stage.until(lambda: len(stage.rows.settled) >= 4_000)
            assert second.figures.records > 0
        await stage.send(500)
        await stage.until(lambda: len(stage.rows.settled) >= 4_500)
    stage.exact(4_500)


async def test_the_row_counts_and_not_the_offset_kafka_has(stage: Stage) -> None:
    await stage.send(100, keys=1)
    async with stage.pump() as pump:
        await stage.until(lambda: len(stage.rows.settled) == 100)
        await stage.until(lambda: sum(stage.committed().values()) == 100)
        (partition,) = {one for one, _ in stage.rows.settled}
    stage.rows.at[stage.topic, partition] = 40
    async with stage.pump():
        await stage.until(lambda: len(stage.rows.settled) == 160)
    assert [offset for _, offset in stage.rows.settled[100:]] == list(range(40, 100))
    assert pump.figures.refused == 0


async def test_a_row_moved_by_hand_is_noticed_by_a_busy_partition_and_by_an_idle_one(stage: Stage) -> None:
    await stage.send(100, keys=1)
    async with stage.pump() as pump:
        await stage.until(lambda: len(stage.rows.settled) == 100)
        place = stage.topic, stage.rows.settled[0][0]
        stage.rows.at[place] = 90
        await stage.until(lambda: len(stage.rows.settled) == 110)  # idle: no record comes
        assert pump.figures.refused == 0
        stage.rows.at[place] = 50
        await stage.send(1, keys=1)
        await stage.until(lambda: stage.rows.at[place] == 101)
    assert [offset for _, offset in stage.rows.settled[110:]] == list(range(50, 101))


async def test_a_database_that_is_away_delays_and_nothing_else(stage: Stage) -> None:
    await stage.send(300)
    left = 3

    def away() -> None:
        nonlocal left
        if left:
            left -= 1
            raise RetryableError("the database is away")

    stage.rows.before = away
    async with stage.pump(batch=50) as pump:
        await stage.until(lambda: len(stage.rows.settled) >= 300)
        assert pump.crash_reason is None
    stage.exact(300)


async def test_a_batch_that_hangs_gives_way_and_comes_again(stage: Stage) -> None:
    await stage.send(200)
    hang = [asyncio.Event().wait]
    stage.rows.before = lambda: hang.pop()() if hang else None
    async with stage.pump(bound=0.3):
        await stage.until(lambda: len(stage.rows.settled) >= 200)
    stage.exact(200)


async def test_a_bug_stops_the_service_with_nothing_acknowledged(stage: Stage) -> None:
    await stage.send(10)

    def bug() -> None:
        raise ZeroDivisionError("a bug")

    stage.rows.before = bug
    async with stage.pump() as pump:
        await stage.until(lambda: pump.crashed)
        assert isinstance(pump.crash_reason, ZeroDivisionError)
    assert set(stage.rows.at.values()) == {0}
    assert stage.committed() == {}


async def test_aborted_transactions_are_not_seen_and_the_hint_stands_behind_their_markers(stage: Stage) -> None:
    await stage.send(40, transaction=f"{stage.topic}-a", keys=1)
    await stage.send(20, transaction=f"{stage.topic}-b", commit=False, keys=1)
    async with stage.pump():
        await stage.until(lambda: len(stage.rows.settled) == 40)
        with stage.admin() as admin:
            partition = stage.rows.settled[0][0]
            place = TopicPartition(stage.topic, partition)
            end = admin.list_partition_offsets({place: OffsetSpec.LATEST})[place].offset
        await stage.until(lambda: stage.committed().get(partition) == end)
    assert set(stage.rows.values) == {b"kept"}
    assert end == 62


async def test_records_deleted_before_they_were_read_stop_it_loudly(stage: Stage) -> None:
    await stage.send(50, keys=1)
    async with stage.pump():
        await stage.until(lambda: len(stage.rows.settled) == 50)
    place = stage.topic, stage.rows.settled[0][0]
    stage.rows.at[place] = 10
    with stage.admin() as admin:
        admin.delete_records({TopicPartition(*place): 30})
    async with stage.pump() as pump:
        await stage.until(lambda: pump.crashed)
        assert isinstance(pump.crash_reason, FatalError)
        assert "deleted before they were read" in str(pump.crash_reason)
    assert stage.rows.at[place] == 10


async def test_a_topic_that_is_not_there_is_said_and_not_made(kafka: str, topic_prefix: str) -> None:
    stage = Stage(kafka, f"{topic_prefix}.delivery.nobody")
    async with stage.pump() as pump:
        await stage.until(lambda: pump.crashed)
        assert isinstance(pump.crash_reason, ConfigError)
        assert pump.crash_reason.fix == "run: hub topics apply"
    with stage.admin() as admin:
        assert stage.topic not in admin.list_topics()


async def test_lag_that_stands_still_ends_the_process(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    await stage.send(10)
    never = asyncio.Event()
    stage.rows.before = never.wait  # stuck, and nobody knows why
    async with stage.pump(bound=3_600, stall=120, steady=lambda: now) as pump:
        await stage.until(lambda: len(pump.at) == 4)
        now += 119
        assert await pump.stuck() is None
        now += 2
        assert isinstance(await pump.stuck(), FatalError)
        never.set()


async def test_no_lag_is_never_taken_for_a_stall(stage: Stage) -> None:
    now = 1_000.0
    async with stage.pump(stall=120, steady=lambda: now) as pump:
        await stage.until(lambda: len(pump.at) == 4)
        now += 500
        assert await pump.stuck() is None
