"""Canonical schemas: JSON Schema 2020-12 files ``schemas/<entity>/v<N>.json`` plus an operator's ``extra.json``.

A property's meaning for the hub is its ``x-type`` (see ``hub.model.values``); a ``ref`` also says ``x-entity``.
Properties are nullable by rule (empty is null); ``required`` lists what a row marked ``required: true`` or the
mapping check must fill. Validation on the hot path is jsonschema-rs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

from hub.errors import ConfigError
from hub.model.record import Json


@dataclass(frozen=True)
class Schema:
    """One entity kind at one version. ``name`` is ``project/v1``; ``empty`` every field null."""

    kind: str
    version: int
    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.kind}/v{self.version}"

    @cached_property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """Field name -> its property schema."""
        found: Mapping[str, Mapping[str, Any]] = self.document["properties"]
        return found

    @cached_property
    def empty(self) -> Mapping[str, Json]:
        return dict.fromkeys(self.fields)

    @cached_property
    def _validator(self) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(dict(self.document))

    def is_valid(self, state: Mapping[str, Json]) -> bool:
        return self._validator.is_valid(state)

    def problem(self, state: Mapping[str, Json]) -> str:
        """The first problem as ``path: text``, or empty when the state is valid."""
        for error in self._validator.iter_errors(state):
            return f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        return ""

    def x_type(self, field: str) -> str:
        """The field's ``x-type``, or its JSON type (``string``, ``integer``, ``boolean``, ``array``, ``object``)."""
        return x_type(self.fields[field])


def x_type(property_schema: Mapping[str, Any]) -> str:
    """A property's ``x-type``; where it has none, its JSON type without ``null``."""
    if "x-type" in property_schema:
        return str(property_schema["x-type"])
    kinds = property_schema.get("type", "string")
    if isinstance(kinds, list):
        kinds = next((kind for kind in kinds if kind != "null"), "null")
    return str(kinds)


class Schemas:
    """All schemas of a workspace: the newest version per kind, older ones by number."""

    def __init__(self, schemas: Mapping[tuple[str, int], Schema]) -> None:
        self._all = dict(schemas)
        self.newest = {kind: max(v for k, v in schemas if k == kind) for kind, _ in schemas}

    def get(self, kind: str, version: int | None = None) -> Schema | None:
        """The schema of a kind, newest unless a version is named; None if there is none."""
        return self._all.get((kind, version or self.newest.get(kind, 0)))

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(sorted(self.newest))


def load_schemas(folder: Path) -> Schemas:
    """Read ``<folder>/<entity>/v<N>.json`` (+ ``extra.json``). Raises ``ConfigError`` naming the bad file."""
    found: dict[tuple[str, int], Schema] = {}
    for file in sorted(folder.glob("*/v*.json")):
        if not file.stem[1:].isdigit():
            continue
        document, version = _read(file), int(file.stem[1:])
        extra = file.parent / "extra.json"
        if extra.exists():
            _extend(document, _read(extra), extra)
        found[file.parent.name, version] = Schema(file.parent.name, version, document)
    return Schemas(found)


def _read(file: Path) -> dict[str, Any]:
    try:
        document = orjson.loads(file.read_bytes())
        if not isinstance(document["properties"], dict):
            raise TypeError("properties is no object")
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"schema {file} cannot be read: {error}", where=str(file)) from error
    return dict(document)


def _extend(document: dict[str, Any], extra: dict[str, Any], file: Path) -> None:
    """An operator's own fields: new ones, optional. What ships is never changed by them."""
    given = sorted(extra["properties"].keys() & document["properties"].keys())
    if given:
        words = f"schema {file} changes {', '.join(given)}, which the canonical schema has already"
        raise ConfigError(words, where=str(file), fix="give the field another name")
    if set(extra) - {"properties", "$schema", "title", "description"}:
        keys = ", ".join(sorted(set(extra) - {"properties", "$schema", "title", "description"}))
        words = f"schema {file} says {keys}: an operator's fields are optional, extra.json holds properties only"
        raise ConfigError(words, where=str(file), fix="remove it; a row says required: true where a value must be")
    document["properties"] = {**document["properties"], **extra["properties"]}
