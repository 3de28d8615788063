"""The wiring towards Kafka: ``kafka:`` of ``hub.yaml`` becomes addresses, credentials and topic names."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from hub.errors import ConfigError
from hub.log.access import Access
from hub.log.kafka import KafkaLog, Route
from hub.log.producing import Producing
from hub.log.reserve import Reserve
from hub.log.topics import Topics
from hub.references import resolve
from hub.settings_kafka import KafkaSettings, TlsSettings

if TYPE_CHECKING:
    from hub.bootstrap import Workspace

SPOOL = "spool"
"""The folder in ``.hub/`` that holds what waits for the brokers."""
logger = structlog.get_logger()


def access_of(settings: KafkaSettings, root: Path, environ: Mapping[str, str]) -> Access:
    """Raises ``SecretMissing`` where the password cannot be found, ``ConfigError`` for unusable certificates."""
    bootstrap = tuple(one.strip() for one in settings.bootstrap.split(","))
    tls = None if settings.tls is None else _context(settings.tls, root)
    if settings.sasl is None:
        return Access(bootstrap, tls)
    sasl = settings.sasl
    return Access(bootstrap, tls, sasl.mechanism, sasl.username, resolve(sasl.password, root, environ))


def topics_of(settings: KafkaSettings) -> Topics:
    return Topics(settings.prefix, settings.partitions, settings.replication, settings.retention)


def kafka_log(workspace: Workspace) -> KafkaLog:
    """The log of a workspace with ``log: kafka``."""
    folder = workspace.state / SPOOL
    reserve = Reserve(folder, workspace.clock)
    brokers, route = workspace.brokers, _route_of(workspace)
    return KafkaLog(workspace.store, lambda: Producing(brokers), workspace.topics, route, folder, reserve)


def _route_of(workspace: Workspace) -> Route:
    """Each connector's own. A bug in one costs an order, never a delivery (I11)."""

    def route(connection: str, headers: Mapping[str, str], body: bytes) -> str:
        try:
            return workspace.connector(connection).route(headers, body)
        except Exception:
            logger.exception("connector failed", action="route.bug", connection=connection)
            return ""

    return route


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
