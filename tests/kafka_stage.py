"""A Kafka log for tests on a real broker, and what stands in its topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from hub.log.access import Access
from hub.log.kafka import PATIENCE_SECONDS, KafkaLog
from hub.log.port import Arrival
from hub.log.producing import Producing
from hub.log.reserve import Reserve, disk_space
from hub.log.topics import Topic, Topics
from hub.log.wire import decode
from hub.store.sqlite import SqliteStore


def first_word(connection: str, headers: Mapping[str, str], body: bytes) -> str:
    """The object's key in these tests."""
    return body.split(b" ")[0][:40].decode("latin-1")


def arrival(body: bytes = b"{}", source_id: str | None = None, connection: str = "jira") -> Arrival:
    return Arrival(connection, body, {"x-id": "7", "b": "ü"}, 1_000, "webhook", source_id, "loop-1")


def deliveries(topics: Topics, connection: str) -> Topic:
    """The one topic of a connection."""
    return next(one for one in topics.wanted([connection], []) if one.name == topics.delivery(connection))


def make_topics(bootstrap: str, wanted: Iterable[Topic]) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.create_topics(
            {
                one.name: {
                    "num_partitions": one.partitions,
                    "replication_factor": one.replication,
                    "configs": dict(one.configs),
                }
                for one in wanted
            }
        )


def kafka_log(
    store: SqliteStore,
    bootstrap: str,
    topics: Topics,
    folder: Path,
    *,
    patience: float = PATIENCE_SECONDS,
    space: object = disk_space,
) -> KafkaLog:
    access = Access(tuple(bootstrap.split(",")))
    spool = folder / "spool"
    reserve = Reserve(spool, store.clock, space)  # type: ignore[arg-type]
    return KafkaLog(store, lambda: Producing(access), topics, first_word, spool, reserve, patience=patience)


def records(bootstrap: str, topic: str) -> dict[int, list[object]]:
    """Partition -> its records, oldest first, up to the end of now."""
    found: dict[int, list[object]] = {}
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")) as consumer:
        parts = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        ends = consumer.end_offsets(parts)
        consumer.assign(parts)
        while any(consumer.position(part) < ends[part] for part in parts):
            for part, some in consumer.poll(1_000).items():
                found.setdefault(part.partition, []).extend(some)
    return found


def kept(bootstrap: str, topics: Topics, connection: str) -> list[Arrival]:
    """The deliveries of a connection as the engine will read them, partition by partition."""
    found = records(bootstrap, topics.delivery(connection))
    return [decode(connection, record) for part in sorted(found) for record in found[part]]  # type: ignore[arg-type]
