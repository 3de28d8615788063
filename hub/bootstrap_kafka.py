"""The wiring towards Kafka: ``kafka:`` of ``hub.yaml`` becomes addresses, credentials and topic names."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from hub.errors import ConfigError
from hub.log.access import Access
from hub.log.topics import Topics
from hub.references import resolve
from hub.settings_kafka import KafkaSettings, TlsSettings


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
