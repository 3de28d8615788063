"""Every topic of ours: its name, how it is laid out, what its settings must be. One place for all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hub.model.clock import SECOND, Micros

MESSAGE_BYTES_MAX = 12 << 20
"""A body may have 10 MiB; its headers and the record's own frame come on top."""
IN_SYNC_MIN = 2
"""Replicas that must hold a record before it counts as accepted, where there are at least three."""


class Topic(NamedTuple):
    """One topic as it must be. ``configs`` as the broker writes them: text."""

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Topics:
    """Names and layout, as ``kafka:`` of ``hub.yaml`` says."""

    prefix: str = "hub"
    partitions: int = 8
    replication: int = 3
    retention: Micros = 14 * 86_400 * SECOND

    def delivery(self, connection: str) -> str:
        return f"{self.prefix}.delivery.{connection}"

    def event(self, entity: str) -> str:
        return f"{self.prefix}.event.{entity}"

    @property
    def loop(self) -> str:
        return f"{self.prefix}.loop"

    @property
    def quarantine(self) -> str:
        return f"{self.prefix}.quarantine"

    @property
    def control(self) -> str:
        """A record in it makes every worker look at once whether there is something to do."""
        return f"{self.prefix}.control"

    def connection_of(self, topic: str) -> str:
        """Whose deliveries a topic holds. Raises ``ValueError`` for any other topic."""
        head = f"{self.prefix}.delivery."
        if not topic.startswith(head):
            raise ValueError(f"{topic} holds no deliveries")
        return topic[len(head) :]

    def wanted(self, connections: Iterable[str], entities: Iterable[str]) -> list[Topic]:
        """Every topic there must be, sorted by name."""
        names = {self.loop, self.quarantine}
        names.update(map(self.delivery, connections))
        names.update(map(self.event, entities))
        configs = self._configs()
        found = [Topic(name, self.partitions, self.replication, configs) for name in names]
        return sorted([*found, Topic(self.control, 1, self.replication, configs)])

    def _configs(self) -> dict[str, str]:
        return {
            "cleanup.policy": "delete",
            "compression.type": "producer",
            "max.message.bytes": str(MESSAGE_BYTES_MAX),
            "min.insync.replicas": str(IN_SYNC_MIN if self.replication > IN_SYNC_MIN else 1),
            "retention.bytes": "-1",
            "retention.ms": str(self.retention * 1_000 // SECOND),
            "unclean.leader.election.enable": "false",
        }
