"""What the brokers have, compared with what must be there, and made so. Blocking: for the command line.

kafka-python reports most errors in what it returns, not as exceptions: every entry is looked at here, and what is
wrong with one becomes ``Refused`` with the broker's own words. It must not know which topics there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Literal, NamedTuple

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError, for_code

from hub.errors import RetryableError
from hub.log.access import Access
from hub.log.producing import Away
from hub.log.topics import Topic

BOOTSTRAP_MS = 10_000
REQUEST_MS = 30_000
UNKNOWN_TOPIC = 3
_MESSAGE = re.compile(r"""error_message=(['"])(.+?)\1[,)]""")


class Refused(RetryableError):
    """The brokers answered, and said no."""

    slug = "kafka-refused"


class Layout(NamedTuple):
    """A topic as it is. ``short``: partitions with fewer replicas in sync than they should have."""

    partitions: int
    replication: int
    short: tuple[int, ...]
    configs: Mapping[str, str]


class Change(NamedTuple):
    """One difference. Who mends it: ``apply``, ``repartition`` (apply, when told to) or ``hand``."""

    topic: str
    what: Literal["create", "config", "partitions", "replication"]
    name: str
    now: str
    wanted: str
    by: Literal["apply", "repartition", "hand"]


class Span(NamedTuple):
    """Offsets of a partition: the oldest record, and the one after the newest."""

    first: int
    end: int


@contextmanager
def administration(access: Access) -> Iterator[Administration]:
    """Raises ``Away`` when no broker answers."""
    try:
        arguments = {**access.arguments(), "bootstrap_timeout_ms": BOOTSTRAP_MS, "request_timeout_ms": REQUEST_MS}
        client = KafkaAdminClient(**arguments, client_id="hub-admin")
    except KafkaError as error:
        raise _away(access, error) from error
    with closing(client):
        try:
            yield Administration(client)
        except KafkaError as error:
            raise Refused(f"the brokers refused: {type(error).__name__}", why=_words(error)) from error


class Administration:
    """The brokers' topics. Every method asks anew."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def numbers(self) -> list[int]:
        """The brokers that are there."""
        return sorted(int(one["broker_id"]) for one in self._client.describe_cluster()["brokers"])

    def layouts(self, names: Sequence[str]) -> dict[str, Layout]:
        """Those of the named topics that exist."""
        found = {one["name"]: one for one in self._client.describe_topics(list(names)) if _exists(one)}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, None) for name in found]
        told = self._client.describe_configs(resources, config_filter="all").get("topic", {}) if found else {}
        return {name: _layout(one["partitions"], told.get(name) or {}) for name, one in found.items()}

    def plan(self, wanted: Iterable[Topic]) -> list[Change]:
        """What is different, by topic."""
        topics = list(wanted)
        there = self.layouts([one.name for one in topics])
        return [change for topic in topics for change in differences(topic, there.get(topic.name))]

    def create(self, topic: Topic) -> None:
        """Raises ``Refused``."""
        told = {"num_partitions": topic.partitions, "replication_factor": topic.replication}
        wanted = {topic.name: {**told, "configs": dict(topic.configs)}}
        answer = self._client.create_topics(wanted, wait_for_metadata=True)
        for one in answer["topics"]:
            _check(one["error_code"], one["error_message"], topic.name)

    def configure(self, topic: Topic) -> None:
        """Set our settings; others of the topic stay as they are. Raises ``Refused``."""
        wanted = ConfigResource(ConfigResourceType.TOPIC, topic.name, dict(topic.configs))
        answer = self._client.alter_configs([wanted])["topic"][topic.name]
        if answer != "OK":
            raise Refused(f"the brokers refused the settings of {topic.name}", why=str(answer))

    def repartition(self, topic: Topic) -> None:
        """More partitions: from now on keys go to other ones. Raises ``Refused``."""
        answer = self._client.create_partitions({topic.name: topic.partitions})
        for one in answer.results:
            _check(one.error_code, one.error_message, topic.name)

    def spans(self, names: Sequence[str]) -> dict[tuple[str, int], Span]:
        """Where every partition of those topics begins and ends; topics that are not there are left out."""
        counts = {
            one["name"]: len(one["partitions"]) for one in self._client.describe_topics(list(names)) if _exists(one)
        }
        places = [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]
        if not places:
            return {}
        first = self._client.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
        end = self._client.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
        return {(one.topic, one.partition): Span(first[one].offset, end[one].offset) for one in places}


def differences(topic: Topic, there: Layout | None) -> list[Change]:
    """What makes the topic that is there another one than it must be. Pure."""
    if there is None:
        told = f"{topic.partitions} partitions, {topic.replication} replicas"
        return [Change(topic.name, "create", "", "", told, "apply")]
    found: list[Change] = []
    if there.partitions != topic.partitions:
        more = topic.partitions > there.partitions
        by: Literal["repartition", "hand"] = "repartition" if more else "hand"
        found.append(Change(topic.name, "partitions", "", str(there.partitions), str(topic.partitions), by))
    if there.replication != topic.replication:
        found.append(Change(topic.name, "replication", "", str(there.replication), str(topic.replication), "hand"))
    for name, value in topic.configs.items():
        if there.configs.get(name) != value:
            found.append(Change(topic.name, "config", name, there.configs.get(name, ""), value, "apply"))
    return found


def _exists(described: Mapping[str, Any]) -> bool:
    if described["error_code"] == UNKNOWN_TOPIC:
        return False
    _check(described["error_code"], "", described["name"])
    for one in described["partitions"]:
        _check(one["error_code"], "", f"{described['name']}/{one['partition_index']}")
    return True


def _layout(partitions: Sequence[Mapping[str, Any]], configs: Mapping[str, Mapping[str, Any]]) -> Layout:
    short = tuple(one["partition_index"] for one in partitions if len(one["isr_nodes"]) < len(one["replica_nodes"]))
    replication = min((len(one["replica_nodes"]) for one in partitions), default=0)
    return Layout(len(partitions), replication, short, {name: str(one["value"]) for name, one in configs.items()})


def _check(code: int, message: str | None, where: str) -> None:
    if code:
        kind = for_code(code)
        raise Refused(f"the brokers refused: {kind.__name__}", where=where, why=message or kind.description or "")


def _words(error: KafkaError) -> str:
    """The broker's own sentence, out of a message that repeats the whole request and answer."""
    found = _MESSAGE.search(str(error))
    return found[2] if found else str(error)


def _away(access: Access, error: KafkaError) -> Away:
    return Away(
        "no broker answers",
        where=", ".join(access.bootstrap),
        why=f"{type(error).__name__}: {error}",
        fix="start the brokers, or correct kafka.bootstrap in hub.yaml (KAFKA_BOOTSTRAP_SERVERS goes before it)",
    )
