"""The only wiring: a workspace folder becomes settings, definitions, store, log, connectors, catalog, host.

Everything here is made when first asked for, and what only some commands need is imported then: a command that
only reads a file never opens the database, one that only reads the database never loads the engine.
Nothing here decides anything; what is wrong with the folder is a ``ConfigError`` with every finding.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.connector import registry
from hub.connector.base import Connection, Connector
from hub.connector.spec import ConnectorSpec
from hub.engine.runlock import is_served, read_note
from hub.errors import ConfigError, NotFound
from hub.model.clock import SECOND, Clock, Micros
from hub.references import SecretMissing, resolve
from hub.settings import (
    FILE,
    TOKEN_CHARACTERS_MIN,
    ConnectionSettings,
    Settings,
    check_connection,
    read_settings,
    shown,
)

if TYPE_CHECKING:
    from hub.bootstrap_kafka import Kafka
    from hub.engine.facts import Answer
    from hub.engine.transaction import Guard
    from hub.intake.gate import Gate
    from hub.log.port import Log, Outside
    from hub.mapping.build import Built
    from hub.mapping.catalog import Catalog, ConnectionFacts
    from hub.mapping.check.checked import CheckContext
    from hub.mapping.table import IntegrationDef
    from hub.model.diagnostic import Diagnostic
    from hub.model.fact import Fact
    from hub.model.people import People
    from hub.model.schema import Schemas
    from hub.store.port import Store


class SystemClock:
    """The machine's clock, in whole microseconds."""

    def now(self) -> Micros:
        return time.time_ns() // 1000


def open_workspace(root: Path, *, clock: Clock | None = None, environ: Mapping[str, str] = os.environ) -> Workspace:
    """The workspace in that folder. Raises ``ConfigError`` with everything wrong with ``hub.yaml``."""
    settings, positions = read_settings(root, environ)
    workspace = Workspace(root, settings, clock or SystemClock(), environ)
    findings = [
        finding
        for name, connection in settings.connections.items()
        for finding in check_connection(name, connection, workspace.specs[name], positions, shown(root / FILE))
    ]
    if findings:
        raise ConfigError(f"{shown(root / FILE)}: {len(findings)} problems", findings)
    return workspace


