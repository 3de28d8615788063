"""What a mapping file means, as two hashes: ``logic`` (what can change an output) and ``table`` (all of it).

Both are taken from the built definition, not from its text: comments, layout, quoting and the order of keys
change neither. Owners, meanings, titles, frequencies and service levels change ``table`` alone: people approve
them, records do not see them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any, cast

import orjson

from hub.mapping.table import IntegrationDef, LoopDef, RequireDef, Row, StepDef, TableDef
from hub.model.record import Json
from hub.model.values import decimal_text

_NOWHERE = frozenset(
    {"place", "places", "to_place", "values_places", "systems_places", "raw", "logic", "table", "source"}
)
"""Where things stand, and the hashes themselves."""
_JSON_INTEGER = 2**53
_PEOPLE: Mapping[type, frozenset[str]] = {
    IntegrationDef: frozenset({"title", "owner", "review", "every", "slo", "systems", "zone", "budget"}),
    TableDef: frozenset({"governance", "alias"}),
    Row: frozenset({"governance"}),
    LoopDef: frozenset({"title", "owner"}),
    RequireDef: frozenset({"otherwise", "owner"}),
    StepDef: frozenset({"title"}),
}
"""What only people see. ``systems`` and zones count where they were resolved: in tables, rows and steps."""


@dataclasses.dataclass(frozen=True, slots=True)
class Hashes:
    logic: str
    table: str


def hashes(definition: IntegrationDef) -> Hashes:
    """Both hashes in one walk. ``logic``: sources, rows, expressions, steps, schema versions, zones; ``table``
    adds what only people see, part by part in the order of the file's own lists."""
    people: list[Json] = []
    logic = orjson.dumps(_shape(definition, people), option=orjson.OPT_SORT_KEYS)
    # The zone moves days and instants only where a table or loop uses it; an empty file has no logic to it.
    logic += definition.zone.encode() if definition.loops else b""
    rest = orjson.dumps(people, option=orjson.OPT_SORT_KEYS)
    return Hashes(sha256(logic).hexdigest(), sha256(sha256(logic).digest() + rest).hexdigest())


def logic_text(part: object) -> bytes:
    """What can change an output of one part (a table, a row, a loop), as canonical text: equal text, equal logic."""
    return orjson.dumps(_shape(part, []), option=orjson.OPT_SORT_KEYS)


def for_people(kind: type) -> frozenset[str]:
    """The fields of a part that only people see: changing them changes no output."""
    return _PEOPLE.get(kind, frozenset())


def _shape(value: Any, people: list[Json]) -> Json:
    """Plain JSON of a definition, unfilled parts left out; what only people see goes to ``people``."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    plan = _plan(cast(Hashable, kind))
    if plan is not None:
        shown, hidden = plan
        if hidden:
            people.append([_shape(getattr(value, name), people) for name in hidden])
        found = ((name, getattr(value, name)) for name in shown)
        return {name: _shape(part, people) for name, part in found if part is not None and part != ()}
    return _literal(value, people)


def _literal(value: Any, people: list[Json]) -> Json:
    match value:
        case int():
            return value if abs(value) <= _JSON_INTEGER else {"integer": str(value)}
        case Decimal():
            return {"decimal": decimal_text(value)}
        case float():
            return {"share": repr(value)}
        case dict():
            return {name: _shape(part, people) for name, part in value.items()}
        case _:
            return [_shape(part, people) for part in value]


@cache
def _plan(kind: Any) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Fields of a dataclass: those that can change an output, those only people see; None for a plain value."""
    if not dataclasses.is_dataclass(kind):
        return None
    names = [field.name for field in dataclasses.fields(kind) if field.name not in _NOWHERE]
    hidden = _PEOPLE.get(kind, frozenset())  # type: ignore[arg-type]  # is_dataclass narrows it away from type
    return tuple(name for name in names if name not in hidden), tuple(name for name in names if name in hidden)
