"""``hub ingest`` on a workspace whose log is Kafka and whose store is PostgreSQL, driven as a person would."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.log.spool import spooled
from hub.log.topics import Topics
from tests.integration.workspace import Space
from tests.kafka_stage import kept

pytestmark = pytest.mark.real_server


@pytest.fixture
def space(tmp_path: Path, kafka: str, topic_prefix: str, database: str, monkeypatch: pytest.MonkeyPatch) -> Space:
    made = Space(tmp_path / "space")
    text = (made.folder / "hub.yaml").read_text("utf-8")
    where = f"log: kafka\nkafka: {{bootstrap: '{kafka}', prefix: {topic_prefix}, replication: 1, partitions: 2}}\n"
    (made.folder / "hub.yaml").write_text(text + where, "utf-8")
    monkeypatch.setenv("HUB_STORE", database)
    made.json("topics", "apply")
    return made


def test_what_is_ingested_stands_in_the_topic_and_is_in_flight(space: Space, kafka: str, topic_prefix: str) -> None:
    story = space.story("jira")
    count = len(story.read_text("utf-8").splitlines())
    assert space.json("ingest", "jira", str(story)) == {"received": count, "duplicate": 0, "refused": []}

    found = kept(kafka, Topics(topic_prefix, 2, 1), "jira")
    assert (len(found), {one.origin for one in found}) == (count, {"ingest"})
    assert space.json("lag")["connections"]["jira"]["lag"] == count
    assert space.json("status")["records"]["in_flight"] == count


def test_without_brokers_it_is_kept_here_and_the_next_command_sends_it(
    space: Space, kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = space.story("jira")
    count = len(story.read_text("utf-8").splitlines())
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    assert space.json("ingest", "jira", str(story))["received"] == count
    assert spooled(space.folder / ".hub" / "spool") == {"jira": count}
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS")
    more = space.folder / "one.json"
    more.write_bytes(b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "fields": {}}}')
    assert space.json("ingest", "jira", str(more))["received"] == 1

    assert spooled(space.folder / ".hub" / "spool") == {}
    assert len(kept(kafka, Topics(topic_prefix, 2, 1), "jira")) == count + 1
