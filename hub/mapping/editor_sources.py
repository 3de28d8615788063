"""What an editor completes inside ``lookup``, ``prefer``, ``rates``, ``sync`` and ``use``: the workspace's names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.mapping.build_table import CONFLICTS, LOOKUP_KEYS, SYNC_KEYS
from hub.mapping.convert import CONVERTERS
from hub.model.schema import Schemas

Part = dict[str, Any]
PATH: Part = {"type": "string", "description": 'path: names joined by dots, [0], [*], ["two words"]'}
TEXT: Part = {"type": "string"}
SCALAR: Part = {"type": ["string", "number", "boolean", "null"]}
NAMES = ("key", "label")
"""What every entity goes by beside its fields."""


def closed(keys: Iterable[str], known: Mapping[str, Part], required: Sequence[str] = ()) -> Part:
    """An object with exactly these keys; what no part describes takes anything."""
    properties = {key: known.get(key, {}) for key in keys}
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def several(part: Part) -> Part:
    """One of them, or a list."""
    return {"anyOf": [part, {"type": "array", "items": part}]}


def sources(schemas: Schemas, aliases: Sequence[str], updatable: Sequence[str]) -> dict[str, Part]:
    """The keys of a row that say where else its value comes from, or goes to."""
    return {
        "const": SCALAR,
        "default": SCALAR,
        "lookup": _lookup(schemas),
        "prefer": {"type": "array", "items": _alias(aliases), "minItems": 1, "uniqueItems": True},
        "rates": _file("rates"),
        "dated": PATH,
        "sync": _sync(updatable),
        "use": _file("shared"),
        "as": _convert(),
    }


def _lookup(schemas: Schemas) -> Part:
    known: dict[str, Part] = {
        "entity": {"enum": list(schemas.kinds)},
        "by": TEXT,
        "from": several(PATH),
        "take": TEXT,
    }
    made = closed(LOOKUP_KEYS, known, ("entity", "by", "from"))
    made["allOf"] = [_fields_of(one.kind, one.fields) for kind in schemas.kinds if (one := schemas.get(kind))]
    return made


def _fields_of(kind: str, fields: Iterable[str]) -> Part:
    """An entity is looked up by its own fields, and gives one of them."""
    names = {"enum": [*fields, *NAMES]}
    return {
        "if": {"properties": {"entity": {"const": kind}}, "required": ["entity"]},
        "then": {"properties": {"by": names, "take": names}},
    }


def _sync(updatable: Sequence[str]) -> Part:
    """Where the field is written back: the streams a connection can update come first."""
    to = {"anyOf": [{"enum": list(updatable)}, {"type": "string", "pattern": "^[^.]+\\."}]} if updatable else TEXT
    return closed(SYNC_KEYS, {"to": to, "path": PATH, "conflict": {"enum": list(CONFLICTS)}}, ("to", "path"))


def _alias(known: Sequence[str]) -> Part:
    """One in use, or one this file brings: ``hub check`` knows which."""
    return {"anyOf": [{"enum": list(known)}, {"type": "string", "pattern": "^[^./ ]+$"}]}


def _file(folder: str) -> Part:
    return {"type": "string", "pattern": f"^{folder}/[^/]+$", "examples": [f"{folder}/name"]}


def _convert() -> Part:
    forms = [spec.form for spec in CONVERTERS.values()]
    return {"type": "string", "pattern": f"^({'|'.join(CONVERTERS)})( .*)?$", "examples": forms}
