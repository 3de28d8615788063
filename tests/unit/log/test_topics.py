"""Names and layout of the topics."""

from __future__ import annotations

import pytest

from hub.log.topics import Topics
from hub.model.clock import SECOND


def test_every_connection_and_entity_has_its_topic() -> None:
    names = [topic.name for topic in Topics("x").wanted(["jira", "erp"], ["project"])]

    assert names == ["x.control", "x.delivery.erp", "x.delivery.jira", "x.event.project", "x.loop", "x.quarantine"]


def test_a_connection_is_read_back_from_its_topic() -> None:
    topics = Topics("hub")

    assert topics.connection_of(topics.delivery("a-b_c")) == "a-b_c"
    with pytest.raises(ValueError, match="no deliveries"):
        topics.connection_of("hub.event.project")


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_one_broker_may_die_where_there_are_three(replication: int, in_sync: str) -> None:
    (topic, *_) = Topics(replication=replication, retention=3 * SECOND).wanted([], [])

    assert topic.configs["min.insync.replicas"] == in_sync
    assert topic.configs["retention.ms"] == "3000"
