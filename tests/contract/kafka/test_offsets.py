"""aiokafka, positions and commits: what the checkpoint row and the lag are worth."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, NoOffsetForPartitionError, OffsetOutOfRangeError

from tests.contract.kafka.stage import (
    SECONDS,
    Diary,
    consuming,
    delete_before,
    fill,
    make_topic,
    member,
    producing,
    read_to,
)

pytestmark = pytest.mark.real_server


async def test_nothing_is_committed_unless_we_commit(kafka: str, topic_prefix: str) -> None:
    """Neither reading, nor leaving, nor stopping moves the group's offset."""
    topic, group = f"{topic_prefix}.t", f"{topic_prefix}.g"
    make_topic(kafka, topic)
    partition = TopicPartition(topic, 0)
    await fill(kafka, partition, [b"a", b"b"])
    async with member(kafka, group, topic, Diary("reads", []), auto_commit_interval_ms=100) as consumer:
        assert len(await read_to(consumer, partition, 2)) == 2
        await asyncio.sleep(0.5)  # five of the intervals at which it would commit
    async with member(kafka, group, topic, Diary("asks", [])) as consumer:
        assert await consumer.committed(partition) is None


async def test_aborted_records_are_never_seen_and_the_position_passes_the_markers(
    kafka: str, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}.t"
    make_topic(kafka, topic)
    partition = TopicPartition(topic, 0)
    async with producing(kafka, transactional_id=f"{topic_prefix}.x") as producer:
        for value, keep in ((b"good", True), (b"aborted", False), (b"better", True)):
            await producer.begin_transaction()
            await producer.send_and_wait(topic, value, partition=0)
            await (producer.commit_transaction() if keep else producer.abort_transaction())
    async with consuming(kafka) as consumer:
        consumer.assign([partition])
        await consumer.start()
        consumer.seek(partition, 0)
        end = (await consumer.end_offsets([partition]))[partition]
        records = await read_to(consumer, partition, end)
    assert [record.value for record in records] == [b"good", b"better"]
    assert end == 6  # three records and three markers: last record + 1 would show a lag for ever
    assert records[-1].offset == 4


async def test_an_open_transaction_holds_readers_back(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}.t"
    make_topic(kafka, topic)
    partition = TopicPartition(topic, 0)
    async with producing(kafka, transactional_id=f"{topic_prefix}.x") as producer, consuming(kafka) as consumer:
        consumer.assign([partition])
        await consumer.start()
        consumer.seek(partition, 0)
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"not yet", partition=0)
        assert not await consumer.getmany(timeout_ms=1000)
        await producer.commit_transaction()
        assert [record.value for record in await read_to(consumer, partition, 2)] == [b"not yet"]


async def test_the_position_passes_what_compaction_took(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}.t"
    make_topic(
        kafka,
        topic,
        cleanup_policy="compact",
        segment_ms="50",
        min_cleanable_dirty_ratio="0.01",
        min_compaction_lag_ms="0",
        max_compaction_lag_ms="100",
    )
    partition = TopicPartition(topic, 0)
    async with producing(kafka) as producer, consuming(kafka) as consumer:
        consumer.assign([partition])
        await consumer.start()
        for i in range(30):
            await producer.send_and_wait(topic, b"%d" % i, key=b"same", partition=0)
        records = await _compacted(consumer, producer, partition)
        end = await consumer.position(partition)
    offsets = [record.offset for record in records]
    assert offsets == sorted(offsets)
    assert offsets[0] > 0
    assert offsets[-1] + 1 == end


async def _compacted(consumer, producer, partition):  # type: ignore[no-untyped-def]
    """What is left once the cleaner has been there; each try rolls one more segment for it to clean."""
    async with asyncio.timeout(SECONDS):
        while True:
            await producer.send_and_wait(partition.topic, b"roll", key=b"roll", partition=0)
            await asyncio.sleep(0.3)
            end = (await consumer.end_offsets([partition]))[partition]
            consumer.seek(partition, 0)
            records = await read_to(consumer, partition, end)
            if len(records) < end / 2:
                return records


async def test_records_deleted_before_they_were_read_are_an_error_and_no_silent_jump(
    kafka: str, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}.t"
    make_topic(kafka, topic)
    partition = TopicPartition(topic, 0)
    await fill(kafka, partition, [b"%d" % i for i in range(10)])
    delete_before(kafka, partition, 5)
    async with consuming(kafka) as consumer:
        consumer.assign([partition])
        await consumer.start()
        consumer.seek(partition, 2)
        with pytest.raises(OffsetOutOfRangeError):
            await consumer.getmany(timeout_ms=5000)


async def test_without_an_offset_and_without_a_seek_nothing_is_guessed(kafka: str, topic_prefix: str) -> None:
    """The pump meets this for a moment after an assignment and reads again."""
    topic = f"{topic_prefix}.t"
    make_topic(kafka, topic)
    partition = TopicPartition(topic, 0)
    await fill(kafka, partition, [b"one"])
    async with consuming(kafka, f"{topic_prefix}.g") as consumer:
        consumer.assign([partition])
        await consumer.start()
        with pytest.raises(NoOffsetForPartitionError):
            await consumer.getmany(timeout_ms=5000)
        consumer.seek(partition, 0)
        assert [record.value for record in await read_to(consumer, partition, 1)] == [b"one"]


async def test_a_hint_of_a_member_put_out_is_refused_with_an_error_we_know(kafka: str, topic_prefix: str) -> None:
    """Another process took the fixed name: the old one's commit fails, and as an error the pump logs and survives."""
    topic, group, slot = f"{topic_prefix}.t", f"{topic_prefix}.g", {"group_instance_id": "slot"}
    make_topic(kafka, topic)
    partition = TopicPartition(topic, 0)
    # The old one would hear of it at its next heartbeat and take the name back: it must not before it commits.
    async with member(kafka, group, topic, Diary("old", []), **slot, heartbeat_interval_ms=5_000) as old:
        await old.position(partition)
        async with member(kafka, group, topic, Diary("new", []), **slot) as new:
            await new.position(partition)
            await new.commit({partition: 0})  # before the other: once refused it takes the name back
            with pytest.raises(CommitFailedError):
                await old.commit({partition: 0})
