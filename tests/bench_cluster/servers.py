"""One Kafka and one PostgreSQL for a bench: durable, with the whole compiler, each costed apart."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import broker, postgres

POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "4GB"}
"""What one sets on any machine with a database that is written to; everything that keeps data safe is as shipped."""


@dataclass(frozen=True, slots=True)
class Servers:
    kafka: broker.Broker
    postgres: postgres.Postgres
    folder: Path

    @property
    def pids(self) -> dict[str, int]:
        return {"broker": self.kafka.nodes[0].running().pid, "database": self.postgres.running().pid}


@contextmanager
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-bench-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o755)
        kafka = stack.enter_context(broker.running(folder / "kafka", long_lived=True, heap="1g"))
        database = stack.enter_context(postgres.running(folder / "postgres", durable=True, settings=POSTGRES))
        yield Servers(kafka, database, folder)
