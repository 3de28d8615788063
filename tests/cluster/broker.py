"""A real Apache Kafka (KRaft, version in ``kafka-pom.xml``) of one or three nodes on the loopback interface.

``running(folder)`` starts it, keeps everything in ``folder`` and stops it at the end; it also dies with us. With
three nodes each is broker and controller, topics default to three replicas of which two must be in sync, and any one
node may be killed and resumed. Needs Maven and a package registry once (see ``kafka_jars``).
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.child import Child, NoServer
from tests.cluster.kafka_jars import jars, java
from tests.cluster.metadata import serving

HOST = "127.0.0.1"
HEAP = "512m"
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For tests: starts with half the work. Benchmarks say ``long_lived``."""
STARTS_WITHIN_SECONDS = 90.0
TRIES = 3
LOGGING = """<Configuration status="WARN">
  <Appenders><Console name="out" target="SYSTEM_OUT">
    <PatternLayout pattern="%d{HH:mm:ss.SSS} %p %c{1} %m%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


@dataclass(frozen=True, slots=True)
class Secured:
    """One more listener, of TLS and SCRAM-SHA-512 on ``port``: ``keys`` is a PEM file with key and certificate."""

    port: int
    keys: Path
    users: Mapping[str, str]
    """Name -> password of those who may come in."""

    @property
    def address(self) -> str:
        """By the name that stands in the certificate."""
        return f"localhost:{self.port}"

    def properties(self) -> dict[str, object]:
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.keys,
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.secured.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
        }


@dataclass(slots=True)
class Node:
    """One broker and controller: ``port`` for clients, ``quorum`` for the other controllers."""

    number: int
    port: int
    quorum: int
    folder: Path
    options: tuple[str, ...]
    child: Child | None = field(default=None, repr=False)

    @property
    def properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.alive

    def launch(self) -> None:
        """Start the process; ``Broker.wait`` tells when it serves."""
        options = [*self.options, "-Xms64m", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]
        logs = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}"
        words = [java(), *options, logs, "-cp", f"{jars()}/*", "kafka.Kafka", self.properties]
        self.child = Child(words, self.folder / "log")

    def running(self) -> Child:
        """Its process; an error where it was never started."""
        if self.child is None:
            raise NoServer(f"Kafka node {self.number} was not started")
        return self.child

    def stop(self) -> None:
        """In order: leaders move away first."""
        self.running().stop()

    def kill(self) -> None:
        self.running().kill()

    def freeze(self) -> None:
        self.running().freeze()

    def thaw(self) -> None:
        self.running().thaw()


@dataclass(frozen=True, slots=True)
class Broker:
    """A running Kafka; ``bootstrap`` is what clients are given."""

    nodes: list[Node]

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{HOST}:{node.port}" for node in self.nodes)

    def resume(self, seconds: float = STARTS_WITHIN_SECONDS) -> None:
        """Start again what is down, on the same ports and data, until every node serves."""
        for node in self.nodes:
            if not node.alive:
                node.launch()
        self.wait(seconds)

    def stop(self) -> None:
        """In order, all nodes at once: the last controller would wait for the others in vain."""
        for node in self.nodes:
            if node.alive:
                node.running().ask_to_stop()
        for node in self.nodes:
            node.stop()

    def wait(self, seconds: float = STARTS_WITHIN_SECONDS) -> None:
        """Until every living node says that every living node serves; ``NoServer`` where one ends or time is up."""
        living = {node.number for node in self.nodes if node.alive}
        deadline = time.monotonic() + seconds
        for node in self.nodes:
            while node.number in living and not living <= serving(HOST, node.port):
                if not node.alive or time.monotonic() > deadline:
                    raise NoServer(f"Kafka node {node.number} does not serve:\n{node.running().last_words()}")
                time.sleep(0.1)


@contextlib.contextmanager
def running(
    folder: Path,
    nodes: int = 1,
    *,
    heap: str = HEAP,
    long_lived: bool = False,
    secured: Secured | None = None,
) -> Iterator[Broker]:
    """A new Kafka in ``folder``; ``secured`` (of a single node) opens a second way in."""
    broker = start(folder, nodes, heap=heap, long_lived=long_lived, secured=secured)
    try:
        yield broker
    finally:
        broker.stop()


def start(
    folder: Path,
    nodes: int = 1,
    *,
    heap: str = HEAP,
    long_lived: bool = False,
    secured: Secured | None = None,
) -> Broker:
    """As ``running``, for those who stop it themselves."""
    options = (f"-Xmx{heap}", *(() if long_lived else QUICK))
    for attempt in range(TRIES):
        broker = Broker(_configured(folder, nodes, options, secured))
        _format(broker, secured)
        try:
            broker.resume()
        except NoServer as error:  # somebody may have taken a port between our choice and its use
            _abandon(broker)
            if "BindException" not in str(error) or attempt == TRIES - 1:
                raise
        else:
            return broker
    raise AssertionError("unreachable")


def _abandon(broker: Broker) -> None:
    for node in broker.nodes:
        node.kill()
        shutil.rmtree(node.folder)


def _configured(folder: Path, count: int, options: tuple[str, ...], secured: Secured | None) -> list[Node]:
    ports = free_ports(2 * count)
    nodes = [Node(i + 1, ports[i], ports[count + i], folder / f"node-{i + 1}", options) for i in range(count)]
    voters = ",".join(f"{node.number}@{HOST}:{node.quorum}" for node in nodes)
    for node in nodes:
        node.folder.mkdir(parents=True)
        wanted = _properties(node, voters, count, secured)
        node.properties.write_text("".join(f"{key}={value}\n" for key, value in wanted.items()), "utf-8")
        (node.folder / "log4j2.xml").write_text(LOGGING, "utf-8")
    return nodes


def _properties(node: Node, voters: str, count: int, secured: Secured | None) -> dict[str, object]:
    copies = min(3, count)
    in_sync = max(1, copies - 1)
    listener = advertised = f"PLAINTEXT://{HOST}:{node.port}"
    if secured is not None:
        listener += f",SECURED://{HOST}:{secured.port}"
        advertised += f",SECURED://{secured.address}"
    return {
        "process.roles": "broker,controller",
        "node.id": node.number,
        "controller.quorum.voters": voters,
        "listeners": f"{listener},CONTROLLER://{HOST}:{node.quorum}",
        "advertised.listeners": advertised,
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL",
        "log.dirs": node.folder / "data",
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": 0,
        "log.segment.bytes": 64 << 20,
        "log.cleaner.dedupe.buffer.size": 8 << 20,
        "log.cleaner.backoff.ms": 1000,
        "broker.session.timeout.ms": 6000,
        **({} if secured is None else secured.properties()),
    }


def _format(broker: Broker, secured: Secured | None) -> None:
    """Write the cluster's id (and its users) into each node's data folder: a node does not start without."""
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
    options = ["-Xmx128m", *QUICK, "-cp", f"{jars()}/*"]
    for node in broker.nodes:
        command = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", node.properties]
        for name, password in ({} if secured is None else secured.users).items():
            command += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        words = [java(), *options, *command]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoServer(f"Kafka node {node.number} cannot be formatted:\n{(done.stdout + done.stderr)[-2500:]}")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on now."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
