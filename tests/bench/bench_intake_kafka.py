"""Durable webhooks a second into a real Kafka, 32 connections of another process, and what each costs in CPU time.

Beside the same server that stores nothing. Wall-clock rates need an idle machine; CPU µs a request hardly do: those
of this process with all its threads, and those of the broker, which runs on the same cores.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from connectors.jira import decode as jira
from hub.bootstrap import SystemClock
from hub.cli.run import run_loop
from hub.engine.embedded import tune
from hub.log.access import Access
from hub.log.kafka import KafkaLog
from hub.log.producing import Producing
from hub.log.reserve import Reserve
from hub.log.spool import spooled
from hub.log.topics import Topics
from hub.store.open import open_store
from tests.bench.bench_webhook import SECONDS, NoLog, _serve
from tests.bench.row import Row
from tests.cluster.broker import running
from tests.kafka_stage import deliveries, make_topics

TICK = os.sysconf("SC_CLK_TCK")


class Measured(NamedTuple):
    """Requests a second, their p99 in ms, and CPU µs a request here and in the broker."""

    rate: float
    p99: float
    here: float
    broker: float


def cpu_of(pid: int) -> float:
    """Seconds of CPU a process and its threads have used."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICK


def measured(log: Any, pid: int) -> Measured:
    async def work() -> Measured:
        here, broker = time.process_time(), cpu_of(pid)
        rate, p99 = await _serve(log)
        count = rate * SECONDS
        return Measured(rate, p99, (time.process_time() - here) / count * 1e6, (cpu_of(pid) - broker) / count * 1e6)

    async def closed() -> Measured:
        try:
            return await work()
        finally:
            if isinstance(log, KafkaLog):
                await log.close()

    return run_loop(closed())


def rows() -> list[Row]:
    tune()
    with (
        tempfile.TemporaryDirectory() as name,
        running(Path(name) / "kafka", long_lived=True) as broker,
        open_store(f"sqlite:///{Path(name) / 'hub.db'}", SystemClock()) as store,
    ):
        topics, folder = Topics("bench", 8, 1), Path(name)
        make_topics(broker.bootstrap, [deliveries(topics, "jira")])
        access, pid = Access((broker.bootstrap,)), broker.nodes[0].running().pid
        reserve = Reserve(folder / "spool", SystemClock())
        route = lambda connection, headers, body: jira.route(body)  # noqa: E731
        log = KafkaLog(store, lambda: Producing(access), topics, route, folder / "spool", reserve)
        bare, kafka = measured(NoLog(), pid), measured(log, pid)
        assert spooled(folder / "spool") == {}, "the broker was too slow for the bench"
    what, limit = "webhook accepted = in Kafka, 32 connections", "same server, nothing stored"
    shares = f"CPU µs a request: {kafka.here:.0f} here ({bare.here:.0f} without a log), {kafka.broker:.0f} broker"
    return [
        Row("webhook", what, kafka.rate, "requests/s", bare.rate, limit, 7_000, shares),
        Row("webhook", f"{what}: p99", kafka.p99, "ms", bare.p99, limit),
    ]


if __name__ == "__main__":
    for row in rows():
        print(row)
