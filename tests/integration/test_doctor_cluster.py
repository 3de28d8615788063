"""``hub doctor`` on Kafka and PostgreSQL: brokers, topics, offsets, schema, clock, workers."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from hub.bootstrap import open_workspace
from hub.cli.app import run
from hub.cli.doctor import diagnose
from hub.cli.doctor_line import Line
from tests.cluster.broker import HOST, free_ports

pytestmark = pytest.mark.real_server
ROOT = Path(__file__).parents[2]
HUB_YAML = """\
store: {store}
log: kafka
kafka: {{bootstrap: "{kafka}", partitions: 2, replication: 1, prefix: {prefix}, group: {prefix}}}
mappings: {root}/mappings
schemas: {root}/schemas
people: {root}/people.yaml
connections:
  jira: {{url: builtin, secret: "file:secret"}}
  trello: {{url: builtin, secret: "file:secret"}}
  erp: {{url: builtin}}
  mail: {{url: builtin}}
"""


def workspace(folder: Path, kafka: str, database: str, prefix: str) -> Path:
    text = HUB_YAML.format(store=database, kafka=kafka, prefix=prefix, root=ROOT)
    (folder / "hub.yaml").write_text(text, "utf-8")
    secret = folder / "secret"
    secret.write_text("an obviously made-up secret", "utf-8")
    secret.chmod(0o600)
    return folder


@pytest.fixture
def fresh(tmp_path: Path, kafka: str, database: str, topic_prefix: str) -> Path:
    """No topic, no schema yet."""
    return workspace(tmp_path, kafka, database, topic_prefix)


@pytest.fixture
def prepared(fresh: Path) -> Path:
    """Topics and schema as they must be."""
    assert run(["topics", "apply", "-w", str(fresh)]) == 0
    opened = open_workspace(fresh)
    opened.store.close()
    return fresh


def by_name(folder: Path) -> dict[str, Line]:
    return {line.what: line for line in diagnose(folder)}


def test_what_is_still_to_do_before_the_first_start_is_named(fresh: Path, topic_prefix: str, database: str) -> None:
    lines = by_name(fresh)
    assert lines[f"topic {topic_prefix}.delivery.jira"] == Line(
        f"topic {topic_prefix}.delivery.jira", "fail", "missing", "hub topics apply"
    )
    assert lines["schema"].level == "warn"
    with psycopg.connect(database) as db:
        assert db.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,)


def test_a_prepared_cluster_wants_only_workers_and_more_brokers(prepared: Path) -> None:
    wrong = {name: line.level for name, line in by_name(prepared).items() if line.level != "ok"}
    assert wrong.pop("workers") == "warn"
    assert wrong.pop("kafka replication") == "warn"
    assert wrong == {"store settings": "warn"}  # the server of the tests does without fsync


def test_offsets_that_cannot_be_are_told_apart(prepared: Path, kafka: str, database: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}.delivery.jira"
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        for _ in range(5):
            producer.send(topic, b"{}", partition=0).get(timeout=30)
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.delete_records({TopicPartition(topic, 0): 3})
    with psycopg.connect(database) as db:
        rows = [(topic, 0, 1), (topic, 1, 99)]
        db.cursor().executemany(
            "INSERT INTO checkpoint (consumer, partition, position, expected) VALUES (%s, %s, %s, 0)", rows
        )
    lines = by_name(prepared)
    assert "records 1 to 2 were deleted before they were read" in lines[f"offsets of {topic}/0"].message
    assert "the checkpoint 99 lies behind the end 0" in lines[f"offsets of {topic}/1"].message
    assert lines["offsets"].message.endswith("2 deliveries to conclude")


def test_a_broker_that_is_away_is_one_line_and_the_database_is_still_looked_at(
    tmp_path: Path, database: str, topic_prefix: str
) -> None:
    folder = workspace(tmp_path, f"{HOST}:{free_ports(1)[0]}", database, topic_prefix)
    # In a process of its own: kafka-python leaves sockets open where nobody listens.
    command = [sys.executable, "-m", "hub.cli", "doctor", "-w", str(folder), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    lines = {one["what"]: Line(**one) for one in json.loads(done.stdout)["lines"]}
    assert lines["kafka"].level == "fail"
    assert "start the brokers" in lines["kafka"].fix
    assert lines["store"].level == "ok"


def test_a_database_that_is_away_is_one_line_and_the_brokers_are_still_looked_at(
    tmp_path: Path, kafka: str, topic_prefix: str
) -> None:
    nobody = f"postgresql://hub@{HOST}:{free_ports(1)[0]}/hub"
    lines = by_name(workspace(tmp_path, kafka, nobody, topic_prefix))
    assert lines["store"].level == "fail"
    assert lines["kafka"].level == "ok"
