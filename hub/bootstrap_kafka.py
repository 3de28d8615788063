"""The wiring towards Kafka: ``kafka:`` of ``hub.yaml`` becomes addresses, credentials, topics and the log on them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import structlog

from hub.errors import ConfigError, RetryableError, UsageError
from hub.log.access import Access
from hub.log.kafka import KafkaLog
from hub.log.port import Outside
from hub.log.producing import Producing
from hub.log.reserve import Reserve
from hub.log.spool import spooled
from hub.log.topics import Topic, Topics
from hub.references import resolve
from hub.settings_kafka import KafkaSettings, TlsSettings
from hub.store.queries.status import checkpoints

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.log.publish import Publisher

logger = structlog.get_logger()


class Behind(NamedTuple):
    """How far the engine is in one partition; ``checkpoint`` None before its first batch."""

    connection: str
    partition: int
    end: int
    checkpoint: int | None
    lag: int


class Kafka:
    """The brokers of one workspace, and what the hub has there. Raises ``UsageError`` without ``log: kafka``."""

    def __init__(self, workspace: Workspace) -> None:
        if workspace.settings.log != "kafka":
            raise UsageError("this workspace keeps its log in the store", fix="write log: kafka into hub.yaml")
        self._workspace, self._settings = workspace, workspace.settings.kafka
        self._spool = workspace.state / "spool"

    @cached_property
    def access(self) -> Access:
        """How the brokers are reached. Raises ``SecretMissing``, ``ConfigError``."""
        return access_of(self._settings, self._workspace.root, self._workspace.environ)

    @cached_property
    def topics(self) -> Topics:
        one = self._settings
        return Topics(one.prefix, one.partitions, one.replication, one.retention)

    @cached_property
    def sources(self) -> list[str]:
        """The connections that something can arrive from."""
        return sorted(name for name, spec in self._workspace.specs.items() if spec.streams)

    def wanted(self) -> list[Topic]:
        """Every topic there must be."""
        return self.topics.wanted(self.sources, self._workspace.schemas.newest)

    def log(self) -> KafkaLog:
        workspace, access = self._workspace, self.access
        reserve = Reserve(self._spool, workspace.clock)
        return KafkaLog(workspace.store, lambda: Producing(access), self.topics, self._route, self._spool, reserve)

    def publisher(self) -> Publisher:
        """With a producer of its own (``close`` it); make it where the event loop runs."""
        from hub.log.publish import Publisher

        workspace = self._workspace
        return Publisher(workspace.store, Producing(self.access), self.topics, workspace.schemas.newest)

    def spools(self) -> Mapping[str, int]:
        """Connection -> how many records wait on this machine for the brokers."""
        return spooled(self._spool)

    def behind(self) -> list[Behind]:
        """Every partition of every delivery topic: end offset against the checkpoint row. Raises ``Away``."""
        from hub.log.administration import administration

        topics = {self.topics.delivery(name): name for name in self.sources}
        with administration(self.access) as brokers:
            spans = brokers.spans(list(topics))
        with self._workspace.store.read() as db:
            rows = checkpoints(db)
        found = []
        for (topic, partition), span in sorted(spans.items()):
            at = rows.get((topic, partition))
            lag = max(0, span.end - max(span.first, at or 0))
            found.append(Behind(topics[topic], partition, span.end, at, lag))
        return found

    def outside(self) -> Outside:
        """What is in Kafka above the checkpoints, and in the spools of this machine."""
        waiting = dict(self.spools())
        try:
            places = self.behind()
        except RetryableError as error:
            return Outside(waiting, error.what)
        for one in places:
            waiting[one.connection] = waiting.get(one.connection, 0) + one.lag
        return Outside(waiting)

    def _route(self, connection: str, headers: Mapping[str, str], body: bytes) -> str:
        """The connector's own. A bug in one costs an order, never a delivery (I11)."""
        try:
            return self._workspace.connector(connection).route(headers, body)
        except Exception:
            logger.exception("connector failed", action="route.bug", connection=connection)
            return ""


def access_of(settings: KafkaSettings, root: Path, environ: Mapping[str, str]) -> Access:
    """Raises ``SecretMissing`` where the password cannot be found, ``ConfigError`` for unusable certificates."""
    bootstrap = tuple(one.strip() for one in settings.bootstrap.split(","))
    tls = None if settings.tls is None else _context(settings.tls, root)
    if settings.sasl is None:
        return Access(bootstrap, tls)
    sasl = settings.sasl
    return Access(bootstrap, tls, sasl.mechanism, sasl.username, resolve(sasl.password, root, environ))


def _context(tls: TlsSettings, root: Path) -> ssl.SSLContext:
    """Certificates and host names are always verified; nothing switches that off."""
    try:
        context = ssl.create_default_context(cafile=str(root / tls.ca) if tls.ca else None)
        if tls.cert:
            context.load_cert_chain(root / tls.cert, root / tls.key if tls.key else None)
    except OSError as error:
        raise ConfigError(
            f"kafka.tls cannot be used: {error}",
            where="hub.yaml kafka.tls",
            why="ca, cert and key name files in PEM form, relative to the workspace",
            fix="give files that exist and belong together",
        ) from error
    return context
