"""What a mapping file means, as two hashes: ``logic`` (what can change an output) and ``table`` (all of it).

Both are taken from the built definition, not from its text: comments, layout, quoting and the order of keys
change neither. Owners, meanings, titles, frequencies and service levels change ``table`` alone: people approve
them, records do not see them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

import orjson

from hub.mapping.table import IntegrationDef, LoopDef, RequireDef, Row, StepDef, TableDef
from hub.model.diagnostic import Place
from hub.model.values import Money, decimal_text

_NOWHERE = frozenset({"place", "places", "values_places", "systems_places", "logic", "table", "source"})
"""Where things stand, and the hashes themselves."""
_PEOPLE: Mapping[type, frozenset[str]] = {
    IntegrationDef: frozenset({"title", "owner", "review", "every", "slo", "systems", "zone"}),
    TableDef: frozenset({"governance", "alias"}),
    Row: frozenset({"governance"}),
    LoopDef: frozenset({"title", "owner"}),
    RequireDef: frozenset({"otherwise", "owner"}),
    StepDef: frozenset({"escalate", "within"}),
}
"""What only people see. ``systems`` and zones count where they were resolved: in tables, rows and steps."""
_ALL: Mapping[type, frozenset[str]] = {}


def logic_hash(definition: IntegrationDef) -> str:
    """Hash of what can change an output: sources, rows, expressions, steps, schema versions, zones."""
    shape = _shape(definition, _PEOPLE)
    shape["zone"] = definition.zone if definition.loops else ""
    return _hash(shape)


def table_hash(definition: IntegrationDef) -> str:
    """Hash of all the file says; what people approve."""
    return _hash(_shape(definition, _ALL))


def _hash(shape: Any) -> str:
    return sha256(orjson.dumps(shape, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _shape(value: Any, left_out: Mapping[type, frozenset[str]]) -> Any:
    """Plain JSON of a definition. Types are marked where two could look alike."""
    match value:
        case int() if abs(value) > 2**53:
            return {"integer": str(value)}
        case None | str() | bool() | int():
            return value
        case Place():
            return None
        case Decimal():
            return {"decimal": decimal_text(value)}
        case float():
            return {"share": repr(value)}
        case Money():
            return {"money": value.json()}
        case dict():
            return {name: _shape(part, left_out) for name, part in value.items()}
        case tuple() | list() | frozenset():
            return [_shape(part, left_out) for part in value]
    skip = _NOWHERE | left_out.get(type(value), frozenset())
    names = (name for name in _fields(cast(Hashable, type(value))) if name not in skip)
    return {name: _shape(getattr(value, name), left_out) for name in names}


@lru_cache
def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))
