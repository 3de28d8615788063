"""Workers on a real Kafka and PostgreSQL: the same result as one embedded hub, whoever dies or freezes meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from hub.bootstrap import open_workspace
from hub.cli.serving import Serving
from hub.cli.working import Working
from hub.log.port import Arrival
from tests.cluster.broker import HOST, free_ports
from tests.cluster.child import Child
from tests.integration.workspace import Space
from tests.stores import StandingClock
from tests.worker_stage import ClusterSpace, history, twins

pytestmark = pytest.mark.real_server
DELIVERIES = int(os.environ.get("HUB_HISTORY", "2000"))
RECOVERS_SECONDS = 60.0
"""For all that is left to do, processes started anew included, on a machine that does other things besides."""
ENTITIES = "SELECT kind, key, label, version, deleted, state FROM entity ORDER BY kind, key"
OUTCOMES = (
    "SELECT d.connection, o.table_name, o.verdict, o.reason, count(*) FROM outcome o JOIN delivery d"
    " ON d.position = o.position WHERE d.origin = 'ingest' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
)


@pytest.fixture
def stage(tmp_path: Path, kafka: str, database: str, topic_prefix: str) -> Iterator[ClusterSpace]:
    """Eight partitions; the twins are the test's."""
    space = ClusterSpace(tmp_path / "cluster", kafka, database, topic_prefix, 8, "1s")
    with twins(space):
        yield space


@contextmanager
def workers(space: ClusterSpace, slots: Iterable[str]) -> Iterator[dict[str, Child]]:
    running = {slot: space.worker(slot) for slot in slots}
    try:
        for slot, one in running.items():
            space.serving(one, slot)
        yield running
    finally:
        for one in running.values():
            one.kill()


def exact(space: ClusterSpace, deliveries: int, documents: int) -> None:
    """Nothing lost, nothing twice: by the ERP's own books, and by the hub's balance."""
    assert Counter(space.documents().values()) == Counter({1: documents} if documents else {})
    assert space.landed() == deliveries
    assert (
        space.number("SELECT count(*) FROM (SELECT stream, version FROM event GROUP BY 1, 2 HAVING count(*) > 1) e")
        == 0
    )
    records = space.json("status")["records"]
    assert (records["unaccounted"], records["in_flight"]) == (0, 0)


# --- the same as one hub alone


def rows(space: Space, statement: str) -> list[tuple[Any, ...]]:
    if isinstance(space, ClusterSpace):
        with psycopg.connect(space.database) as db:
            return [tuple(row) for row in db.execute(statement.encode())]
    with closing(sqlite3.connect(space.folder / ".hub" / "hub.db")) as db:
        return [tuple(row) for row in db.execute(statement)]


def events(space: Space) -> list[dict[str, Any]]:
    return [json.loads(line) for line in space.hub("events", "--format", "json").stdout.splitlines()]


def arrivals(bodies: list[bytes]) -> list[Arrival]:
    return [Arrival("jira", body, {}, 1_772_600_000_000_000 + n * 1000, "ingest") for n, body in enumerate(bodies)]


async def test_one_partition_and_one_worker_give_the_very_events_of_the_embedded_hub(
    tmp_path: Path, kafka: str, database: str, topic_prefix: str
) -> None:
    """Also recording times: both stand at the same moment. Nothing is due in it, so that no role writes between."""
    first, last, _ = history(DELIVERIES, every=40)
    alone = Space(tmp_path / "alone", "1h")
    cluster = ClusterSpace(tmp_path / "cluster", kafka, database, topic_prefix, 1, "1h")
    with twins(cluster):
        opened = open_workspace(cluster.folder, clock=StandingClock())
        async with Working(opened, ("engine",)):
            await opened.log.append(arrivals(first + last))
            async with asyncio.timeout(240):
                while opened.log.end() < len(first + last):  # noqa: ASYNC110 - another process would ring no bell
                    await asyncio.sleep(0.1)
    opened = open_workspace(alone.folder, clock=StandingClock())
    async with Serving(opened, listen=False) as serving:
        await opened.log.append(arrivals(first + last))
        serving.host.wake()
        await serving.host.idle()
    assert len(events(alone)) > DELIVERIES / 2
    assert events(cluster) == events(alone)
    assert rows(cluster, OUTCOMES) == rows(alone, OUTCOMES)


