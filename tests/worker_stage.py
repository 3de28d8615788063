"""A workspace on Kafka and PostgreSQL, its twins held by the test, and workers as processes of their own.

The twins outlive every worker, so the ERP's own count of documents is what really was sent, whoever sent it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
import psycopg

from hub.engine.runlock import RunLock
from hub.intake.twins import start_twins, stop_twins
from tests import project_history
from tests.cluster.child import Child
from tests.integration.workspace import ROOT, Space

PATIENCE_SECONDS = 90.0
CLUSTER = """\
store: {database}
log: kafka
kafka: {{bootstrap: "{kafka}", partitions: {partitions}, replication: 1, prefix: {prefix}, group: {prefix}}}
"""


class ClusterSpace(Space):
    """The folder, its servers and its workers."""

    def __init__(self, folder: Path, kafka: str, database: str, prefix: str, partitions: int, settle: str) -> None:
        super().__init__(folder, settle)
        self.database, self.workers = database, 0
        head = CLUSTER.format(database=database, kafka=kafka, partitions=partitions, prefix=prefix)
        file = folder / "hub.yaml"
        file.write_text(head + file.read_text("utf-8"), "utf-8")
        self.hub("topics", "apply")

    def worker(self, slot: str, *words: str, crash_at: str = "") -> Child:
        """A worker, started; ``log-SLOT`` holds what it says."""
        command = [sys.executable, "-m", "hub.cli", "worker", "--slot", slot, "-w", str(self.folder), *words]
        environ = {**os.environ, "HUB_CRASH_AT": crash_at, "PYTHONPATH": str(ROOT)}
        return Child(command, self.folder / f"log-{slot}", env=environ, cwd=self.folder)

    def serving(self, worker: Child, slot: str) -> None:
        """Wait until it has partitions, or ended instead."""
        self.until(lambda: not worker.alive or self.said(slot).count("pump.assigned") > 0)

    def said(self, slot: str) -> str:
        return (self.folder / f"log-{slot}").read_text("utf-8", "replace")

    def until(self, true: object, seconds: float = PATIENCE_SECONDS) -> float:
        """Wait for it; gives how long it took. A server of another process rings no bell."""
        began = time.monotonic()
        while not true():  # type: ignore[operator]
            assert time.monotonic() - began < seconds, "waited too long"
            time.sleep(0.1)
        return time.monotonic() - began

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.database) as db:
            return db.execute(statement).fetchall()

    def number(self, statement: str) -> int:
        return int(str(self.ask(statement)[0][0]))

    def ingest(self, bodies: Sequence[bytes], name: str = "history") -> None:
        file = self.folder / f"{name}.jsonl"
        lines = (orjson.dumps({"headers": {}, "body": orjson.Fragment(body)}) for body in bodies)
        file.write_bytes(b"\n".join(lines) + b"\n")
        found = self.json("ingest", "jira", str(file))
        assert found["received"] == len(bodies)
        assert found["refused"] == []

    def landed(self) -> int:
        return self.number("SELECT count(*) FROM delivery WHERE origin = 'ingest'")

    def open_effects(self) -> int:
        return self.number("SELECT count(*) FROM effect WHERE state NOT IN ('CONFIRMED')")

    def confirmed(self) -> int:
        return self.number("SELECT count(*) FROM effect WHERE state = 'CONFIRMED'")


@contextmanager
def twins(space: Space) -> Iterator[None]:
    """The workspace's builtin twins, held by the test as another worker would hold them."""
    folder = space.folder / ".hub" / "twins"
    lock = RunLock(folder)
    lock.take()
    running = start_twins({name: name for name in ("jira", "trello", "erp")}, folder)
    try:
        yield
    finally:
        stop_twins(running)
        lock.release()


def history(deliveries: int, every: int = 4) -> tuple[list[bytes], list[bytes], int]:
    """What is said before any project closes, the closings, and how many documents they ask for."""
    kept = project_history.CLOSES_EVERY
    project_history.CLOSES_EVERY = every
    try:
        bodies = project_history.history(deliveries, 0, padding=200).bodies
    finally:
        project_history.CLOSES_EVERY = kept
    last = [body for body in bodies if b'"resolutiondate":"2026' in body]
    return [body for body in bodies if b'"resolutiondate":"2026' not in body], last, 3 * len(last)
