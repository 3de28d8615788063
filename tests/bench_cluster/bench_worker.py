"""Kafka → engine → PostgreSQL: ``hub worker --parts engine`` on a full topic, beside a raw consumer of its bytes.

Rates are taken between the first checkpoint that moved and the last, so starting up does not count; CPU over the same
span, of each process apart. Broker and database share the cores with the workers: CPU figures are the sounder ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg

from hub.log.topics import Topics
from tests.bench import bench_engine
from tests.bench.row import Row
from tests.bench_cluster.filling import fill
from tests.bench_cluster.servers import Servers
from tests.cluster.child import Child
from tests.cluster.cost import Meter
from tests.cluster.stack import ROOT, Stack
from tests.kafka_stage import make_topics

RECORDS = 40_000
PARTITIONS = 8
SECONDS_MAX = 400.0
BUDGET = 12_000
DONE = "SELECT coalesce(sum(position), 0) FROM checkpoint WHERE consumer = %b"
JIRA = 'jira: {url: "https://jira.example.com", secret: "file:secret", poll: off}'


class Run(NamedTuple):
    """A measured run: records a second, and CPU µs a record by process."""

    rate: float
    micros: dict[str, float]

    def of(self, *names: str) -> float:
        return sum(self.micros[name] for name in names)


def rows(servers: Servers, records: int = RECORDS) -> list[Row]:
    raw, one, two = _raw(servers, records), _workers(servers, 1, records), _workers(servers, 2, records)
    limit = raw.rate, "raw consume-and-insert"
    ours, plain = one.of("worker-1"), raw.of("consumer")
    everything = {n: run.of(*run.micros) for n, run in ((0, raw), (1, one), (2, two))}
    name = "Kafka → engine → PostgreSQL"
    return [
        Row("worker", f"{name}, one worker", one.rate, "records/s", *limit, BUDGET),
        Row("worker", f"{name}, two workers", two.rate, "records/s", one.rate, "one worker"),
        Row("worker", "the same: CPU of the worker", ours, "µs", plain, "raw consumer"),
        Row("worker", "the same: CPU of the broker", one.of("broker"), "µs", raw.of("broker"), "raw"),
        Row("worker", "the same: CPU of PostgreSQL", one.of("database"), "µs", raw.of("database"), "raw"),
        Row("worker", "the same: CPU of everything", everything[1], "µs", everything[0], "raw"),
        Row("worker", "two workers: CPU of everything", everything[2], "µs", everything[1], "one worker"),
    ]


# --- ours


def _workers(servers: Servers, count: int, records: int) -> Run:
    """So many workers on a topic that is full when they start."""
    stack = _stack(servers, f"bench{count}")
    topic = Topics(stack.database, PARTITIONS, 1).delivery("jira")
    asyncio.run(fill(servers.kafka.bootstrap, topic, records))
    names = [f"worker-{number}" for number in range(1, count + 1)]
    try:
        for name in names:
            stack.start(name, "engine")
        found = _measured(servers, stack, topic, names, records)
    finally:
        stack.stop()
    _check(stack, records)
    return found


def _stack(servers: Servers, name: str) -> Stack:
    """A workspace with the 30-row table of ``bench_engine``; its database and its topics carry ``name``."""
    folder = servers.folder / name
    (folder / "mappings").mkdir(parents=True)
    (folder / "mappings" / "bench.yaml").write_text(bench_engine._mapping(), "utf-8")
    (folder / "schemas" / "project").mkdir(parents=True)
    document = {"$id": "project/v1", **bench_engine._schema().document}
    (folder / "schemas" / "project" / "v1.json").write_text(json.dumps(document), "utf-8")
    (folder / "secret").write_text("a sample secret of the bench", "utf-8")
    stack = Stack(folder, servers.kafka, servers.postgres, name, port=0)
    stack.configure([JIRA], partitions=PARTITIONS, prefix=name, mappings="mappings", schemas="schemas")
    stack.prepare()
    return stack


@dataclass(slots=True)
class Progress:
    """How many records are concluded, by the checkpoint rows."""

    db: psycopg.Connection[Any]
    topic: str
    seen: int = field(default=0)

    def look(self) -> int:
        row = self.db.execute(DONE, (self.topic,)).fetchone()
        assert row is not None
        self.seen = int(row[0])
        return self.seen


def _measured(servers: Servers, stack: Stack, topic: str, names: Sequence[str], records: int) -> Run:
    """From the first checkpoint that moved to the last."""
    with psycopg.connect(stack.postgres.url(stack.database), autocommit=True) as db:
        progress = Progress(db, topic)
        children = [stack.children[name] for name in names]
        _wait(progress, 1, children)
        first, started = progress.seen, time.perf_counter()
        meter = Meter.start({**servers.pids, **{name: stack.children[name].pid for name in names}})
        _wait(progress, records, children)
        seconds = time.perf_counter() - started
        cost = meter.micros_each(records - first)
    return Run((records - first) / seconds, {name: cost(name) for name in (*servers.pids, *names)})


def _wait(progress: Progress, count: int, children: Sequence[Child]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while progress.look() < count:
        dead = [one for one in children if not one.alive]
        if dead or time.monotonic() > deadline:
            raise SystemExit(f"{progress.seen} of {count} records: {(dead or children)[0].last_words()}")
        time.sleep(0.02)


def _check(stack: Stack, records: int) -> None:
    """A bench that lost something measured nothing."""
    found = stack.json("status")["records"]
    assert (found["received"], found["unaccounted"], found["in_flight"]) == (records, 0, 0), found


# --- the raw limit


def _raw(servers: Servers, records: int) -> Run:
    topics = Topics("raw", PARTITIONS, 1)
    make_topics(servers.kafka.bootstrap, topics.wanted(["jira"], []))
    asyncio.run(fill(servers.kafka.bootstrap, topics.delivery("jira"), records))
    servers.postgres.execute("create database raw")
    words = [servers.kafka.bootstrap, servers.postgres.url("raw"), topics.delivery("jira"), str(records)]
    meter = Meter.start(servers.pids)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench_cluster.raw", *words],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=SECONDS_MAX,
        check=True,
    )
    cost = meter.micros_each(records)
    seconds, consumer = (float(one) for one in done.stdout.split())
    return Run(
        records / seconds, {**{name: cost(name) for name in servers.pids}, "consumer": consumer * 1e6 / records}
    )
