"""Webhooks into a Kafka whose brokers die and come back: each is answered 2xx, kept once, in its object's order."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from connectors.jira.connector import JiraConnector
from hub.intake.gate import Gate
from hub.intake.webhook import WebhookServer
from hub.log.kafka import KafkaLog
from hub.log.port import Arrival
from hub.log.spool import TAKE_ROWS, spooled
from hub.log.topics import Topics
from tests.cluster.broker import Broker, running
from tests.cluster.child import NoServer
from tests.cluster.fixtures import without
from tests.integration.test_intake_http import SECRET, connector
from tests.integration.workspace import ROOT
from tests.kafka_stage import kafka_log, kept, make_topics
from tests.stores import temp_store

pytestmark = pytest.mark.real_server
OBJECTS = 8
PATIENCE = 0.5


def started(folder: Path, nodes: int) -> Iterator[Broker]:
    try:
        with running(folder, nodes) as broker:
            yield broker
    except NoServer as error:
        without("Kafka", error)


@pytest.fixture(scope="module")
def mortal(servers_folder: Path) -> Iterator[Broker]:
    """A broker of this module's own, to be killed."""
    yield from started(servers_folder / "mortal", 1)


@pytest.fixture(scope="module")
def three(servers_folder: Path) -> Iterator[Broker]:
    yield from started(servers_folder / "three", 3)


@pytest.fixture
def topics(mortal: Broker, request: pytest.FixtureRequest) -> Topics:
    mortal.nodes[0].thaw()
    mortal.resume()
    topics = Topics(f"t{abs(hash(request.node.name)) % 10**9}", partitions=4, replication=1)
    make_topics(mortal.bootstrap, topics.wanted(["jira"], []))
    return topics


def body(subject: int, number: int) -> bytes:
    return b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "%d", "fields": {"n": %d}}}' % (subject, number)


class Intake:
    """The webhook server on a Kafka log, and sources that send one object's news one after the other."""

    def __init__(self, log: KafkaLog) -> None:
        self.log = log
        self.jira = connector(JiraConnector, "jira", secret=(SECRET,))
        log._route = lambda name, headers, raw: self.jira.route(headers, raw)
        gates = {"jira": Gate("jira", self.jira, "http://hub/in/jira")}
        self.server = WebhookServer(gates, log, log._store.clock)
        self.sent = 0
        self.counted = asyncio.Event()

    async def send(self, subject: int, number: int) -> int:
        raw = body(subject, number)
        signed = {"content-type": "application/json", **self.jira.sign(SECRET, "http://hub/in/jira", raw)}
        async with self.http.post("/in/jira", data=raw, headers=signed) as answer:
            return answer.status

    async def source(self, subject: int, count: int) -> None:
        for number in range(count):
            assert await self.send(subject, number) == 200
            self.sent += 1
            self.counted.set()

    async def after(self, count: int) -> None:
        """Until so many were answered."""
        while self.sent < count:
            self.counted.clear()
            await self.counted.wait()

    async def under(self, weather: Callable[[Intake], Awaitable[None]], each: int) -> None:
        """Every source sends so many, whatever the weather."""
        storm = asyncio.ensure_future(weather(self))
        async with asyncio.timeout(120):
            await asyncio.gather(*(self.source(1_000 + n, each) for n in range(OBJECTS)))
            await storm
            await straight(self.log)


async def straight(log: KafkaLog) -> None:
    """Until nothing is behind the spool."""
    for one in list(log._connections.values()):
        if one.behind and one.draining is not None:
            await one.draining


@asynccontextmanager
async def intake(bootstrap: str, topics: Topics, folder: Path, space: object = None) -> AsyncIterator[Intake]:
    with temp_store(folder) as store:
        extra = {} if space is None else {"space": space}
        log = kafka_log(store, bootstrap, topics, folder, patience=PATIENCE, **extra)
        made = Intake(log)
        port = await made.server.start("127.0.0.1", 0)
        made.http = aiohttp.ClientSession(f"http://127.0.0.1:{port}")
        try:
            yield made
        finally:
            await made.http.close()
            await made.server.stop()
            await log.close()


def in_order(bodies: list[bytes], each: int) -> None:
    """Every object's news, all of it, in its order."""
    assert len(bodies) == OBJECTS * each
    for n in range(OBJECTS):
        mine = [raw for raw in bodies if b'"id": "%d"' % (1_000 + n) in raw]
        assert mine == [body(1_000 + n, number) for number in range(each)]


def bodies(bootstrap: str, topics: Topics) -> list[bytes]:
    return [one.body for one in kept(bootstrap, topics, "jira")]


async def back(broker: Broker) -> None:
    """Started from this thread: a broker dies with the thread that starts it."""
    for node in broker.nodes:
        if not node.alive:
            node.launch()
    await asyncio.to_thread(broker.wait)


