"""Webhooks a second into Kafka: 2xx only once the broker has them; beside the same server that stores nothing."""

from __future__ import annotations

from hub.bootstrap import SystemClock
from hub.cli.run import run_loop
from hub.engine.embedded import tune
from hub.log.access import Access
from hub.log.kafka import KafkaLog
from hub.log.producing import Producing
from hub.log.reserve import Reserve
from hub.log.topics import Topics
from hub.store.open import open_store
from tests.bench.bench_webhook import NoLog, _serve
from tests.bench.row import Row
from tests.bench_cluster.servers import Servers
from tests.cluster.cost import Meter
from tests.kafka_stage import make_topics

TOPICS = Topics("intake", 8, 1)


def rows(servers: Servers) -> list[Row]:
    tune()
    raw, raw_p99 = run_loop(_serve(NoLog()))
    make_topics(servers.kafka.bootstrap, TOPICS.wanted(["jira"], []))
    meter = Meter.start(servers.pids)
    durable, p99 = run_loop(_durable(servers))
    cost = meter.micros_each(_kept(servers))
    name, limit = "webhook accepted = in Kafka (acks=all), 32 connections", "same server, nothing stored"
    note = f"broker {cost('broker'):.0f} µs CPU each"
    return [
        Row("intake", name, durable, "requests/s", raw, limit, 7_000, note),
        Row("intake", f"{name}: p99", p99, "ms", raw_p99, limit),
    ]


async def _durable(servers: Servers) -> tuple[float, float]:
    folder = servers.folder / "intake"
    folder.mkdir()
    with open_store(f"sqlite:///{folder / 'hub.db'}", SystemClock()) as store:
        access = Access(tuple(servers.kafka.bootstrap.split(",")))
        spool = folder / "spool"
        log = KafkaLog(store, lambda: Producing(access), TOPICS, _route, spool, Reserve(spool, store.clock))
        try:
            return await _serve(log)
        finally:
            assert not any(log.waiting().values()), "the brokers were too slow: it went into the spool"
            await log.close()


def _route(connection: str, headers: object, body: bytes) -> str:
    from connectors.jira.connector import JiraConnector
    from hub.connector.base import Connection
    from hub.connector.http import Http

    return JiraConnector(Connection(connection, {}, {}), Http("")).route({}, body)


def _kept(servers: Servers) -> int:
    from contextlib import closing

    from kafka import KafkaConsumer, TopicPartition

    with closing(KafkaConsumer(bootstrap_servers=servers.kafka.bootstrap)) as consumer:
        parts = [TopicPartition(TOPICS.delivery("jira"), number) for number in range(TOPICS.partitions)]
        return int(sum(consumer.end_offsets(parts).values()))
