"""Kafka and PostgreSQL for the tests: one of each a session, something fresh of each a test.

``KAFKA_BOOTSTRAP_SERVERS`` and ``DATABASE_URL`` name servers to use instead of our own (a superuser's address, any
database). Both are also settings of the hub itself, so they are taken out of the environment before any test sees it.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cluster.child import NoServer

LOUD = "NO SERVER:"


def set_aside(name: str) -> str | None:
    """What the environment says; kept under a name of the tests, so that processes of pytest-xdist find it too."""
    kept = f"HUB_TEST_{name}"
    if name in os.environ:
        os.environ[kept] = os.environ.pop(name)
    return os.environ.get(kept)


GIVEN_KAFKA = set_aside("KAFKA_BOOTSTRAP_SERVERS")
GIVEN_DATABASE = set_aside("DATABASE_URL")


def without(what: str, error: NoServer) -> None:
    """A server cannot be had: a failure in CI, elsewhere a skip nobody overlooks."""
    if os.environ.get("CI"):
        raise error
    pytest.skip(f"{LOUD} {what} could not be had, its tests did not run: {error}")


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """Where the session's servers live: outside pytest's own folder, which other accounts may not enter."""
    with tempfile.TemporaryDirectory(prefix="hub-servers-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def kafka(servers_folder: Path) -> Iterator[str]:
    """The bootstrap address of a Kafka that every test of the session shares: never stop it."""
    if GIVEN_KAFKA is not None:
        yield GIVEN_KAFKA
        return
    from tests.cluster.broker import running

    try:
        with running(servers_folder / "kafka") as broker:
            yield broker.bootstrap
    except NoServer as error:
        without("Kafka", error)


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[str]:
    """The address of the maintenance database of a PostgreSQL that every test of the session shares."""
    if GIVEN_DATABASE is not None:
        yield GIVEN_DATABASE
        return
    from tests.cluster.postgres import running

    try:
        with running(servers_folder / "postgres") as server:
            yield server.admin
    except NoServer as error:
        without("PostgreSQL", error)


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The address of an empty database of this test's own, dropped at its end whoever is still connected."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    name = f"test_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"create database {name}".encode())
        try:
            yield with_database(postgres, str(conninfo_to_dict(postgres).get("dbname", "")), name)
        finally:
            admin.execute(f"drop database if exists {name} with (force)".encode())


def with_database(url: str, old: str, new: str) -> str:
    """The same server's address with another database in its path."""
    address, question, options = url.partition("?")
    return f"{address.removesuffix(f'/{old}')}/{new}{question}{options}"


@pytest.fixture
def topic_prefix(kafka: str) -> Iterator[str]:
    """What this test's topics and groups are to begin with; the topics are deleted at its end."""
    from kafka.admin import KafkaAdminClient

    prefix = f"t{uuid.uuid4().hex[:12]}"
    yield prefix
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        ours = [name for name in admin.list_topics() if name.startswith(prefix)]
        if ours:
            admin.delete_topics(ours)