async def test_a_broker_is_killed_and_comes_back(mortal: Broker, topics: Topics, tmp_path: Path) -> None:
    async def weather(source: Intake) -> None:
        await source.after(100)
        mortal.nodes[0].kill()
        await source.after(400)
        assert spooled(tmp_path / "spool")["jira"] > 0
        await back(mortal)

    async with intake(mortal.bootstrap, topics, tmp_path) as source:
        await source.under(weather, each=110)

    in_order(bodies(mortal.bootstrap, topics), each=110)
    assert spooled(tmp_path / "spool") == {}


async def test_a_frozen_broker_is_as_good_as_none(mortal: Broker, topics: Topics, tmp_path: Path) -> None:
    async def weather(source: Intake) -> None:
        await source.after(100)
        mortal.nodes[0].freeze()
        await source.after(300)
        mortal.nodes[0].thaw()

    async with intake(mortal.bootstrap, topics, tmp_path) as source:
        await source.under(weather, each=60)

    in_order(bodies(mortal.bootstrap, topics), each=60)


async def test_started_without_a_broker_it_accepts_and_catches_up(
    mortal: Broker, topics: Topics, tmp_path: Path
) -> None:
    mortal.nodes[0].kill()

    async def weather(source: Intake) -> None:
        await source.after(100)
        await back(mortal)

    async with intake(mortal.bootstrap, topics, tmp_path) as source:
        await source.under(weather, each=25)

    in_order(bodies(mortal.bootstrap, topics), each=25)


async def test_a_spool_that_is_left_is_drained_by_the_next_process(
    mortal: Broker, topics: Topics, tmp_path: Path
) -> None:
    async with intake(mortal.bootstrap, topics, tmp_path) as source:
        assert await source.send(1, 0) == 200
        mortal.nodes[0].freeze()
        for number in range(1, 40):
            assert await source.send(1, number) == 200
    left = spooled(tmp_path / "spool")
    assert left["jira"] >= 30
    mortal.nodes[0].thaw()
    async with intake(mortal.bootstrap, topics, tmp_path) as source:
        assert await source.send(1, 40) == 200
        await straight(source.log)

    found = bodies(mortal.bootstrap, topics)
    assert list(dict.fromkeys(found)) == [body(1, number) for number in range(41)]
    assert len(found) <= 42  # the one that was under way when the first process ended may be there twice


async def test_with_brokers_away_and_the_disk_full_the_source_is_told_to_come_back(
    mortal: Broker, topics: Topics, tmp_path: Path
) -> None:
    async with intake(mortal.bootstrap, topics, tmp_path, lambda path: (1 << 20, 100 << 30)) as source:
        assert await source.send(1, 0) == 200
        mortal.nodes[0].freeze()
        answers = [await source.send(1, number) for number in range(1, 6)]
        assert set(answers[-3:]) == {503}  # the first may come before the last of its threads stands still
        assert spooled(tmp_path / "spool") == {}
        mortal.nodes[0].thaw()
        await straight(source.log)
        assert await source.send(1, 3) == 200


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from hub.log.topics import Topics
from hub.log.spooling import Spooling
from tests.kafka_stage import kafka_log, arrival
from tests.stores import temp_store

async def die(self, ids):
    if len(list(ids)) > 100:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    folder = Path(sys.argv[1])
    with temp_store(folder) as store:
        log = kafka_log(store, sys.argv[2], Topics(sys.argv[3], 4, 1), folder)
        Spooling.remove = die  # acknowledged by the brokers, not yet noted here
        log.start()
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_killed_while_draining_it_sends_a_part_again_and_loses_none(
    mortal: Broker, topics: Topics, tmp_path: Path
) -> None:
    count = 3 * TAKE_ROWS
    mortal.nodes[0].freeze()
    with temp_store(tmp_path) as store:
        log = kafka_log(store, mortal.bootstrap, topics, tmp_path, patience=0.1)
        await log.append([Arrival("jira", b"k %05d" % n, {}, n, "webhook", str(n)) for n in range(count)])
        await log.close()
    mortal.nodes[0].thaw()
    words = [sys.executable, "-c", KILLED, str(tmp_path), mortal.bootstrap, topics.prefix]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = await asyncio.to_thread(subprocess.run, words, env=environ, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    again = bodies(mortal.bootstrap, topics)
    assert TAKE_ROWS <= len(again) <= count
    with temp_store(tmp_path) as store:
        log = kafka_log(store, mortal.bootstrap, topics, tmp_path)
        log.start()
        await straight(log)
        await log.close()

    found = bodies(mortal.bootstrap, topics)
    assert list(dict.fromkeys(found)) == [b"k %05d" % n for n in range(count)]
    assert len(found) == count + len(again)
    assert spooled(tmp_path / "spool") == {}


async def test_one_of_three_brokers_is_killed_after_the_other(three: Broker, tmp_path: Path) -> None:
    topics = Topics("three", partitions=6, replication=3)
    make_topics(three.bootstrap, topics.wanted(["jira"], []))

    async def weather(source: Intake) -> None:
        for when, node in ((100, 0), (400, 1)):
            await source.after(when)
            three.nodes[node].kill()
            await source.after(when + 150)
            await back(three)

    async with intake(three.bootstrap, topics, tmp_path) as source:
        await source.under(weather, each=80)

    in_order(bodies(three.bootstrap, topics), each=80)
