"""The wire to PostgreSQL: encrypted, checked against an authority and a name; a password that has to be right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.errors import RetryableError
from hub.store.open import open_postgres
from tests.cluster import certificates
from tests.cluster.child import NoServer
from tests.cluster.fixtures import without
from tests.cluster.postgres import Postgres, running
from tests.cluster.tls_front import in_front_of
from tests.stores import StandingClock

HBA = """\
host all guarded 127.0.0.1/32 scram-sha-256
host all hub 127.0.0.1/32 trust
"""


@pytest.fixture(scope="module")
def server(servers_folder: Path) -> Iterator[Postgres]:
    folder = servers_folder / "postgres-secured"
    folder.mkdir()
    hba = folder / "pg_hba.conf"
    hba.write_text(HBA, "utf-8")
    hba.chmod(0o644)
    try:
        with running(folder / "postgres", settings={"hba_file": str(hba)}) as found:
            found.execute("create role guarded login password 'a sample password'")
            found.execute("create database guarded owner guarded")
            yield found
    except NoServer as error:
        without("PostgreSQL", error)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("keys")
    certificates.make(made)
    certificates.make(made / "others")
    return made


@pytest.fixture
def port(server: Postgres, folder: Path) -> Iterator[int]:
    with in_front_of(server.port, folder / "server.pem") as front:
        yield front


def test_a_store_over_tls_with_the_right_authority_name_and_password(port: int, folder: Path) -> None:
    url = f"postgresql://guarded@localhost:{port}/guarded?sslmode=verify-full&sslrootcert={folder}/ca.pem"
    with open_postgres(url, StandingClock(), "a sample password") as store:
        store.write_now(lambda t: t.create_checkpoint("engine", 0, 7))
        assert store.checkpoint("engine", 0) == 7
        with store.read() as db:
            assert db.connection.driver_connection.pgconn.ssl_in_use  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("where", "options", "password"),
    [
        ("localhost", "sslmode=verify-full&sslrootcert={0}/others/ca.pem", "a sample password"),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert={0}/ca.pem", "a sample password"),
        ("localhost", "sslmode=disable", "a sample password"),
        ("localhost", "sslmode=verify-full&sslrootcert={0}/ca.pem", "another sample password"),
    ],
    ids=["another authority", "another name", "no TLS", "another password"],
)
def test_anything_else_is_refused_and_tells_no_secret(
    port: int, folder: Path, where: str, options: str, password: str
) -> None:
    url = f"postgresql://guarded@{where}:{port}/guarded?{options.format(folder)}"
    with pytest.raises(RetryableError) as caught:
        open_postgres(url, StandingClock(), password)
    assert "sample password" not in str(caught.value)