class Workspace:
    """One folder and all that is made of it."""

    def __init__(self, root: Path, settings: Settings, clock: Clock, environ: Mapping[str, str]) -> None:
        self.root, self.settings, self.clock, self.environ = root, settings, clock, environ
        self.state = root / ".hub"
        self._sound = False

    @cached_property
    def specs(self) -> Mapping[str, ConnectorSpec]:
        """The SPEC of each connection. Raises ``NotFound`` for a connector nobody ships."""
        return {name: registry.spec_of(found.connector) for name, found in self.settings.connections.items()}

    @cached_property
    def schemas(self) -> Schemas:
        from hub.model.schema import load_schemas

        return load_schemas(self.root / self.settings.schemas)

    @cached_property
    def people(self) -> People:
        from hub.mapping.people_file import load_people

        file = self.root / self.settings.people
        return load_people(file, shown(file))

    @cached_property
    def built(self) -> tuple[Built, ...]:
        """Every mapping file, read and built, with what is wrong with its grammar."""
        from hub.mapping.build import build_file

        folder = self.root / self.settings.mappings
        files = [file for file in sorted(folder.glob("*.yaml")) if not file.name.endswith(".cases.yaml")]
        return tuple(build_file(file, self.schemas.newest, name=shown(file)) for file in files)

    @property
    def definitions(self) -> Mapping[str, IntegrationDef]:
        """The integrations as their files say them, checked or not."""
        return {one.definition.name: one.definition for one in self.built if one.definition is not None}

    @cached_property
    def check_context(self) -> CheckContext:
        from hub.mapping.check.checked import CheckContext

        polls = {name: one.poll for name, one in self.settings.connections.items() if one.poll}
        return CheckContext(self.schemas, self.specs, self.people, polls)

    def check(self) -> list[Diagnostic]:
        """Every problem of every mapping file, in one run."""
        from hub.mapping.check.run import check_integrations

        return check_integrations(self.built, self.check_context)

    @cached_property
    def connection_facts(self) -> Mapping[str, ConnectionFacts]:
        return {name: self._facts(name, found) for name, found in self.settings.connections.items()}

    def _facts(self, name: str, settings: ConnectionSettings) -> ConnectionFacts:
        from hub.mapping.catalog import ConnectionFacts
        from hub.mapping.endpoints import Updates

        offered = registry.class_of(settings.connector).offered(self.values(name))
        actions = {action.name: action for action in offered}
        quiesce = None if settings.quiesce is None else settings.quiesce // SECOND
        updates = {
            stream.name: Updates(
                stream.update_action, stream.updatable, {one.path: one.type for one in stream.fields}
            )
            for stream in self.specs[name].streams
            if stream.update_action in actions
        }
        paces = (quiesce, updates, settings.sends_per_second)
        return ConnectionFacts(name, settings.connector, actions, settings.refetch == "on", *paces)

    @cached_property
    def store(self) -> Store:
        """The database, at the newest schema."""
        from hub.store.open import open_postgres, open_store

        if self.settings.in_postgres:
            return open_postgres(self.settings.store, self.clock, self.store_password)
        return open_store(f"sqlite:///{self.database}", self.clock)

    @property
    def store_password(self) -> str:
        """Of the PostgreSQL user; empty where none is named. Raises ``SecretMissing``."""
        reference = self.settings.store_password
        return resolve(reference, self.root, self.environ) if reference else ""

    @property
    def database(self) -> Path:
        """The file an SQLite store lies in."""
        path = self.settings.store.partition(":")[2]
        return (self.root / path.removeprefix("///")).absolute()

    @cached_property
    def log(self) -> Log:
        if self.settings.log == "kafka":
            return self.kafka.log()
        from hub.log.sql import SqlLog

        return SqlLog(self.store)

    @cached_property
    def kafka(self) -> Kafka:
        """The brokers of this workspace. Raises ``UsageError`` where its log is elsewhere."""
        from hub.bootstrap_kafka import Kafka

        return Kafka(self)

    def outside(self) -> Outside:
        """What is accepted and not in the store yet; with ``log: kafka`` the brokers are asked (some 100 ms)."""
        from hub.log.port import Outside

        return self.kafka.outside() if self.settings.log == "kafka" else Outside({})

    @cached_property
    def catalog(self) -> Catalog:
        """Everything deciding needs, compiled. Raises ``ConfigError`` with every problem of the mapping files."""
        from hub import versions

        self._refuse_errors()
        return versions.catalog(self, versions.live(self))

    @cached_property
    def in_force(self) -> Catalog:
        """What was activated last. A person's decision is about a loop that runs under it, whatever somebody is
        editing at the moment."""
        from hub import versions

        return versions.catalog(self, versions.last_activated(self))

    def _refuse_errors(self) -> None:
        """Once: the files were read once, too."""
        if self._sound:
            return
        errors = [finding for finding in self.check() if finding.level == "error"]
        if errors:
            raise ConfigError(f"{len(errors)} problems in mapping files", errors, fix="run: hub check")
        self._sound = True

    def activate(self) -> None:
        """A process that decides starts: governance off records what the files say, on insists on a live version.

        Raises ``ConfigError`` before anything is recorded: what has errors never was in force.
        """
        from hub import versions

        if self.settings.governance == "off":
            self._refuse_errors()
        versions.activate(self)

    @property
    def served(self) -> bool:
        """Whether some process concludes deliveries here now: the run lock's holder, or any worker."""
        if self.settings.log != "kafka":
            return is_served(self.state)
        from hub.engine.leading import PRESENT
        from hub.store.leases import live

        return any(lease.name.startswith(PRESENT) for lease in live(self.store))

    def join(self) -> None:
        """A command that decides does so as the process that serves the workspace; without one, as a start would."""
        if self.served:
            self.adopt(self.in_force)
        else:
            self.activate()

    def adopt(self, catalog: Catalog) -> None:
        """From now on this is in force: everybody asks for the catalog anew before each batch, fact and attempt."""
        self.catalog, self.people, self.schemas = catalog, catalog.people, catalog.schemas

    def reload(self, names: Iterable[str]) -> Catalog:
        """The newest activation of each of these, as one catalog. Raises ``ConfigError``."""
        from hub import versions

        return versions.reload(self, names)

    def unread(self) -> Workspace:
        """The same folder, its files read anew when asked for; the store and what hub.yaml says stay."""
        other = Workspace(self.root, self.settings, self.clock, self.environ)
        other.specs, other.store, other.connection_facts = self.specs, self.store, self.connection_facts
        return other

    def upgrade_entities(self) -> int:
        """Stored entities in the newest version of their schema. Raises ``ConfigError`` for a step that is wrong."""
        from hub.store.upgrading import outdated

        if self.schemas.problems:
            words = "; ".join(words for _, words in self.schemas.problems)
            raise ConfigError(f"schemas: {words}", where=str(self.root / self.settings.schemas), fix="run: hub check")
        with self.store.reader() as db:
            if not outdated(db, self.schemas):
                return 0
        catalog = self.catalog
        return self.store.write_now(lambda transaction: transaction.upgrade(self.schemas, catalog.indexed))

    def index_lookups(self) -> None:
        """Entities from before a lookup existed are found by it too."""
        sought = self.catalog.sought
        if sought:
            self.store.write_now(lambda transaction: transaction.index(sought))

    async def facts(self, fact: Fact, now: Micros, guard: Guard | None = None) -> Answer:
        """Give one fact to the engine: lock, conclude, write. ``guard`` may refuse it inside the transaction."""
        from hub.engine.facts import apply

        catalog = self.__dict__.get("catalog") or self.in_force
        if max(catalog.schemas.newest.values(), default=1) > 1:
            await self.store.write(lambda transaction: transaction.upgrade(catalog.schemas, catalog.indexed))
        return await apply(self.store, catalog, fact, now, guard)

    def connector(self, name: str) -> Connector:
        """The configured connector (made once). Raises ``NotFound``."""
        if name not in self._connectors:
            settings = self.settings.connections.get(name)
            if settings is None:
                known = ", ".join(sorted(self.settings.connections)) or "none"
                raise NotFound(f"there is no connection {name!r}", why=f"hub.yaml names: {known}")
            self._connectors[name] = registry.create(settings.connector, self.connection(name))
        return self._connectors[name]

    @cached_property
    def _connectors(self) -> dict[str, Connector]:
        return {}

    def connection(self, name: str) -> Connection:
        """Settings with defaults filled in, and the secrets that could be found (``problems`` tells the others)."""
        return Connection(name, self.values(name), self.secrets(name))

    def values(self, name: str) -> dict[str, Any]:
        """A connection's settings that are no secrets, defaults filled in."""
        settings, spec = self.settings.connections[name], self.specs[name]
        values: dict[str, Any] = {setting.name: setting.default for setting in spec.settings if not setting.secret}
        values |= {key: value for key, value in settings.options.items() if key in values}
        values |= {"url": settings.url, "allow": list(settings.allow)}
        if settings.builtin:
            url = self.twin_url(name)
            values |= {"url": url, "allow": [url] if url else []}
        if "folder" in values:
            values["folder"] = self._folder(name, str(values["folder"] or ""))
        return values

    def _folder(self, name: str, given: str) -> str:
        """The folder as it was given; without one, a stand-in works in the workspace's state."""
        if given or self.settings.connections[name].builtin:
            return str(self.root / (given or self.state / name))
        return ""

    def secrets(self, name: str) -> dict[str, tuple[str, ...]]:
        """The values of a connection's secrets that can be found now."""
        found: dict[str, tuple[str, ...]] = {}
        for setting, references in self.references(name).items():
            values = [self._value(reference) for reference in references]
            if any(values):
                found[setting] = tuple(value for value in values if value)
        return found

    def references(self, name: str) -> dict[str, tuple[str, ...]]:
        """Where each secret of a connection comes from, as ``hub.yaml`` says it."""
        given = self.settings.connections[name].options
        wanted = [setting.name for setting in self.specs[name].settings if setting.secret and given.get(setting.name)]
        return {
            setting: tuple(given[setting]) if isinstance(given[setting], list) else (str(given[setting]),)
            for setting in wanted
        }

    def _value(self, reference: str) -> str:
        try:
            return resolve(reference, self.root, self.environ)
        except SecretMissing:
            return ""

    def problem(self, name: str) -> str:
        """Why a connection's intake must not start (a secret is missing or empty), or empty."""
        if problem := self.problem_of_calls(name):
            return problem
        if self.specs[name].signed and "secret" not in self.secrets(name):
            return "secret: not set, and what this source sends is signed; add secret: env:NAME to hub.yaml"
        return ""

    def problem_of_calls(self, name: str) -> str:
        """Which secret that ``hub.yaml`` names for a connection cannot be found, and how to give it."""
        for setting, references in self.references(name).items():
            for reference in references:
                try:
                    resolve(reference, self.root, self.environ)
                except SecretMissing as error:
                    return f"{setting}: {error.what}; {error.fix}"
        return ""

    def gates(self) -> dict[str, Gate]:
        """The gate of every connection that takes webhooks."""
        return {
            name: self._gate(name)
            for name, spec in self.specs.items()
            if any(stream.webhook for stream in spec.streams)
        }

    def public_url(self, name: str) -> str:
        """Where a source sends a connection's webhooks: what it was told, signatures may cover it."""
        base = self.settings.public_url or f"http://{self.settings.listen}"
        reference = self.settings.connections[name].token
        token = self._value(reference) if reference else ""
        return f"{base.rstrip('/')}/in/{name}" + (f"/{token}" if token else "")

    def _gate(self, name: str) -> Gate:
        reference = self.settings.connections[name].token
        token = self._value(reference) if reference else ""
        closed = self.problem(name)
        if reference and len(token) < TOKEN_CHARACTERS_MIN:
            closed = f"token: {reference} is missing or shorter than {TOKEN_CHARACTERS_MIN} characters (128 bits)"
        from hub.intake.gate import Gate

        return Gate(name, self.connector(name), self.public_url(name), token.encode(), closed)

    def twin_url(self, name: str) -> str:
        """Where the connection's built-in twin listens now, empty when it does not run."""
        return str(read_note(self.state / "twins", f"{name}.json").get("url", ""))

    def forget_connectors(self) -> None:
        """Make connectors anew when next asked for: an address has changed."""
        self._connectors.clear()

    async def close_connectors(self) -> None:
        for connector in self._connectors.values():
            await connector.http.close()

    async def close(self) -> None:
        await self.close_connectors()
        if "log" in self.__dict__:
            await self.log.close()
        if "store" in self.__dict__:
            self.store.close()
