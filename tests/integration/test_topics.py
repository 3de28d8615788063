"""``hub topics`` and ``hub lag`` on a real Kafka: what differs is named and made so, no refusal passes silently."""

from __future__ import annotations

import asyncio
import gc
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from hub.bootstrap import Workspace, open_workspace
from hub.cli.app import run
from hub.cli.lag import lag_json
from hub.cli.status import status_json
from hub.log.access import Access
from hub.log.administration import Refused, administration
from hub.log.topics import Topic
from hub.store.sqlite import SqliteStore
from tests.kafka_stage import arrival
from tests.stores import temp_store

pytestmark = pytest.mark.real_server
ONE_BROKER = "replication: 1, partitions: 2"


@pytest.fixture
def folder(tmp_path: Path, kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    write(tmp_path, topic_prefix)
    return tmp_path


def write(folder: Path, prefix: str, layout: str = ONE_BROKER) -> None:
    text = f"store: postgresql://hub@127.0.0.1/hub\nlog: kafka\nkafka: {{prefix: {prefix}, {layout}}}\n"
    (folder / "hub.yaml").write_text(text + "connections: {jira: {url: 'https://jira.example.com'}}\n")
    (folder / "mappings").mkdir(exist_ok=True)
    (folder / "schemas" / "project").mkdir(parents=True, exist_ok=True)
    (folder / "schemas" / "project" / "v1.json").write_text('{"type": "object", "properties": {}}')


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, object]:
    code = run([*words, "--format", "json"])
    return code, orjson.loads(capsys.readouterr().out)


def configure(kafka: str, topic: str, configs: dict[str, str]) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        assert admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)]) == {
            "topic": {topic: "OK"}
        }


