"""The whole of docs/distributed.md as processes of this machine: Kafka, PostgreSQL, an intake, workers.

For ``make up``, ``make soak-cluster`` and tests. Everything is started from here, by the commands people type, and
ended in the order in which it may end: first who uses something, then what is used.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster import broker, postgres
from tests.cluster.child import Child, NoServer

ROOT = Path(__file__).parents[2]
PARTS = "engine,effects,publish,poll"
"""What a worker does where the intake is a process of its own, as in docker-compose.yml."""
SERVES_WITHIN_SECONDS = 90.0
STOPS_WITHIN_SECONDS = 30.0
HUB_YAML = """\
store: {store}
log: kafka
kafka:
  bootstrap: "{kafka}"
  partitions: {partitions}
  replication: {replication}
  prefix: {prefix}
  group: {prefix}
listen: 127.0.0.1:{port}
mappings: {mappings}
schemas: {schemas}
people: {root}/people.yaml
connections:
{connections}
"""


@dataclass(slots=True)
class Stack:
    """A workspace on a Kafka and a PostgreSQL, and its processes by name (``intake``, ``worker-1`` …)."""

    workspace: Path
    kafka: broker.Broker
    postgres: postgres.Postgres
    database: str
    port: int
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{broker.HOST}:{self.port}"

    def configure(
        self,
        connections: Sequence[str],
        *,
        partitions: int = 8,
        prefix: str = "hub",
        mappings: Path | str = f"{ROOT}/mappings",
        schemas: Path | str = f"{ROOT}/schemas",
    ) -> None:
        """Write hub.yaml; ``connections`` are its lines, as ``erp: {url: builtin}``."""
        self.workspace.mkdir(parents=True, exist_ok=True)
        text = HUB_YAML.format(
            store=self.postgres.url(self.database),
            kafka=self.kafka.bootstrap,
            partitions=partitions,
            replication=min(3, len(self.kafka.nodes)),
            prefix=prefix,
            port=self.port,
            mappings=mappings,
            schemas=schemas,
            root=ROOT,
            connections="\n".join(f"  {one}" for one in connections),
        )
        (self.workspace / "hub.yaml").write_text(text, "utf-8")

    def prepare(self) -> None:
        """An empty database with the schema, and the topics: the one-shot job of docker-compose.yml."""
        self.postgres.execute(f"create database {self.database}")
        self.hub("topics", "apply")
        self.hub("status")

    def hub(self, *words: str, seconds: float = 180) -> str:
        """What a command prints. Raises ``NoServer`` with its complaint where it fails."""
        command = [sys.executable, "-m", "hub.cli", *words, "-w", str(self.workspace)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.environment(), timeout=seconds, check=False
        )
        if done.returncode:
            raise NoServer(f"hub {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def json(self, *words: str, seconds: float = 180) -> Any:
        return json.loads(self.hub(*words, "--format", "json", seconds=seconds))

    def start(self, name: str, parts: str, *options: str) -> Child:
        """A ``hub worker`` by that name; one that is there under the name must have ended."""
        words = [sys.executable, "-m", "hub.cli", "worker", "--parts", parts, *options, "-w", str(self.workspace)]
        log = self.workspace / f"{name}.log"
        self.children[name] = Child(words, log, env=self.environment(), cwd=self.workspace)
        return self.children[name]

    def start_all(self, workers: int) -> None:
        """An intake and so many workers; returns once the intake answers."""
        self.start("intake", "intake")
        for number in range(1, workers + 1):
            self.start(f"worker-{number}", PARTS)
        self.wait_for_intake()

    def wait_for_intake(self, seconds: float = SERVES_WITHIN_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not self._answers():
            intake = self.children["intake"]
            if not intake.alive or time.monotonic() > deadline:
                raise NoServer(f"the intake does not answer at {self.url}:\n{intake.last_words()}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(f"{self.url}/health", timeout=5).close()
        except (urllib.error.URLError, OSError):
            return False
        return True

    def stop(self) -> None:
        """Every process of the hub, all at once, in order."""
        for child in self.children.values():
            if child.alive:
                child.thaw()
                child.ask_to_stop()
        for child in self.children.values():
            child.stop(STOPS_WITHIN_SECONDS)

    def environment(self) -> dict[str, str]:
        """Ours, without what would point the hub elsewhere."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"):
            ours.pop(name, None)
        return ours | {"PYTHONPATH": str(ROOT)}


@contextmanager
def standing(
    servers: Path, workspace: Path, *, nodes: int = 1, durable: bool = False, database: str = "hub", port: int = 0
) -> Iterator[Stack]:
    """Kafka and PostgreSQL in ``servers`` (a folder other accounts may enter), an empty ``workspace``.

    At the end everything that was started is stopped. The next steps are ``configure``, ``prepare``, ``start_all``.
    """
    shutil.rmtree(workspace, ignore_errors=True)
    with ExitStack() as stack:
        kafka = stack.enter_context(broker.running(servers / "kafka", nodes))
        store = stack.enter_context(postgres.running(servers / "postgres", durable=durable))
        made = Stack(workspace, kafka, store, database, port or broker.free_ports(1)[0])
        stack.callback(made.stop)
        yield made
