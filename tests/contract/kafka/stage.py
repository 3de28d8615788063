"""What the contract tests of aiokafka, mode and Faust share: topics, records in, a listener that writes down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.structs import ConsumerRecord
from kafka.admin import KafkaAdminClient

SECONDS = 40.0
"""Within which anything awaited happens, on a machine that does other things as well."""
SESSION = {"session_timeout_ms": 10_000, "heartbeat_interval_ms": 500}


def make_topic(bootstrap: str, topic: str, partitions: int = 1, **configs: str) -> None:
    wanted = {
        "num_partitions": partitions,
        "replication_factor": 1,
        "configs": {name.replace("_", "."): value for name, value in configs.items()},
    }
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.create_topics({topic: wanted}, wait_for_metadata=True)


def delete_before(bootstrap: str, partition: TopicPartition, offset: int) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.delete_records({partition: offset})


@asynccontextmanager
async def producing(bootstrap: str, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, acks="all", **options
    ) as producer:
        yield producer


async def fill(bootstrap: str, partition: TopicPartition, values: Iterable[bytes]) -> None:
    async with producing(bootstrap) as producer:
        sent = [await producer.send(partition.topic, value, partition=partition.partition) for value in values]
        await asyncio.gather(*sent)


@asynccontextmanager
async def consuming(bootstrap: str, group: str | None = None, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer with the pump's settings, not yet told what to read."""
    settings = {"enable_auto_commit": False, "auto_offset_reset": "none", "isolation_level": "read_committed"}
    session = SESSION if group else {}
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, **(settings | session | options))
    try:
        yield consumer
    finally:
        await consumer.stop()


class Diary(ConsumerRebalanceListener):
    """Writes down what a consumer is told, and seeks as the pump does: to ``wanted``, else to the beginning."""

    def __init__(self, name: str, pages: list[tuple[str, str, frozenset[int]]], wanted: int = 0) -> None:
        self.name, self.pages, self.wanted = name, pages, wanted
        self.consumer: AIOKafkaConsumer | None = None
        self.assigned: set[int] = set()
        self.on_revoked: Callable[[], Awaitable[None]] | None = None

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        self.pages.append((self.name, "revoked", frozenset(one.partition for one in revoked)))
        if self.on_revoked is not None:
            await self.on_revoked()
        self.pages.append((self.name, "left", frozenset(one.partition for one in revoked)))

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        self.assigned = {one.partition for one in assigned}
        self.pages.append((self.name, "assigned", frozenset(self.assigned)))
        assert self.consumer is not None
        for one in assigned:
            self.consumer.seek(one, self.wanted)


@asynccontextmanager
async def member(
    bootstrap: str, group: str, topic: str, diary: Diary, **options: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """A started member of a group."""
    async with consuming(bootstrap, group, **options) as consumer:
        diary.consumer = consumer
        consumer.subscribe([topic], listener=diary)
        await consumer.start()
        yield consumer


async def read_to(consumer: AIOKafkaConsumer, partition: TopicPartition, end: int) -> list[ConsumerRecord]:
    """Every record up to the position ``end``."""
    found: list[ConsumerRecord] = []
    async with asyncio.timeout(SECONDS):
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(partition, timeout_ms=200)).values():
                found += records
    return found


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not true():  # noqa: ASYNC110 - what is awaited happens in the client, which tells nobody
            await asyncio.sleep(0.02)