def told_of_objects(space: Space) -> dict[str, list[Any]]:
    """The events of each entity in their order, without when they were recorded and where they stand."""
    found: dict[str, list[Any]] = {}
    for one in events(space):
        if one["delivery"]:
            said = [one[name] for name in ("id", "version", "type", "time", "data", "schema", "logic", "record")]
            found.setdefault(one["stream"], []).append(said)
    kinds = {str(row[0]) for row in rows(space, "SELECT DISTINCT kind FROM entity")}
    return {stream: told for stream, told in found.items() if stream.partition("/")[0] in kinds}


def states(space: Space) -> list[tuple[Any, ...]]:
    return [(*row[:4], bool(row[4]), orjson.loads(row[5])) for row in rows(space, ENTITIES)]


def effects(space: Space) -> dict[str, Any]:
    return {one["key"]: (one["state"], one["payload"], one["subject"]) for one in space.json("effect", "list")}


def test_eight_partitions_and_three_workers_end_where_the_embedded_hub_ends(
    stage: ClusterSpace, tmp_path: Path
) -> None:
    first, last, documents = history(DELIVERIES, every=20)
    alone = Space(tmp_path / "alone", "1s")
    for number, bodies in enumerate((first, last)):
        file = alone.folder / f"{number}.jsonl"
        file.write_bytes(b"".join(orjson.dumps({"body": orjson.Fragment(body)}) + b"\n" for body in bodies))
        alone.hub("ingest", "jira", str(file))
        alone.hub("settle", "--timeout", "100")
    with workers(stage, "abc"):
        stage.ingest(first)
        stage.until(lambda: stage.landed() == len(first))
        stage.ingest(last, "closings")
        stage.until(lambda: stage.confirmed() == documents)
        assert stage.json("settle", "--timeout", "60")["settled"]
    exact(stage, len(first + last), documents)
    assert told_of_objects(stage) == told_of_objects(alone)
    assert states(stage) == states(alone)
    assert effects(stage) == effects(alone)
    assert rows(stage, OUTCOMES) == rows(alone, OUTCOMES)


# --- whatever happens to workers


