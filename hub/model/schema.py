"""Canonical schemas: JSON Schema 2020-12 files ``schemas/<entity>/v<N>.json`` plus an operator's ``extra.json``.

A property's meaning for the hub is its ``x-type`` (see ``hub.model.values``); a ``ref`` also says ``x-entity``.
Properties are nullable by rule (empty is null); ``required`` lists what a row marked ``required: true`` or the
mapping check must fill. Validation on the hot path is jsonschema-rs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

from hub.errors import ConfigError
from hub.model.record import Json
from hub.model.upcast import Upcast, upcast_of


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
    """All schemas of a workspace: the newest version per kind, older ones by number, and the steps between them.

    ``problems``: (kind, what is wrong with a step) for people; a workspace with one is not run.
    """

    def __init__(
        self,
        schemas: Mapping[tuple[str, int], Schema],
        steps: Mapping[tuple[str, int], Upcast] | None = None,
        problems: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._all, self._steps, self.problems = dict(schemas), dict(steps or {}), tuple(problems)
        self.newest = {kind: max(v for k, v in schemas if k == kind) for kind, _ in schemas}

    def get(self, kind: str, version: int | None = None) -> Schema | None:
        """The schema of a kind, newest unless a version is named; None if there is none."""
        return self._all.get((kind, version or self.newest.get(kind, 0)))

    def steps(self, kind: str, version: int) -> tuple[Upcast, ...]:
        """How what is of that version becomes what it is now, one step after the other; empty for the newest."""
        wanted = range(version + 1, self.newest.get(kind, 0) + 1)
        return tuple(self._steps[kind, one] for one in wanted if (kind, one) in self._steps)

    def name_now(self, kind: str, version: int, field: str) -> str:
        """What a field of that version is called in the newest; its own name where it went with a step."""
        for step in self.steps(kind, version):
            field = next(iter(step.names(field)), field)
        return field

    def as_of(self, versions: Mapping[str, int]) -> Schemas:
        """The same with older versions as the newest: what a mapping of that time was written for."""
        known = {
            (kind, number): one
            for (kind, number), one in self._all.items()
            if number <= versions.get(kind, self.newest[kind])
        }
        return Schemas(known, self._steps)

    @property
    def all(self) -> tuple[Schema, ...]:
        """Every version of every kind."""
        return tuple(self._all[place] for place in sorted(self._all))

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(sorted(self.newest))


def load_schemas(*folders: Path) -> Schemas:
    """Read ``<folder>/<entity>/v<N>.json`` (+ ``extra.json``) and the steps between versions. Raises ``ConfigError``
    naming a file that cannot be read; what is wrong with a step is kept in ``problems``."""
    found: dict[tuple[str, int], Schema] = {}
    where: dict[str, Path] = {}
    for file in sorted(file for folder in folders for file in folder.glob("*/v*.json")):
        if not file.stem[1:].isdigit():
            continue
        document, version = _read(file), int(file.stem[1:])
        extra = file.parent / "extra.json"
        if extra.exists():
            _extend(document, _read(extra), extra)
        where[file.parent.name] = file.parent
        found[file.parent.name, version] = Schema(file.parent.name, version, document)
    steps, problems = _steps(where, found)
    return Schemas(found, steps, problems)


def _steps(
    where: Mapping[str, Path], schemas: Mapping[tuple[str, int], Schema]
) -> tuple[dict[tuple[str, int], Upcast], list[tuple[str, str]]]:
    """``v<N>.upcast.json`` of every version but the first."""
    steps: dict[tuple[str, int], Upcast] = {}
    problems: list[tuple[str, str]] = []
    for (kind, version), new in schemas.items():
        if version == 1:
            continue
        old, file = schemas.get((kind, version - 1)), where[kind] / f"v{version}.upcast.json"
        if old is None:
            problems.append((kind, f"{kind}/v{version}.json: there is no v{version - 1}.json to come from"))
        elif not file.is_file():
            problems.append(
                (kind, f"{kind}/v{version}.upcast.json is missing: how does a v{version - 1} become v{version}?")
            )
        else:
            steps[kind, version], wrong = upcast_of(kind, version, _parsed(file), old.fields, new.fields)
            problems += [(kind, f"{kind}/{file.name}: {words}") for words in wrong]
    return steps, problems


def _parsed(file: Path) -> Any:
    try:
        return orjson.loads(file.read_bytes())
    except ValueError as error:
        return {f"cannot be read ({error})": None}


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
