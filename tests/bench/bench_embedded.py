"""Delivery in the log → event committed: the embedded engine on SQLite (synchronous=FULL), beside raw writes.

The raw limit is ``executemany`` of the very rows the engine wrote (event, entity, outcome, stream), in commits of the
same size, on an empty database with the same pragmas: what the disk and SQLite cost when nobody thinks.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import tempfile
import time
from pathlib import Path

from connectors.jira.decode import decode
from hub.bootstrap import SystemClock
from hub.cli.run import run_loop
from hub.engine.advance import Engine
from hub.engine.embedded import tune
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.store import hot_sqlite
from hub.store.sqlite import SqliteStore
from tests.bench import bench_engine
from tests.bench.row import Row
from tests.stores import temp_store

RECORDS, OBJECTS, BATCH, ROUNDS = 20_000, 4_000, 1_000, 2
TABLES = ("stream", "event", "entity", "outcome")


def rows() -> list[Row]:
    tune()
    ours = raw = float("inf")
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            with temp_store(place) as store:
                ours = min(ours, run_loop(_engine(store)))
            raw = min(raw, _raw(place))
    limit = RECORDS / raw, "executemany of the same rows"
    name = "embedded, durable: delivery in the log → event committed"
    return [Row("embedded", name, RECORDS / ours, "records/s", *limit, 15_000)]


async def _engine(store: SqliteStore) -> float:
    """Seconds for the whole log, in the host's batches, garbage collected between them as the host does."""
    catalog = bench_engine.catalog()
    log = SqlLog(store)
    for first in range(0, RECORDS, BATCH):
        await log.append([_arrival(number) for number in range(first, first + BATCH)])
    engine = Engine(store, log, lambda: catalog, {"jira": lambda headers, body: decode(body)}, SystemClock())
    gc.disable()
    started = time.perf_counter()
    done = 0
    while step := await engine.step(BATCH):
        done += step
        await asyncio.sleep(0)
    taken = time.perf_counter() - started
    gc.enable()
    assert done == RECORDS
    return taken


def _arrival(number: int) -> Arrival:
    body = bench_engine.body(number % OBJECTS, number // OBJECTS)
    return Arrival("jira", body, {}, bench_engine.NOW + number, "webhook", str(number))


def _raw(place: Path) -> float:
    """The same rows again, table by table, into an empty database of the same shape."""
    source = sqlite3.connect(place / "hub.db")
    empty = place / "raw"
    empty.mkdir()
    temp_store(empty).close()
    target = hot_sqlite.connect_writer(empty / "hub.db")
    work = [(_insert(source, table), source.execute(f"SELECT * FROM {table}").fetchall()) for table in TABLES]
    started = time.perf_counter()
    commits = RECORDS // BATCH
    for nth in range(commits):
        target.execute("BEGIN IMMEDIATE")
        for statement, found in work:
            size = -(-len(found) // commits)
            target.executemany(statement, found[nth * size : (nth + 1) * size])
        target.execute("COMMIT")
    taken = time.perf_counter() - started
    source.close()
    target.close()
    return taken


def _insert(db: sqlite3.Connection, table: str) -> str:
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
