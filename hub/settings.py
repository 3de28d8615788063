"""``hub.yaml`` and ``HUB_…`` of the environment as frozen settings: what this workspace is and what it talks to.

Every problem is a diagnostic with file, line and column; unknown keys are problems, with the nearest known key.
Secrets are references (``env:NAME``, ``file:path``, ``keyring:service/name``); their values are looked up by
``hub.references`` when a connection opens and are never kept here. It must not know store, log or a connector's code.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping as Named
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from hub.connector.spec import ConnectorSpec, Setting
from hub.errors import ConfigError
from hub.mapping.read import Mapping, Node, Scalar, Sequence, read
from hub.model.clock import Micros
from hub.model.diagnostic import Diagnostic, Place
from hub.references import DURATION, duration, is_reference
from hub.settings_kafka import KafkaSettings, SaslSettings, Strict, TlsSettings

FILE = "hub.yaml"
POSTGRES = ("postgresql://", "postgres://")
DATABASE = "DATABASE_URL"
"""The variable many programs know; ``HUB_STORE`` goes before it, both before ``store:``."""
PASSWORD_INSIDE = re.compile(r"postgres(ql)?://[^/@]*:[^/@]*@|[?&]password=")
TOP_FROM_ENVIRONMENT = ("store", "log", "listen", "governance", "language", "public_url")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
BOOTSTRAP = "KAFKA_BOOTSTRAP_SERVERS"
"""The variable every Kafka program knows; it goes before ``kafka.bootstrap``."""
TOKEN_CHARACTERS_MIN = 22
"""128 bits in base64url."""


class ConnectionSettings(Strict):
    """One configured connector. ``options`` are the connector's own settings, checked against its SPEC."""

    model_config = ConfigDict(frozen=True, extra="allow")

    connector: str = ""
    url: str = ""
    allow: tuple[str, ...] = ()
    refetch: Literal["on", "off"] = "on"
    quiesce: Micros | None = None
    poll: Micros | None = None
    """0: off."""
    token: str = ""
    sends_per_second: float | None = Field(default=None, gt=0, le=1000)
    """How many writes a second the system is asked for at most."""

    @field_validator("quiesce", "poll", mode="before")
    @classmethod
    def _as_micros(cls, value: object, info: ValidationInfo) -> Micros | None:
        if info.field_name == "poll" and value in ("off", False):
            return 0
        return None if value is None else duration(str(value))

    @field_validator("token")
    @classmethod
    def _by_reference(cls, value: str) -> str:
        if value and not is_reference(value):
            raise ValueError("a token is given by reference only: env:NAME, file:path or keyring:service/name")
        return value

    @property
    def options(self) -> Named[str, Any]:
        return dict(self.model_extra or {})

    @property
    def builtin(self) -> bool:
        """Whether the hub starts this connector's friendly twin itself."""
        return self.url == "builtin"


