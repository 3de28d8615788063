"""The log on a real Kafka, held to the promises of the port that the SQL log is held to (``contract/store``)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.errors import RetryableError
from hub.log.kafka import UNPLACED, KafkaLog
from hub.log.port import Log
from hub.log.sql import SqlLog
from hub.log.topics import Topics
from tests.kafka_stage import arrival, deliveries, kafka_log, kept, make_topics
from tests.stores import temp_store

pytestmark = pytest.mark.real_server


@pytest.fixture
def topics(kafka: str, topic_prefix: str) -> Topics:
    topics = Topics(topic_prefix, partitions=4, replication=1)
    make_topics(kafka, topics.wanted(["jira", "erp"], []))
    return topics


@pytest.fixture
async def log(kafka: str, topics: Topics, tmp_path: Path) -> AsyncIterator[KafkaLog]:
    with temp_store(tmp_path) as store:
        made = kafka_log(store, kafka, topics, tmp_path, patience=20)
        yield made
        await made.close()


async def test_both_logs_keep_a_delivery_as_it_came(
    kafka: str, topics: Topics, log: KafkaLog, tmp_path: Path
) -> None:
    given = arrival(b'\xff\x00{"a": 1}', "id-1")
    with temp_store(tmp_path / "sql") as store:
        sql: Log = SqlLog(store)
        await sql.append([given])
        (row,) = sql.read(0, 10)
    assert await log.append([given]) == [UNPLACED]
    (found,) = kept(kafka, topics, "jira")

    assert found == given
    for name in ("connection", "body", "headers", "received_at", "origin", "source_id", "cause"):
        assert getattr(row, name) == getattr(found, name)


async def test_deliveries_of_one_object_keep_their_order(kafka: str, topics: Topics, log: KafkaLog) -> None:
    async def sender(name: int) -> None:
        for n in range(100):
            await log.append([arrival(b"%d %03d" % (name, n))])

    await asyncio.gather(*(sender(name) for name in range(8)))
    bodies = [one.body for one in kept(kafka, topics, "jira")]

    assert len(bodies) == 800
    for name in range(8):
        mine = [body for body in bodies if body.startswith(b"%d " % name)]
        assert mine == [b"%d %03d" % (name, n) for n in range(100)]


async def test_one_call_may_bring_many_of_several_connections(kafka: str, topics: Topics, log: KafkaLog) -> None:
    many = [arrival(b"a %d" % n, str(n), connection) for n in range(300) for connection in ("jira", "erp")]
    assert len(await log.append(many)) == 600

    for connection in ("jira", "erp"):
        assert kept(kafka, topics, connection) == [one for one in many if one.connection == connection]


async def test_the_largest_body_the_intake_takes_goes_in(kafka: str, topics: Topics, log: KafkaLog) -> None:
    large = arrival(b"L " + bytes(10 * 1024 * 1024 - 2))
    await log.append([large, arrival(b"L small")])

    assert kept(kafka, topics, "jira") == [large, arrival(b"L small")]


async def test_a_closed_log_refuses_instead_of_hanging(log: KafkaLog) -> None:
    await log.append([arrival()])
    await log.close()
    with pytest.raises(RetryableError):
        await log.append([arrival()])


async def test_reading_is_what_the_store_has(log: KafkaLog, tmp_path: Path) -> None:
    sql = SqlLog(log._store)
    (placed,) = await sql.append([arrival(b"x", "id-1")])

    assert (log.end(), log.get(1), log.by_ref(placed.ref)) == (1, sql.get(1), sql.get(1))
    assert list(log.read(0, 9)) == list(sql.read(0, 9))


async def test_a_topic_that_is_not_there_holds_up_nobody_else(kafka: str, topics: Topics, tmp_path: Path) -> None:
    with temp_store(tmp_path) as store:
        log = kafka_log(store, kafka, topics, tmp_path, patience=0.3)
        await asyncio.gather(log.append([arrival(b"1", connection="nobody")]), log.append([arrival(b"2")]))
        waiting = log.waiting()
        await log.append([replace(arrival(b"3"), connection="erp")])
        make_topics(kafka, [deliveries(topics, "nobody")])
        drained = log._connections["nobody"].draining
        assert waiting["nobody"]
        assert drained is not None
        async with asyncio.timeout(30):
            await drained
        await log.close()

    assert [one.body for one in kept(kafka, topics, "nobody")] == [b"1"]
    assert [one.body for one in kept(kafka, topics, "erp")] == [b"3"]
