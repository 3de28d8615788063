"""What the hub publishes, on a real Kafka, from a real history: field by field, in order, none lost."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hub.bootstrap import open_workspace
from hub.log.access import Access
from hub.log.producing import Producing
from hub.log.publish import CONSUMER, Publisher
from hub.log.shapes import published
from hub.log.topics import Topics
from hub.model.clock import SECOND, iso
from hub.model.effect import EffectState
from hub.model.instance import LoopState
from hub.store.open import open_store
from hub.store.queries.events import events
from hub.store.queries.records import quarantined
from hub.store.sqlite import SqliteStore
from tests.docs.manual import first_cells, page, section
from tests.integration.workspace import ROOT, Space
from tests.kafka_stage import make_topics, records
from tests.stores import StandingClock

pytestmark = pytest.mark.real_server
PAGE = page("topics.md")
KINDS = open_workspace(ROOT, environ={}).schemas.newest


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database after both sample stories: entities, loops, effects, set-aside records."""
    space = Space(tmp_path_factory.mktemp("publish") / "space")
    space.hub("ingest", "jira", str(space.story("jira")))
    space.hub("ingest", "trello", str(space.story("trello")))
    space.json("settle")
    return space.folder / ".hub" / "hub.db"


@pytest.fixture
def store(history: Path, tmp_path: Path) -> Iterator[SqliteStore]:
    """A copy of it for one test."""
    for name in history.parent.glob("hub.db*"):
        (tmp_path / name.name).write_bytes(name.read_bytes())
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}", StandingClock()) as opened:
        yield opened


@pytest.fixture
def topics(kafka: str, topic_prefix: str) -> Topics:
    topics = Topics(topic_prefix, partitions=3, replication=1)
    make_topics(kafka, topics.wanted([], KINDS))
    return topics


def publish(store: SqliteStore, kafka: str, topics: Topics, turns: int = 1) -> list[int]:
    """So many turns of a fresh publisher; gives how many records each published."""

    async def work() -> list[int]:
        publisher = Publisher(store, Producing(Access((kafka,))), topics, KINDS)
        try:
            return [await publisher.turn() for _ in range(turns)]
        finally:
            await publisher.close()

    return asyncio.run(work())


def messages(kafka: str, topic: str) -> list[tuple[int, str, dict[str, str], Any]]:
    """(partition, key, headers, data) of a topic, partition by partition in order."""
    found = records(kafka, topic)
    return [
        (part, one.key.decode(), {name: value.decode() for name, value in one.headers}, json.loads(one.value))  # type: ignore[attr-defined]
        for part in sorted(found)
        for one in found[part]
    ]


def everything(kafka: str, topics: Topics) -> dict[str, list[tuple[int, str, dict[str, str], Any]]]:
    names = [topics.loop, *map(topics.event, KINDS)]
    return {name: messages(kafka, name) for name in names}


def test_every_event_goes_out_once_as_a_cloudevent(store: SqliteStore, kafka: str, topics: Topics) -> None:
    publish(store, kafka, topics, turns=2)
    with store.read() as db:
        told = {one["id"]: one for one in events(db)}
    sent = everything(kafka, topics)
    assert sorted(headers["ce_id"] for some in sent.values() for _, _, headers, _ in some) == sorted(told)

    for topic, some in sent.items():
        for _, key, headers, data in some:
            event = told[headers["ce_id"]]
            kind, _, name = event["stream"].partition("/")
            wanted = {
                "ce_specversion": "1.0",
                "ce_source": "/hub",
                "ce_type": f"hub.{event['type']}",
                "ce_subject": name,
                "ce_time": iso(event["time"]),
                "ce_dataschema": f"urn:projops-hub:event:{event['schema'].replace('/', ':')}",
                "ce_partitionkey": key,
                "ce_sequence": str(event["version"]),
                "ce_recorded": iso(event["recorded"]),
                "ce_correlationid": event["correlation"],
                "ce_causationid": event["causation"],
                "ce_logic": event["logic"],
                "content-type": "application/json",
            }
            assert {name: headers[name] for name in wanted} == wanted
            assert headers.get("ce_delivery", "") == event["delivery"]
            assert data == event["data"]
            assert topic == (topics.loop if kind in ("loop", "effect") else topics.event(kind))
            if kind != "effect":
                assert key == name


def test_attributes_have_names_cloudevents_allows(store: SqliteStore, kafka: str, topics: Topics) -> None:
    publish(store, kafka, topics)
    names = {name for some in everything(kafka, topics).values() for _, _, headers, _ in some for name in headers}
    names |= {name for _, _, headers, _ in messages(kafka, topics.quarantine) for name in headers}

    assert all(re.fullmatch(r"ce_[a-z0-9]{1,20}|content-type", name) for name in names)
    assert names == first_cells(section(PAGE, "What every published record carries"))


def test_data_is_what_its_json_schema_says(store: SqliteStore, kafka: str, topics: Topics) -> None:
    publish(store, kafka, topics)
    shapes = published(open_workspace(ROOT, environ={}).schemas.all)
    seen = set()
    for some in (*everything(kafka, topics).values(), messages(kafka, topics.quarantine)):
        for _, _, headers, data in some:
            seen.add(headers["ce_dataschema"])
            jsonschema.validate(data, shapes[headers["ce_dataschema"]])

    assert seen >= {f"urn:projops-hub:event:{one}:v1" for one in ("project", "loop", "effect", "quarantine")}