class Settings(Strict):
    """The whole of ``hub.yaml``. Paths are relative to the workspace folder."""

    store: str = "sqlite:.hub/hub.db"
    """An SQLite file, or ``postgresql://user@host:5432/database?sslmode=…``."""
    store_password: str = ""
    """A reference to the password of the PostgreSQL user."""
    log: Literal["sql", "kafka"] = "sql"
    """Where deliveries become durable: in the store's own database, or in Kafka."""
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    listen: str = "127.0.0.1:8700"
    governance: Literal["off", "on"] = "off"
    language: Literal["en", "zh"] = "en"
    public_url: str = ""
    sign: str = ""
    """A reference to the Ed25519 key that signs certificates: 64 hexadecimal digits."""
    mappings: str = "mappings"
    schemas: str = "schemas"
    people: str = "people.yaml"
    rate: int = Field(default=20_000, ge=1)
    """Requests a second one address may send before it gets 429 (what it gets wrong is counted apart)."""
    connections: dict[str, ConnectionSettings] = Field(default_factory=dict)

    @field_validator("connections")
    @classmethod
    def _named(cls, value: dict[str, ConnectionSettings]) -> dict[str, ConnectionSettings]:
        for name in value:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no connection name; use small letters, digits, - and _")
        return {
            name: found if found.connector else found.model_copy(update={"connector": name})
            for name, found in value.items()
        }

    @field_validator("store")
    @classmethod
    def _of_a_known_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:", *POSTGRES)):
            raise ValueError(f"{value!r} is neither sqlite:FILE nor postgresql://user@host:5432/database")
        return value

    @field_validator("store_password")
    @classmethod
    def _password_by_reference(cls, value: str) -> str:
        if value and not is_reference(value):
            raise ValueError("a password is given by reference only: env:NAME, file:path or keyring:service/name")
        return value

    @property
    def in_postgres(self) -> bool:
        """Whether the store is a PostgreSQL database."""
        return self.store.startswith(POSTGRES)

    @model_validator(mode="after")
    def _log_fits_the_store(self) -> Settings:
        if self.log == "kafka" and not self.in_postgres:
            raise ValueError("log: kafka needs a PostgreSQL store; add store: postgresql://…, or remove log: kafka")
        return self

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0] or "127.0.0.1"

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        if not value.rpartition(":")[2].isdigit():
            raise ValueError(f"{value!r} names no port; write host:port, for example 127.0.0.1:8700")
        return value


_KEYS: Named[tuple[str | int, ...], type[BaseModel]] = {
    ("kafka",): KafkaSettings,
    ("kafka", "tls"): TlsSettings,
    ("kafka", "sasl"): SaslSettings,
}
"""Whose keys belong where; everywhere else those of the file itself."""
Positions = Named[tuple[str | int, ...], Place]


def load_settings(root: Path, environ: Named[str, str] = os.environ) -> Settings:
    """Read ``hub.yaml`` under ``root``. Raises ``ConfigError`` with every problem in it."""
    return read_settings(root, environ)[0]


def read_settings(root: Path, environ: Named[str, str] = os.environ) -> tuple[Settings, Positions]:
    """The settings and where each key stands, for checks that know more (a connector's SPEC)."""
    file = root / FILE
    if not file.is_file():
        raise ConfigError(
            f"no {FILE} in {root}",
            where=str(root),
            why="a workspace is a folder with hub.yaml, mappings/ and schemas/",
            fix="give the folder with -w DIR, or make one: hub init DIR",
        )
    data, positions = read_yaml(file, shown(file))
    if PASSWORD_INSIDE.search(str(data.get("store", ""))):
        said = "store: a password stands in the address"
        fix = "take it out, and name where it is: store_password: env:HUB_DB_PASSWORD"
        found = Diagnostic(_place(("store",), positions, shown(file)), "setting", "error", said, fix=fix)
        raise ConfigError(f"{shown(file)}: a secret is given by reference only", [found])
    if environ.get(DATABASE):
        data["store"] = environ[DATABASE]
    for name in TOP_FROM_ENVIRONMENT:
        if f"HUB_{name.upper()}" in environ:
            data[name] = environ[f"HUB_{name.upper()}"]
    if environ.get(BOOTSTRAP):
        data["kafka"] = {**(data.get("kafka") or {}), "bootstrap": environ[BOOTSTRAP]}
    try:
        return Settings.model_validate(data), positions
    except ValidationError as error:
        findings = [_finding(problem, positions, shown(file)) for problem in error.errors()]
        raise ConfigError(f"{shown(file)}: {len(findings)} problems", findings) from error


