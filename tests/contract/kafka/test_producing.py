"""aiokafka, the producer: what a 2xx of intake rests on."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from tests.contract.kafka.stage import consuming, make_topic, producing, read_to

pytestmark = pytest.mark.real_server


async def test_a_batch_of_ours_is_acknowledged_with_its_place_and_kept_whole(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}.t"
    make_topic(kafka, topic)
    async with producing(kafka, compression_type="lz4") as producer:
        batch = producer.create_batch()
        for i in range(100):
            assert batch.append(key=b"k", value=b"%d" % i, timestamp=None, headers=[("h", b"v")]) is not None
        batch.close()
        place = await (await producer.send_batch(batch, topic, partition=0))
    assert (place.partition, place.offset) == (0, 0)
    partition = TopicPartition(topic, 0)
    async with consuming(kafka) as consumer:
        consumer.assign([partition])
        await consumer.start()
        consumer.seek(partition, 0)
        records = await read_to(consumer, partition, 100)
    assert [record.value for record in records] == [b"%d" % i for i in range(100)]
    assert {(record.key, record.headers) for record in records} == {(b"k", (("h", b"v"),))}


async def test_batches_of_one_partition_stay_in_the_order_in_which_they_were_handed_over(
    kafka: str, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}.t"
    make_topic(kafka, topic)
    async with producing(kafka) as producer:
        sent = []
        for i in range(50):
            batch = producer.create_batch()
            batch.append(key=None, value=b"%d" % i, timestamp=None)
            batch.close()
            sent.append(await producer.send_batch(batch, topic, partition=0))
        places = await asyncio.gather(*sent)
    assert [place.offset for place in places] == list(range(50))


async def test_a_full_batch_says_so_instead_of_growing(kafka: str, topic_prefix: str) -> None:
    async with producing(kafka, max_batch_size=1000) as producer:
        batch = producer.create_batch()
        assert batch.append(key=None, value=b"x" * 600, timestamp=None) is not None
        assert batch.append(key=None, value=b"x" * 600, timestamp=None) is None
        assert batch.record_count() == 1


def test_a_key_goes_to_the_partition_that_every_other_client_would_choose() -> None:
    """murmur2 as the Java client has it (values of its own test): an object keeps its partition for ever."""
    java = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    partitions = list(range(97))
    chosen = {key: DefaultPartitioner()(key, partitions, partitions) for key in java}
    assert chosen == {key: (value & 0x7FFFFFFF) % 97 for key, value in java.items()}