def test_the_schemas_name_every_state() -> None:
    shapes = published([])
    states = {one: shapes[f"urn:projops-hub:event:{one}:v1"]["properties"]["set"]["properties"]["state"]["enum"]
              for one in ("loop", "effect")}  # fmt: skip

    assert {one: set(found) for one, found in states.items()} == {"loop": set(LoopState), "effect": set(EffectState)}
    for shape in shapes.values():
        jsonschema.Draft202012Validator.check_schema(shape)


def test_events_of_one_entity_and_of_one_closing_are_in_order(store: SqliteStore, kafka: str, topics: Topics) -> None:
    publish(store, kafka, topics)
    with store.read() as db:
        position = {one["id"]: one["position"] for one in events(db)}
    for some in everything(kafka, topics).values():
        by_key: dict[str, list[int]] = {}
        partitions: dict[str, set[int]] = {}
        for part, key, headers, _ in some:
            by_key.setdefault(key, []).append(position[headers["ce_id"]])
            partitions.setdefault(key, set()).add(part)
        assert all(found == sorted(found) for found in by_key.values())
        assert all(len(found) == 1 for found in partitions.values())


def test_a_set_aside_record_is_told_when_it_comes_and_when_it_goes(
    store: SqliteStore, kafka: str, topics: Topics
) -> None:
    publish(store, kafka, topics, turns=3)
    with store.read() as db:
        aside = {one.id: one for one in quarantined(db, closed=True)}
    first = messages(kafka, topics.quarantine)
    assert sorted(headers["ce_subject"] for _, _, headers, _ in first) == sorted(aside)

    (one, *_) = aside.values()
    at = one.since + SECOND

    def changed(statement: str, *values: int) -> tuple[dict[str, str], Any]:
        """What is told after that change."""
        before = messages(kafka, topics.quarantine)
        store.write_now(lambda t: t.db.execute(f"UPDATE quarantine SET {statement} WHERE id = ?", (*values, one.id)))
        publish(store, kafka, topics, turns=2)
        (new,) = [each for each in messages(kafka, topics.quarantine) if each not in before]
        return new[2], new[3]

    headers, data = changed("since = ?, closed_at = NULL, closed_by = ''", at)
    assert (headers["ce_type"], headers["ce_time"], data["closed_at"]) == ("hub.quarantine.opened", iso(at), None)
    headers, data = changed("closed_at = ?, closed_by = 'x'", at + SECOND)
    assert (headers["ce_type"], headers["ce_subject"]) == ("hub.quarantine.closed", one.id)
    assert (data["closed_at"], data["reason"]) == (iso(at + SECOND), one.reason)


def ids(kafka: str, topics: Topics) -> list[str]:
    return [headers["ce_id"] for some in everything(kafka, topics).values() for _, _, headers, _ in some]


def test_killed_before_its_checkpoint_it_repeats_with_equal_ids(
    store: SqliteStore, kafka: str, topics: Topics
) -> None:
    code = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from hub.log.access import Access\nfrom hub.log.producing import Producing\n"
        "from hub.log.publish import Publisher\nfrom hub.log.topics import Topics\n"
        "from hub.store.open import open_store\nfrom tests.stores import StandingClock\n"
        "store = open_store('sqlite:///' + sys.argv[1], StandingClock())\n"
        "async def die(work):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.write = die\n"
        "async def main():\n"
        "    topics = Topics(sys.argv[3], 3, 1)\n"
        "    await Publisher(store, Producing(Access((sys.argv[2],))), topics, sys.argv[4].split()).turn()\n"
        "asyncio.run(main())\n"
    )
    words = [sys.executable, "-c", code, str(store.path), kafka, topics.prefix, " ".join(KINDS)]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert store.checkpoint(CONSUMER, 0) == 0
    once = ids(kafka, topics)
    publish(store, kafka, topics)

    assert sorted(ids(kafka, topics)) == sorted(once * 2)
    assert len(set(once)) == len(once)


def test_of_two_that_believe_they_hold_the_lease_one_moves_the_checkpoint(
    store: SqliteStore, kafka: str, topics: Topics
) -> None:
    async def work() -> list[int]:
        both = [Publisher(store, Producing(Access((kafka,))), topics, KINDS) for _ in range(2)]
        found = await asyncio.gather(*(one.turn() for one in both))
        for one in both:
            await one.close()
        return list(found)

    asyncio.run(work())
    with store.read() as db:
        told = [one["id"] for one in events(db)]
        newest = max(one["position"] for one in events(db))

    assert set(ids(kafka, topics)) == set(told)
    assert store.checkpoint(CONSUMER, 0) == newest
    assert publish(store, kafka, topics, turns=1) == [0]


def test_from_postgresql_the_same_goes_out(
    database: str, kafka: str, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_STORE", database)
    space = Space(tmp_path / "space")
    space.hub("ingest", "jira", str(space.story("jira")))
    space.json("settle")
    workspace = open_workspace(space.folder)
    try:
        assert publish(workspace.store, kafka, topics, turns=3)[-1] == 0  # type: ignore[arg-type]
        with workspace.store.read() as db:
            told = {one["id"]: one["position"] for one in events(db)}
            aside = [one.id for one in quarantined(db, closed=True)]
        assert sorted(ids(kafka, topics)) == sorted(told)
        assert workspace.store.checkpoint(CONSUMER, 0) == max(told.values())
        assert aside
        assert sorted(headers["ce_subject"] for _, _, headers, _ in messages(kafka, topics.quarantine)) == sorted(
            aside
        )
    finally:
        workspace.store.close()