def shown(file: Path) -> str:
    """The path as people type it: relative to here where it is below here."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


def _finding(problem: Any, positions: Positions, file: str) -> Diagnostic:
    """One pydantic problem as a diagnostic with its place."""
    path = tuple(problem["loc"])
    place = _place(path, positions, file)
    if problem["type"] == "extra_forbidden":
        return unknown_key(place, str(path[-1]), tuple(_KEYS.get(path[:-1], Settings).model_fields))
    message = problem["msg"].removeprefix("Value error, ")
    told = ": ".join(filter(None, (".".join(map(str, path)), message)))
    return Diagnostic(place, "setting", "error", told, fix="see docs/operations.md")


def _place(path: tuple[str | int, ...], positions: Positions, file: str) -> Place:
    while path and path not in positions:
        path = path[:-1]
    return positions.get(path, Place(file, 1, 1))


def unknown_key(place: Place, name: str, known: tuple[str, ...]) -> Diagnostic:
    """``unknown key`` with the nearest known one."""
    near = difflib.get_close_matches(name, known, 1)
    fix = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(set(known)))}"
    return Diagnostic(place, "unknown-key", "error", f"unknown key {name!r}", "a typo must not pass silently", fix)


_OWN = frozenset(ConnectionSettings.model_fields)


def check_connection(
    name: str, settings: ConnectionSettings, spec: ConnectorSpec, positions: Positions, file: str
) -> list[Diagnostic]:
    """Problems of one connection's own settings against its connector's SPEC."""
    known = {setting.name: setting for setting in spec.settings}
    found: list[Diagnostic] = []
    given = {**settings.options, **{own: getattr(settings, own) for own in _OWN if own in known}}
    for key, value in settings.options.items():
        place = _place(("connections", name, key), positions, file)
        if key not in known:
            found.append(unknown_key(place, key, tuple(known) + tuple(_OWN)))
        elif problem := _setting_problem(known[key], value):
            found.append(Diagnostic(place, "setting", "error", f"{key}: {problem}", known[key].about))
    for setting in spec.settings:
        if setting.required and not given.get(setting.name) and not settings.builtin:
            place = _place(("connections", name), positions, file)
            fix = f"add {setting.name}: {setting.example}".rstrip()
            found.append(Diagnostic(place, "setting", "error", f"{setting.name} is missing", setting.about, fix))
    return found


def _setting_problem(setting: Setting, value: object) -> str:
    """What is wrong with one value, or empty."""
    if setting.secret:
        references = value if isinstance(value, list) else [value]
        plain = [one for one in references if not is_reference(str(one))]
        return "a secret is given by reference only: env:NAME, file:path or keyring:service/name" if plain else ""
    match setting.type:
        case "integer" if not isinstance(value, int):
            return f"{value!r} is no whole number"
        case "list" if not isinstance(value, list):
            return f"{value!r} is no list"
        case "boolean" if str(value).lower() not in ("true", "false", "on", "off"):
            return f"{value!r} is neither on nor off"
        case "duration" if not DURATION.fullmatch(str(value)):
            return f"{value!r} is no duration; write 30s, 5m, 4h or 1d"
    return ""


def read_yaml(file: Path, name: str) -> tuple[dict[str, Any], Positions]:
    """A YAML mapping and the place of each key. Raises ``ConfigError`` with everything wrong with its YAML.

    A bare ``on`` or ``off`` is fine here, unlike in mapping tables: each key of ``hub.yaml`` says which it wants.
    """
    root, findings = read(file.read_bytes(), name)
    wrong = [finding for finding in findings.found if finding.rule != "ambiguous-scalar"]
    if root is not None and not isinstance(root, Mapping):
        wrong.append(Diagnostic(findings.place(root), "yaml", "error", f"{name} holds no keys"))
    if wrong:
        raise ConfigError(f"{name} cannot be read", wrong)
    positions: dict[tuple[str | int, ...], Place] = {}
    return ({} if root is None else _plain(root, (), positions, name)), positions


def _plain(node: Node, path: tuple[str | int, ...], positions: dict[tuple[str | int, ...], Place], file: str) -> Any:
    """Nodes to values, noting places."""
    positions.setdefault(path, Place(file, node.line, node.column, node.end))
    match node:
        case Mapping(pairs=pairs):
            for name, (key, _) in pairs.items():
                positions[(*path, name)] = Place(file, key.line, key.column, key.end)
            return {name: _plain(value, (*path, name), positions, file) for name, (_, value) in pairs.items()}
        case Sequence(items=items):
            return [_plain(part, (*path, index), positions, file) for index, part in enumerate(items)]
        case Scalar(value=value):
            return value
        case _:
            return None
