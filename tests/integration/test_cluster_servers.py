"""The servers that the cluster tests stand on: real ones, restarted with their data, fresh for every test."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.structs import TopicPartition

from tests.cluster import broker, postgres
from tests.cluster.fixtures import with_database

pytestmark = pytest.mark.real_server


def test_kafka_takes_a_record_and_gives_it_back(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}.first"
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    send(kafka, topic, b"one")
    assert kept(kafka, topic) == [b"one"]


def test_three_nodes_lose_one_and_accept_on(servers_folder: Path) -> None:
    with broker.running(servers_folder / "three-nodes", 3, heap="256m") as three:
        with closing(KafkaAdminClient(bootstrap_servers=three.bootstrap)) as admin:
            admin.create_topics({"t": {"num_partitions": 1, "replication_factor": 3}}, wait_for_metadata=True)
        send(three.bootstrap, "t", b"before")
        three.nodes[0].kill()
        send(three.bootstrap, "t", b"while one is away")
        three.resume()
        assert kept(three.bootstrap, "t") == [b"before", b"while one is away"]


def send(bootstrap: str, topic: str, value: bytes) -> None:
    with closing(KafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)) as producer:
        producer.send(topic, value).get(timeout=60)


def kept(bootstrap: str, topic: str) -> list[bytes]:
    """Every value in partition 0 up to its end as of now."""
    partition, found = TopicPartition(topic, 0), []
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, group_id=None)) as consumer:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        while consumer.position(partition) < end:
            found += [record.value for record in consumer.poll(timeout_ms=1000).get(partition, [])]
    return found


@pytest.mark.parametrize("version", [16, 18])
def test_postgresql_keeps_what_was_committed_through_a_crash(servers_folder: Path, version: postgres.Version) -> None:
    with postgres.running(servers_folder / f"postgres-{version}", version=version) as server:
        with psycopg.connect(server.admin) as connection:
            connection.execute("create table kept (word text)")
            connection.execute("insert into kept values ('kept')")
        server.crash()
        server.resume()
        with psycopg.connect(server.admin) as connection:
            assert connection.execute("select word from kept").fetchall() == [("kept",)]
            assert connection.info.server_version // 10000 == version


def test_every_test_gets_an_empty_database(database: str) -> None:
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from pg_stat_user_tables").fetchone() == (0,)
        assert connection.info.dbname.startswith("test_")


def test_a_given_address_keeps_its_options() -> None:
    address = "postgresql://u@127.0.0.1:5/postgres?sslmode=disable"
    assert with_database(address, "postgres", "t") == "postgresql://u@127.0.0.1:5/t?sslmode=disable"
