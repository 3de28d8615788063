"""A connector's SPEC: described once; checks, CLI help, docs and the settings model all read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hub.model.action import ActionSpec

SettingType = Literal["text", "url", "integer", "boolean", "duration", "list"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a connection in ``hub.yaml``. A ``secret`` is given by reference only (env:, file:, keyring:)."""

    name: str
    type: SettingType
    about: str
    example: str = ""
    default: object = None
    required: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class StreamField:
    """A documented path of a stream's records; ``sensitive`` paths want a ``privacy`` column in the mapping."""

    path: str
    about: str
    type: str = "text"
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One stream of records. ``names``: the record's top-level names, the scope of the mapping's paths.

    ``updatable``: the paths ``update_action`` can set, spelled as a record holds them.
    """

    name: str
    about: str
    names: tuple[str, ...]
    fields: tuple[StreamField, ...] = ()
    polled: bool = False
    webhook: bool = False
    update_action: str = ""
    updatable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectorSpec:
    """``signed``: webhook deliveries are verified with the secret setting ``secret``; else a token path is used.

    ``methods``: extra HTTP methods the intake answers for a handshake (Trello ``HEAD``).
    """

    name: str
    title: str
    settings: tuple[Setting, ...]
    streams: tuple[StreamSpec, ...] = ()
    actions: tuple[ActionSpec, ...] = ()
    signed: bool = False
    methods: frozenset[str] = frozenset()
    media_types: frozenset[str] = frozenset({"application/json"})
    body_bytes_max: int = 1024 * 1024
    has_twin: bool = False
    guarantee: Mapping[str, str] = field(default_factory=dict)
    """What the connector promises, in a sentence, by language."""

    def stream(self, name: str) -> StreamSpec | None:
        return next((stream for stream in self.streams if stream.name == name), None)

    def action(self, name: str) -> ActionSpec | None:
        return next((action for action in self.actions if action.name == name), None)