def test_workers_that_are_killed_lose_nothing_and_double_nothing(stage: ClusterSpace) -> None:
    first, last, documents = history(DELIVERIES)
    with workers(stage, "abc") as running:
        stage.ingest(first)
        running["a"].kill()
        stage.until(lambda: stage.landed() > len(first) // 3)
        running["b"].kill()
        running["a"] = stage.worker("a")
        stage.until(lambda: stage.landed() == len(first))
        running["b"] = stage.worker("b")
        stage.ingest(last, "closings")
        stage.until(lambda: stage.confirmed() > documents // 4)
        holder = stage.ask("SELECT holder FROM lease WHERE name = 'effect/erp'")[0][0]
        slot = str(holder)[0]
        running[slot].kill()  # amid its sending
        running[slot] = stage.worker(slot)
        took = stage.until(lambda: stage.confirmed() == documents)
        assert took < RECOVERS_SECONDS
        exact(stage, len(first + last), documents)


def test_a_frozen_worker_is_replaced_and_does_nothing_more_when_it_wakes(stage: ClusterSpace) -> None:
    """Frozen for longer than its leases and its session with the broker, in the middle of both."""
    first, last, documents = history(DELIVERIES)
    with workers(stage, "ab") as running:
        stage.ingest(first)
        stage.until(lambda: stage.landed() == len(first))
        stage.ingest(last, "closings")
        stage.until(lambda: stage.confirmed() > documents // 5)
        holder = str(stage.ask("SELECT holder FROM lease WHERE name = 'effect/erp'")[0][0])[0]
        frozen = running[holder]
        frozen.freeze()
        stage.until(lambda: stage.confirmed() == documents)
        stage.until(lambda: stage.json("status")["records"]["in_flight"] == 0)
        frozen.thaw()
        stage.until(lambda: stage.said(holder).count("lease.lost") > 0 or not frozen.alive)
        assert stage.json("settle", "--timeout", "60")["settled"]
        exact(stage, len(first + last), documents)


def test_a_rolling_restart_moves_no_partition_and_changes_nothing(stage: ClusterSpace) -> None:
    first, last, documents = history(DELIVERIES)
    with workers(stage, "ab") as running:
        stage.ingest(first)
        for slot in "ab":
            assert running[slot].stop() == 0
            before = stage.said(slot).count("pump.assigned")
            other = "b" if slot == "a" else "a"
            assigned = stage.said(other).count("pump.assigned")
            running[slot] = stage.worker(slot)
            stage.until(lambda slot=slot, before=before: stage.said(slot).count("pump.assigned") > before)  # type: ignore[misc]
            assert stage.said(other).count("pump.assigned") == assigned
        stage.until(lambda: stage.landed() == len(first))
        stage.ingest(last, "closings")
        stage.until(lambda: stage.confirmed() == documents)
        exact(stage, len(first + last), documents)


def test_a_worker_that_dies_between_its_commit_and_the_hint_repeats_nothing(stage: ClusterSpace) -> None:
    bodies = history(200)[0]
    one = stage.worker("a", crash_at="B8")
    stage.serving(one, "a")
    stage.ingest(bodies)
    stage.until(lambda: not one.alive)
    assert stage.landed() > 0
    with workers(stage, "a"):
        stage.until(lambda: stage.landed() == len(bodies))
    exact(stage, len(bodies), 0)


def test_a_checkpoint_moved_back_reads_again_and_makes_no_document_twice(stage: ClusterSpace) -> None:
    first, last, documents = history(200)
    with workers(stage, "a"):
        stage.ingest(first)
        stage.until(lambda: stage.landed() == len(first))
        stage.ingest(last, "closings")
        stage.until(lambda: stage.confirmed() == documents)
        before = states(stage)
        with psycopg.connect(stage.database) as db:
            db.execute("UPDATE checkpoint SET position = 0 WHERE consumer LIKE '%.delivery.jira'")
        stage.until(lambda: stage.landed() == 2 * len(first + last))
        assert stage.json("settle", "--timeout", "60")["settled"]
        assert [row[:3] for row in states(stage)] == [row[:3] for row in before]
        exact(stage, 2 * len(first + last), documents)


# --- starting, and commands beside


def test_without_a_broker_a_worker_says_so_and_ends_with_1(stage: ClusterSpace) -> None:
    file = stage.folder / "hub.yaml"
    lines = file.read_text("utf-8").splitlines()
    nobody = f"{HOST}:{free_ports(1)[0]}"
    lines = [
        line if not line.startswith("kafka:") else f"kafka: {{bootstrap: '{nobody}', replication: 1}}"
        for line in lines
    ]
    file.write_text("\n".join(lines), "utf-8")
    said = stage.hub("worker", expect=1).stderr
    assert "no broker answers" in said
    assert "fix: start the brokers" in said


def test_without_its_topics_a_worker_says_how_to_make_them(stage: ClusterSpace) -> None:
    file = stage.folder / "hub.yaml"
    file.write_text(file.read_text("utf-8").replace("prefix: ", "prefix: other-"), "utf-8")
    assert "hub topics apply" in stage.hub("worker", expect=1).stderr


def test_a_workspace_on_kafka_is_not_served_by_one_process_alone(stage: ClusterSpace) -> None:
    assert "hub worker" in stage.hub("run", expect=2).stderr


def test_the_story_settles_without_a_worker_and_beside_one_and_people_decide(stage: ClusterSpace) -> None:
    assert stage.json("ingest", "jira", str(stage.story("jira")))["received"] == 36
    found = stage.json("settle", "--timeout", "60")
    assert found["settled"]
    assert found["status"]["records"]["unaccounted"] == 0
    waiting = [one["ref"] for one in found["waiting"] if one["kind"] == "approval"]
    made = len(stage.documents())
    with workers(stage, "a"):
        for ref in waiting:
            stage.hub("loop", "approve", ref, "--as", "E1003", "--why", "checked")
        stage.until(lambda: len(stage.documents()) > made)
        assert stage.json("settle", "--timeout", "60")["settled"]
    assert set(stage.documents().values()) == {1}
    published = stage.number("SELECT position FROM checkpoint WHERE consumer = 'publish/event'")
    assert published == stage.number("SELECT max(position) FROM event")