def test_everything_is_missing_then_made_then_as_it_must_be(
    folder: Path, topic_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, changes = told(capsys, "topics", "plan", "-w", str(folder))
    names = [f"{topic_prefix}.{one}" for one in ("control", "delivery.jira", "event.project", "loop", "quarantine")]
    assert (code, [(one["topic"], one["what"]) for one in changes]) == (1, [(name, "create") for name in names])

    code, result = told(capsys, "topics", "apply", "-w", str(folder))
    assert (code, result["left"], len(result["done"])) == (0, [], 5)
    assert told(capsys, "topics", "plan", "-w", str(folder)) == (0, [])
    code, found = told(capsys, "topics", "describe", "-w", str(folder))
    assert sorted(found) == names
    layouts = {name: (one["partitions"], one["replication"], one["short"]) for name, one in found.items()}
    assert layouts == {name: (1 if name.endswith(".control") else 2, 1, []) for name in names}
    assert found[names[1]]["configs"]["max.message.bytes"] == str(12 << 20)


def test_a_changed_setting_is_named_and_set_back_and_others_stay(
    folder: Path, kafka: str, topic_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["topics", "apply", "-w", str(folder)])
    topic = f"{topic_prefix}.delivery.jira"
    configure(kafka, topic, {"max.message.bytes": "1000", "segment.ms": "77777"})
    capsys.readouterr()
    code, (change,) = told(capsys, "topics", "plan", "-w", str(folder))
    assert (code, change["topic"], change["name"], change["now"]) == (1, topic, "max.message.bytes", "1000")

    assert told(capsys, "topics", "apply", "-w", str(folder))[0] == 0
    _, found = told(capsys, "topics", "describe", "-w", str(folder))
    configs = found[topic]["configs"]
    assert (configs["max.message.bytes"], configs["segment.ms"]) == (str(12 << 20), "77777")


def test_partitions_grow_only_when_told_and_never_shrink(
    folder: Path, topic_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["topics", "apply", "-w", str(folder)])
    capsys.readouterr()
    write(folder, topic_prefix, "replication: 1, partitions: 4")
    code, result = told(capsys, "topics", "apply", "-w", str(folder))
    assert (code, result["done"], {one["by"] for one in result["left"]}) == (1, [], {"repartition"})
    code, result = told(capsys, "topics", "apply", "--repartition", "-w", str(folder))
    assert (code, len(result["done"]), result["left"]) == (0, 4, [])

    write(folder, topic_prefix, "replication: 1, partitions: 3")
    code, result = told(capsys, "topics", "apply", "--repartition", "-w", str(folder))
    assert (code, {one["by"] for one in result["left"]}) == (1, {"hand"})


def test_what_the_brokers_refuse_is_said_in_their_words(
    folder: Path, topic_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, topic_prefix, "replication: 3")
    assert run(["topics", "apply", "-w", str(folder)]) == 3
    words = capsys.readouterr().err
    assert "[kafka-refused]" in words
    assert "replication factor of 3" in words


def test_an_error_that_is_only_in_the_answer_is_found(kafka: str, topic_prefix: str) -> None:
    topic = Topic(f"{topic_prefix}.x", 1, 1, {"retention.ms": "1000"})
    with administration(Access((kafka,))) as brokers:
        brokers.create(topic)
        with pytest.raises(Refused, match="settings of"):
            brokers.configure(topic._replace(configs={"retention.ms": "soon"}))
    with pytest.raises(Refused, match="InvalidPartitions") as caught, administration(Access((kafka,))) as brokers:
        brokers.repartition(topic)
    assert caught.value.why == "Topic already has 1 partition(s)."


NO_CLIENT = "ignore::pytest.PytestUnraisableExceptionWarning"
"""kafka-python leaves a socket to the collector where it finds no broker."""


@pytest.mark.filterwarnings(NO_CLIENT)
def test_without_a_broker_it_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("hub.log.administration.BOOTSTRAP_MS", 300)
    assert run(["topics", "plan", "-w", str(folder)]) == 3
    assert "no broker answers [kafka-away]" in capsys.readouterr().err
    gc.collect()


def test_a_workspace_without_kafka_is_told_what_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hub.yaml").write_text("language: en\n")
    for words in (["topics", "plan"], ["lag"]):
        assert run([*words, "-w", str(tmp_path)]) == 2
        assert "log: kafka" in capsys.readouterr().err


def opened(folder: Path, store: SqliteStore) -> Workspace:
    """The workspace, on a store that needs no server."""
    workspace = open_workspace(folder)
    workspace.__dict__["store"] = store
    return workspace


def test_what_is_in_kafka_and_not_concluded_is_in_flight(folder: Path, topic_prefix: str) -> None:
    run(["topics", "apply", "-w", str(folder)])
    topic = f"{topic_prefix}.delivery.jira"
    with temp_store(folder) as store:
        workspace = opened(folder, store)

        async def send() -> None:
            await workspace.log.append([arrival(b'{"issue": {"id": "%d"}}' % n) for n in range(10)])
            await workspace.log.close()

        asyncio.run(send())
        found = lag_json(workspace)
        assert (found["lag"], found["spool"], found["connections"]["jira"]["lag"]) == (10, 0, 10)
        assert {one["checkpoint"] for one in found["connections"]["jira"]["partitions"]} == {None}

        ends = {one["partition"]: one["end"] for one in found["connections"]["jira"]["partitions"]}
        store.write_now(
            lambda t: [t.advance(topic, part, 0, end, 0) for part, end in ends.items() if part == 0 and end]
        )
        assert lag_json(workspace)["lag"] == 10 - ends[0]
        records = status_json(workspace)["records"]
        assert (records["in_flight"], records["received"], records["unaccounted"]) == (10 - ends[0], 10 - ends[0], 0)


@pytest.mark.filterwarnings(NO_CLIENT)
def test_status_speaks_while_the_brokers_are_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("hub.log.administration.BOOTSTRAP_MS", 300)
    with temp_store(folder) as store:
        workspace = opened(folder, store)

        async def send() -> None:
            await workspace.log.append([arrival(b"1"), arrival(b"2")])
            await workspace.log.close()

        asyncio.run(send())
        found = status_json(workspace)
    assert (found["records"]["in_flight"], found["brokers"]) == (2, "no broker answers")
    gc.collect()
