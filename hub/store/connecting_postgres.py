"""Connections to PostgreSQL: their address, their password, and how each of the three kinds is tuned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict
from psycopg.raw_cursor import RawCursor

from hub.errors import ConfigError
from hub.store.driver_postgres import PREPARED_MAX, PostgresDatabase, adapters, explained

ABANDONED = "idle_in_transaction_session_timeout=10s"
"""A process that stands still inside a transaction loses it, and with it the locks others wait for."""
WRITING = (ABANDONED, "enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off", "jit=off")
"""Everything a writer asks is found by an index; a plan made while a table was empty must not outlive that."""
READING = (ABANDONED, "default_transaction_read_only=on", "enable_seqscan=off", "jit=off")
LOOKING = ("idle_in_transaction_session_timeout=10min", "jit=off")
ALIVE = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "hub",
}


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` names no password; ``password`` never shows in a message."""

    url: str
    password: str = field(default="", repr=False)

    @property
    def words(self) -> dict[str, Any]:
        """For libpq. What the URL says itself stands."""
        try:
            said = conninfo_to_dict(self.url)
        except psycopg.ProgrammingError as error:
            raise ConfigError(f"the store's address cannot be read: {error}", where="hub.yaml store") from error
        given = {"password": self.password} if self.password else {}
        return {**ALIVE, **given, **said}

    @property
    def shown(self) -> str:
        """``postgresql://hub@host:5432/hub``: where it is, without anything secret."""
        said = conninfo_to_dict(self.url)
        host, port = said.get("host", "localhost"), said.get("port", 5432)
        return f"postgresql://{said.get('user', '')}@{host}:{port}/{said.get('dbname', '')}"


def writer(address: Address) -> PostgresDatabase:
    """A connection that writes. Raises ``StoreBusy`` while the server is away."""
    return PostgresDatabase(_connected(address, WRITING), address.shown)


def reader(address: Address) -> PostgresDatabase:
    """One that can only read."""
    return PostgresDatabase(_connected(address, READING), address.shown)


def plain(address: Address) -> psycopg.Connection[Any]:
    """One for SQLAlchemy: snapshots that can only read."""
    connection = psycopg.connect(**_options(address, LOOKING))
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def changing(address: Address) -> psycopg.Connection[Any]:
    """One for SQLAlchemy that may change the schema."""
    return psycopg.connect(**_options(address, ()))


class _Adapting:
    """What a connection learns how to send values from."""

    connection = None

    @property
    def adapters(self) -> AdaptersMap:
        return adapters()


def _connected(address: Address, settings: tuple[str, ...]) -> psycopg.Connection[Any]:
    try:
        connection = psycopg.connect(
            **_options(address, settings),
            autocommit=True,
            cursor_factory=RawCursor,
            prepare_threshold=2,
            context=_Adapting(),
        )
    except psycopg.Error as error:
        raise explained(error, address.shown) from error
    connection.prepared_max = PREPARED_MAX
    return connection


def _options(address: Address, settings: tuple[str, ...]) -> dict[str, Any]:
    words = address.words
    ours = " ".join(f"-c {one}" for one in settings)
    return {**words, "options": f"{ours} {words.get('options', '')}".strip()}
