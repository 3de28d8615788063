"""The store's share of the budgets: durable appends and the engine's write, each beside raw sqlite3 in one run."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from hub.engine.embedded import tune
from hub.log.port import Arrival
from hub.log.sql import SqlLog
from hub.model.changes import Changes, Outcome, Touched
from hub.model.entity import Entity, Mark, SourceMarks
from hub.model.event import Event, event_id
from hub.store import hot_sqlite
from hub.store.sqlite import SqliteStore
from tests.bench.row import Row
from tests.stores import temp_store

BODY = orjson.dumps({"issue": {f"customfield_{n}": "value of some length, as issues have them " for n in range(40)}})
STATE = {f"field_{n}": f"value {n} of some length" for n in range(30)}
DATA = orjson.dumps(STATE)
BATCH, BATCHES = 1_000, 10
CALLERS, CALLS = 32, 300


def measure() -> dict[str, float]:
    """Rows or calls a second; ``raw_*`` is executemany of the same bytes with the same pragmas."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            "append_batched": _in(folder, "a", _append_batched),
            "raw_append_batched": _raw_append(Path(folder)),
            "append_32_callers": _in(folder, "b", _append_concurrent),
            "raw_commit_a_call": _raw_commits(Path(folder)),
            "engine_write": _in(folder, "c", _engine_writes),
            "raw_engine_write": _raw_engine(Path(folder)),
        }


def _in(folder: str, name: str, run: Callable[[SqliteStore], float]) -> float:
    place = Path(folder) / name
    place.mkdir()
    with temp_store(place) as store:
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            return run(store)
        finally:
            gc.enable()


def _arrivals(first: int, count: int) -> list[Arrival]:
    return [
        Arrival("jira", b"%d" % n + BODY, {"x-id": str(n)}, n, "webhook", str(n)) for n in range(first, first + count)
    ]


def _append_batched(store: SqliteStore) -> float:
    log = SqlLog(store)
    batches = [_arrivals(n * BATCH, BATCH) for n in range(BATCHES)]
    started = time.perf_counter()
    for batch in batches:
        log.append_now(batch)
    return BATCH * BATCHES / (time.perf_counter() - started)


def _append_concurrent(store: SqliteStore) -> float:
    log = SqlLog(store)
    arrivals = _arrivals(0, CALLERS * CALLS)

    async def caller(number: int) -> None:
        for arrival in arrivals[number::CALLERS]:
            await log.append([arrival])

    async def all_callers() -> float:
        started = time.perf_counter()
        await asyncio.gather(*(caller(number) for number in range(CALLERS)))
        return CALLERS * CALLS / (time.perf_counter() - started)

    tune()
    return asyncio.run(all_callers())


def _changes(batch: int) -> Changes:
    changes = Changes(expected=BATCH)
    for n in range(BATCH):
        key, version = f"jira:{n if batch % 2 else BATCH + n}", batch // 2 + 1
        changes.events.append(
            Event(
                event_id(str(batch), n, "t", 0), f"project/{key}", version, "project.changed", 1, 2, DATA,
                "project/v1", "ab" * 32, "ab" * 32, "l" * 16, "ab" * 32,
            )
        )  # fmt: skip
        marks = {f"jira/{n}": SourceMarks(Mark(batch, version))}
        changes.entities["project", key] = Entity("project", key, f"OPS-{n}", version, STATE, marks)
        changes.outcomes.append(Outcome(batch * BATCH + n, 0, "rd/project/pm.issue", "applied"))
    return changes


def _engine_writes(store: SqliteStore) -> float:
    batches = [_changes(batch) for batch in range(BATCHES)]
    started = time.perf_counter()
    for number, changes in enumerate(batches):

        def work(t: object, changes: Changes = changes, number: int = number) -> None:
            t.load(Touched(entities=frozenset(changes.entities)))  # type: ignore[attr-defined]
            t.write(changes, 1)  # type: ignore[attr-defined]
            t.advance("engine", 0, number, number + 1, BATCH)  # type: ignore[attr-defined]

        store.write_now(work)
    return BATCH * BATCHES / (time.perf_counter() - started)


def _raw_append(folder: Path) -> float:
    db = _schema(folder / "raw-a.db")
    rows = [(n, "jira", n.to_bytes(32, "big"), n.to_bytes(16, "big"), 0, str(n), n, "webhook", 0, "", b"{}", BODY)
            for n in range(BATCH * BATCHES)]  # fmt: skip
    return _batches(db, [(hot_sqlite.INSERT_DELIVERY, rows)])


def _raw_commits(folder: Path) -> float:
    """What 32 callers would get if each had a commit of its own."""
    db = _schema(folder / "raw-b.db")
    started = time.perf_counter()
    for n in range(CALLS):
        row = (
            n + 1,
            "jira",
            n.to_bytes(32, "big"),
            n.to_bytes(16, "big"),
            0,
            str(n),
            n,
            "webhook",
            0,
            "",
            b"{}",
            BODY,
        )
        db.execute("BEGIN IMMEDIATE")
        db.execute(hot_sqlite.INSERT_DELIVERY, row)
        db.execute("COMMIT")
    taken = time.perf_counter() - started
    db.close()
    return CALLS / taken


def _raw_engine(folder: Path) -> float:
    db = _schema(folder / "raw-c.db")
    total = BATCH * BATCHES
    texts = ("project/v1", "ab" * 32, "ab" * 32, "l" * 16, "ab" * 32)
    events = [(n + 1, n, 1, n.to_bytes(16, "big"), "project.changed", 1, 2, *texts, 0, DATA) for n in range(total)]
    entities = [(n % (2 * BATCH), "project", f"jira:{n}", f"OPS-{n}", 1, 0, DATA, b"{}") for n in range(total)]
    outcomes = [(n, 0, "rd/project/pm.issue", "applied", "") for n in range(total)]
    return _batches(
        db,
        [
            (hot_sqlite.INSERT_EVENT, events),
            (hot_sqlite.UPSERT_ENTITY, entities),
            (hot_sqlite.UPSERT_OUTCOME, outcomes),
        ],
    )


def _batches(db: sqlite3.Connection, work: list[tuple[str, list[tuple[object, ...]]]]) -> float:
    started = time.perf_counter()
    for first in range(0, BATCH * BATCHES, BATCH):
        db.execute("BEGIN IMMEDIATE")
        for statement, rows in work:
            db.executemany(statement, rows[first : first + BATCH])
        db.execute("COMMIT")
    taken = time.perf_counter() - started
    db.close()
    return BATCH * BATCHES / taken


def _schema(path: Path) -> sqlite3.Connection:
    """An empty database with the hub's own tables, written to without the hub."""
    place = path.with_suffix("")
    place.mkdir()
    temp_store(place).close()
    return hot_sqlite.connect_writer(place / "hub.db")


def rows() -> list[Row]:
    found = measure()
    names = {
        "append_batched": ("deliveries appended, batches of 1,000", "raw_append_batched", "executemany, same bytes"),
        "append_32_callers": ("deliveries appended by 32 callers", "raw_commit_a_call", "a commit for each"),
        "engine_write": ("load + write of the engine's batch", "raw_engine_write", "executemany, same rows"),
    }
    return [
        Row("store", path, found[name], "rows/s", found[raw], limit) for name, (path, raw, limit) in names.items()
    ]
