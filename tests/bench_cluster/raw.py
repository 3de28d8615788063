"""The raw limit: a consumer that puts the very bytes into PostgreSQL and moves a checkpoint, and thinks nothing.

One transaction a partition batch, as ours: compare-and-set of the checkpoint row, then all bodies by one ``unnest``.
``python -m tests.bench_cluster.raw BOOTSTRAP DATABASE TOPIC COUNT`` prints the seconds it took, on the clock and of
the processor.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import psycopg
from aiokafka import AIOKafkaConsumer

BATCH = 1_000
SECONDS_MAX = 300.0
TABLES = (
    "CREATE TABLE raw_checkpoint (partition int PRIMARY KEY, position bigint NOT NULL)",
    "CREATE TABLE raw (partition int, position bigint, key bytea, body bytea, PRIMARY KEY (partition, position))",
)
ADVANCE = "UPDATE raw_checkpoint SET position = %b WHERE partition = %b AND position = %b"
INSERT = "INSERT INTO raw SELECT %b, * FROM unnest(%b::bigint[], %b::bytea[], %b::bytea[])"


async def consume(bootstrap: str, database: str, topic: str, count: int) -> tuple[float, float]:
    """Seconds from the first question to the last commit, on the clock and of the processor."""
    settings = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "isolation_level": "read_committed"}
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, **settings)
    await consumer.start()
    connection = await psycopg.AsyncConnection.connect(database, autocommit=True)
    try:
        positions = await _begin(consumer, connection)
        started, spent = time.perf_counter(), time.process_time()
        async with asyncio.timeout(SECONDS_MAX):
            while count > 0:
                for where, records in (await consumer.getmany(timeout_ms=500, max_records=BATCH)).items():
                    await _keep(connection, positions, where.partition, records)
                    count -= len(records)
        return time.perf_counter() - started, time.process_time() - spent
    finally:
        await connection.close()
        await consumer.stop()


async def _begin(consumer: AIOKafkaConsumer, connection: psycopg.AsyncConnection) -> dict[int, int]:
    for statement in TABLES:
        await connection.execute(statement)
    found = [one.partition for one in consumer.assignment()]
    for one in found:
        await connection.execute("INSERT INTO raw_checkpoint VALUES (%b, 0)", (one,))
    return dict.fromkeys(found, 0)


async def _keep(
    connection: psycopg.AsyncConnection, positions: dict[int, int], partition: int, records: list[Any]
) -> None:
    after = records[-1].offset + 1
    async with connection.transaction():
        moved = await connection.execute(ADVANCE, (after, partition, positions[partition]))
        assert moved.rowcount == 1
        columns = ([one.offset for one in records], [one.key for one in records], [one.value for one in records])
        await connection.execute(INSERT, (partition, *columns))
    positions[partition] = after


if __name__ == "__main__":
    print(*asyncio.run(consume(*sys.argv[1:4], int(sys.argv[4]))))
