"""The PostgreSQL store's share: batches identified, loaded, landed, written; CPU of client and server counted apart.

Beside it the same bytes through the same driver by plain inserts over arrays, without locks, identity or versions:
what no store could spend less than. CPU, not wall time: broker, database and worker share the cores of one machine.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from hub.intake.recorded import BadLine, recorded
from hub.log.port import Arrival
from hub.log.stored import sealed
from hub.model.changes import Changes, Outcome, Touched
from hub.store import hot_sqlite
from hub.store.open import open_postgres
from hub.store.port import Transaction
from hub.store.postgres import PostgresStore
from tests.bench.bench_store import DATA, _changes
from tests.bench.row import Row
from tests.cluster.postgres import Postgres, running
from tests.stores import StandingClock

BATCH, BATCHES, WARM = 1_000, 12, 2
STORY = Path(__file__).parents[2] / "connectors" / "jira" / "samples" / "story.jsonl"
BODY = max((raw.body for _, raw in recorded(STORY) if not isinstance(raw, BadLine)), key=len)
"""A body as Jira sends them: what the server's compression makes of it counts."""
TICKS = os.sysconf("SC_CLK_TCK")
SETTINGS = {"max_locks_per_transaction": "1024", "shared_buffers": "256MB", "max_wal_size": "4GB"}


@dataclass(frozen=True, slots=True)
class Cost:
    """µs of CPU a record."""

    client: float
    server: float

    @property
    def both(self) -> float:
        return self.client + self.server


def measure() -> dict[str, Cost]:
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with running(folder / "postgres", durable=True, settings=SETTINGS) as server:
            return {"ours": _in(server, "ours", _hub), "raw": _in(server, "raw", _raw)}


def _in(server: Postgres, name: str, work: Callable[[PostgresStore], Callable[[int], None]]) -> Cost:
    server.execute(f"create database {name}")
    with open_postgres(server.url(name), StandingClock()) as store:
        step = work(store)
        for number in range(WARM):
            step(number)
        gc.collect()
        gc.disable()
        began, ran = time.process_time(), _cpu_of(server)
        for number in range(WARM, WARM + BATCHES):
            step(number)
        client, other = time.process_time() - began, _cpu_of(server) - ran
        gc.enable()
    return Cost(client * 1e6 / (BATCH * BATCHES), other * 1e6 / (BATCH * BATCHES))


def _cpu_of(server: Postgres) -> float:
    """Seconds of all processes of the server, the waited-for ones too; background work up to now is part of it."""
    with psycopg.connect(server.admin, autocommit=True) as admin:
        admin.execute("checkpoint")
    parent = server.running().pid
    found = 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            found += _seconds(entry, parent)
    return found


def _seconds(entry: Path, parent: int) -> float:
    try:
        fields = (entry / "stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    mine, own = int(entry.name) == parent, int(fields[1]) == parent
    taken = fields[11:15] if mine else fields[11:13]
    return sum(map(int, taken)) / TICKS if mine or own else 0.0


def _hub(store: PostgresStore) -> Callable[[int], None]:
    batches = [_batch(store, number) for number in range(WARM + BATCHES)]

    def step(number: int) -> None:
        arrivals, changes = batches[number]
        placed = store.identify(arrivals)
        first = placed[0].position

        def work(t: Transaction) -> None:
            before = t.checkpoint("engine", 0)
            t.load(Touched(entities=frozenset(changes.entities), quarantined=frozenset(changes.entities)))
            t.land(arrivals, placed)
            changes.outcomes = [Outcome(first + n, 0, "rd/project/pm.issue", "applied") for n in range(BATCH)]
            t.write(changes, 1)
            t.advance("engine", 0, before, before + BATCH, BATCH)

        store.write_now(work)

    return step


def _batch(store: PostgresStore, number: int) -> tuple[list[object], Changes]:
    bodies = [b"%d" % n + BODY for n in range(number * BATCH, (number + 1) * BATCH)]
    arrivals = [sealed(store, Arrival("jira", body, {"x-id": "1"}, 1, "webhook", str(n)))
                for n, body in enumerate(bodies, number * BATCH)]  # fmt: skip
    return arrivals, _changes(number)


def _raw(store: PostgresStore) -> Callable[[int], None]:
    texts = ("project/v1", "ab" * 32, "ab" * 32, "l" * 16, "ab" * 32)

    def step(number: int) -> None:
        span = range(number * BATCH + 1, (number + 1) * BATCH + 1)
        keys = [(n, n.to_bytes(32, "big")) for n in span]
        rows = {
            hot_sqlite.INSERT_DELIVERY: [
                (n, "jira", key, key, 0, str(n), n, "webhook", False, "", b"{}", BODY) for n, key in keys
            ],
            hot_sqlite.INSERT_EVENT: [
                (n, n, 1, key[:16], "project.changed", 1, 2, *texts, 0, DATA) for n, key in keys
            ],
            hot_sqlite.UPSERT_ENTITY: [
                (n % (2 * BATCH), "project", f"jira:{n}", f"OPS-{n}", 1, False, DATA, b"{}") for n in span
            ],
            hot_sqlite.UPSERT_OUTCOME: [(n, 0, "rd/project/pm.issue", "applied", "") for n in span],
        }
        store.write_now(lambda t: [t.db.executemany(statement, some) for statement, some in rows.items()])

    return step


def rows() -> list[Row]:
    found = measure()
    ours, raw = found["ours"], found["raw"]
    path = "PostgreSQL: identify + load + land + write, 1,000 a batch"
    said = "the same bytes by plain inserts over arrays"
    return [
        Row("postgres", f"{path}, client CPU", ours.client, "µs", raw.client, said),
        Row("postgres", f"{path}, server CPU", ours.server, "µs", raw.server, said),
        Row("postgres", f"{path}, both", ours.both, "µs", raw.both, said),
    ]


if __name__ == "__main__":
    for name, cost in measure().items():
        print(f"{name}: client {cost.client:.1f} µs, server {cost.server:.1f} µs a record")
