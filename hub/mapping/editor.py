"""The JSON Schema that editors use for completion and hints in mapping files. Pure: schemas and specs come in.

It follows the grammar's own lists of keys, so it cannot fall behind them; ``hub check`` says more than a schema can
(expressions, paths, types), an editor says it while typing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.mapping.build import TOP_KEYS
from hub.mapping.build_governance import EVERY_WORDS
from hub.mapping.build_loop import LOOP_KEYS, STEP_KEYS
from hub.mapping.build_table import ROW_KEYS, TABLE_KEYS
from hub.mapping.build_timing import (
    APPROVE_KEYS,
    CALENDAR_KEYS,
    DUE_KEYS,
    ESCALATE_KEYS,
    EVERY,
    SCHEDULE_KEYS,
    SHIFTS,
    WEEKDAYS,
)
from hub.mapping.build_until import ON_FAIL, UNTIL_KEYS
from hub.mapping.check.checked import CheckContext
from hub.mapping.editor_sources import sources
from hub.mapping.table import IntegrationDef
from hub.model.schema import Schema

Part = dict[str, Any]
LINE = "# yaml-language-server: $schema={}"
"""The comment that tells an editor which schema a file follows; comments change no hash."""
_TEXT: Part = {"type": "string"}
_CEL: Part = {"type": "string", "description": "expression (CEL): strings in double quotes, the whole in single"}
_PATH: Part = {"type": "string", "description": 'path: names joined by dots, [0], [*], ["two words"]'}
_SPAN: Part = {"type": "string", "pattern": "^[0-9]+((ms|s|m|h|d)| working (day|hour|minute)s?)$"}
_DURATION: Part = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}
_LANGUAGES = ("zh", "en")
_ALIAS = "^[^.]+\\."


Own = Mapping[tuple[str, str], Mapping[str, str]]
"""(connection, stream) -> path -> what it is: documented fields, and those the very system told of when asked."""


def editor_schema(context: CheckContext, definitions: Sequence[IntegrationDef] = (), own: Own | None = None) -> Part:
    """The schema of mapping files in this workspace. ``definitions`` give the aliases that are in use."""
    names = _Names(context, definitions, own or {})
    top = _object(TOP_KEYS, _top(names), required=("integration", "systems"))
    definitions_of = {"table": _table(names), "row": _row(names), "loop": _loop(names), "step": _step(names)}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "project–operations mapping table",
        **top,
        "definitions": definitions_of,
    }


class _Names:
    """What may be written where, from schemas, connectors and people."""

    def __init__(self, context: CheckContext, definitions: Sequence[IntegrationDef], own: Own) -> None:
        self.context, self.own = context, own
        self.systems: dict[str, set[str]] = {name: {name} for name in context.specs}
        for definition in definitions:
            for alias, connection in definition.systems.items():
                self.systems.setdefault(connection, set()).add(alias)
        self.roles = sorted({role for person in context.people.all for role in person.roles})

    @property
    def entities(self) -> list[str]:
        return [*self.context.schemas.kinds, *(one.name for one in self.context.schemas.all)]

    def with_alias(self, names: Mapping[str, Iterable[str]]) -> list[str]:
        """``alias.name`` for every name of a connection."""
        return sorted({f"{alias}.{name}" for at, own in names.items() for alias in self.systems[at] for name in own})

    @property
    def streams(self) -> list[str]:
        return self.with_alias({at: [one.name for one in spec.streams] for at, spec in self.context.specs.items()})

    @property
    def aliases(self) -> list[str]:
        return sorted({alias for at in self.systems.values() for alias in at})

    @property
    def updatable(self) -> list[str]:
        """Streams whose objects the hub can write back to."""
        found = {at: [o.name for o in spec.streams if o.update_action] for at, spec in self.context.specs.items()}
        return self.with_alias(found)

    @property
    def actions(self) -> list[str]:
        return self.with_alias({at: [one.name for one in spec.actions] for at, spec in self.context.specs.items()})


def _object(keys: Iterable[str], known: Mapping[str, Part], required: Sequence[str] = ()) -> Part:
    """An object with exactly these keys; what no part describes takes anything."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {key: known.get(key, {}) for key in keys},
    }


def _listed(part: Part) -> Part:
    return {"type": "array", "items": part}


def _known(values: Sequence[str], pattern: str = "") -> Part:
    """One of the known words, or (by ``pattern``) one only ``hub check`` can judge: both complete in an editor."""
    if not values:
        return _TEXT
    return (
        {"anyOf": [{"enum": list(values)}, {"type": "string", "pattern": pattern}]}
        if pattern
        else {"enum": list(values)}
    )


def _texts() -> Part:
    by_language = _object(_LANGUAGES, dict.fromkeys(_LANGUAGES, _TEXT))
    return {"anyOf": [_TEXT, by_language]}


def _governance(names: _Names) -> dict[str, Part]:
    review = {"anyOf": [_listed(_known(names.roles)), _known(names.roles)]}
    return {
        "owner": _known(names.roles, "."),
        "every": {"anyOf": [{"enum": list(EVERY_WORDS)}, _DURATION]},
        "zone": {"type": "string", "examples": ["Asia/Shanghai", "UTC"]},
        "privacy": {"type": "string", "examples": ["personal", "finance", "internal"]},
        "change": _object(("review",), {"review": review}),
        "means": _texts(),
    }


def _top(names: _Names) -> dict[str, Part]:
    loops = _object(("done_within", "share"), {"done_within": _DURATION, "share": _TEXT})
    connections = _known(sorted(names.context.specs))
    return {
        **_governance(names),
        "integration": _TEXT,
        "title": _texts(),
        "slo": _object(("fresh", "consistent", "loops"), {"fresh": _DURATION, "consistent": _TEXT, "loops": loops}),
        "budget": _object(("entities", "amount"), {"entities": {"type": "integer", "minimum": 0}, "amount": _TEXT}),
        "systems": {"type": "object", "additionalProperties": connections},
        "calendar": _calendar(),
        "tables": _listed({"$ref": "#/definitions/table"}),
        "loops": _listed({"$ref": "#/definitions/loop"}),
    }


def _table(names: _Names) -> Part:
    match = {"type": "object", "additionalProperties": _PATH}
    key = _object(("shared", "link", "match"), {"shared": _PATH, "link": _PATH, "match": match})
    known = {
        **_governance(names),
        "entity": _known(names.entities),
        "source": _known(names.streams, _ALIAS),
        "only": _CEL,
        "key": {"anyOf": [_PATH, key]},
        "label": _PATH,
        "fields": _listed({"$ref": "#/definitions/row"}),
    }
    table = _object(TABLE_KEYS, known, required=("entity", "source", "key"))
    table["allOf"] = [part for one in names.context.schemas.all for part in _fields_of(names, one)]
    table["allOf"] += _paths_of(names)
    return table


def _paths_of(names: _Names) -> Iterable[Part]:
    """What a row of a stream's table may read, by name: an editor offers it, other paths stay free."""
    for (at, stream), told in sorted(names.own.items()):
        paths = [{"const": path, "description": about} for path, about in sorted(told.items())]
        read = {"anyOf": [*paths, _PATH, _listed({"anyOf": [*paths, _PATH]})]}
        of_stream = {"properties": {"source": {"enum": names.with_alias({at: [stream]})}}, "required": ["source"]}
        yield {"if": of_stream, "then": {"properties": {"fields": _listed({"properties": {"from": read}})}}}


def _fields_of(names: _Names, schema: Schema) -> Iterable[Part]:
    """A table of an entity: its rows' fields are those of the schema, value maps give what the schema allows."""
    newest = names.context.schemas.newest[schema.kind]
    named = [schema.name] if schema.version < newest else [schema.kind, schema.name]
    of_kind = {"properties": {"entity": {"enum": named}}, "required": ["entity"]}
    row: Part = {"properties": {"field": {"enum": list(schema.fields)}}}
    if values := list(_values_of(schema)):
        row["allOf"] = values
    yield {"if": of_kind, "then": {"properties": {"fields": _listed(row)}}}


def _values_of(schema: Schema) -> Iterable[Part]:
    for field, part in schema.fields.items():
        allowed = part.get("enum")
        if allowed:
            then = {"properties": {"values": {"additionalProperties": {"enum": allowed}}}}
            yield {"if": {"properties": {"field": {"const": field}}}, "then": then}


def _row(names: _Names) -> Part:
    each = {"type": "object", "additionalProperties": _PATH, "maxProperties": 1}
    known = {
        **_governance(names),
        **sources(names.context.schemas, sorted({*names.systems, *names.aliases}), names.updatable),
        "field": _TEXT,
        "from": {"anyOf": [_PATH, _listed(_PATH)]},
        "value": {**_CEL, "type": ["string", "number", "boolean"]},
        "values": {"type": "object"},
        "otherwise": {"anyOf": [{"enum": ["quarantine", "keep", "null"]}, _object(("const",), {})]},
        "currency": _PATH,
        "required": {"type": "boolean"},
        "each": each,
        "fields": _listed({"$ref": "#/definitions/row"}),
    }
    row = _object(ROW_KEYS, known)
    row["anyOf"] = [{"required": ["field"]}, {"required": ["use"]}]
    return row


def _loop(names: _Names) -> Part:
    kinds = _known(list(names.context.schemas.kinds))
    related = _object(("entity", "by", "where"), {"entity": kinds, "by": _TEXT, "where": _CEL}, ("entity", "by"))
    known = {
        "loop": _TEXT,
        "title": _texts(),
        "for": kinds,
        "when": _CEL,
        "starts": _object(("at", "of"), {"at": _TEXT, "of": _PATH}),
        "once": {"enum": ["life", "closing", "crossing", "period"]},
        "settle": _DURATION,
        "calendar": _calendar(),
        "schedule": _schedule(),
        "due": _object(DUE_KEYS, {"of": _PATH, "lead": _SPAN, "lag": _SPAN}, ("of",)),
        "rearm": _CEL,
        "within": _SPAN,
        "escalate": _escalate(names),
        "related": {"type": "object", "additionalProperties": related},
        "require": _listed(_object(("check", "else", "owner"), {"check": _CEL, "else": _texts(), "owner": _TEXT})),
        "steps": _listed({"$ref": "#/definitions/step"}),
        "owner": _known(names.roles, "."),
        "renamed_from": _TEXT,
    }
    return _object(LOOP_KEYS, known, required=("loop", "for", "when", "steps"))


def _step(names: _Names) -> Part:
    over = {"type": "string", "examples": ["50000 CNY"]}
    expiry = {"remind": _SPAN, "expires": _SPAN, "on_expiry": {"enum": ["ask", "escalate", "fail"]}, "by": _TEXT}
    approve = _object(APPROVE_KEYS, {"role": _known(names.roles), "of": _CEL, "over": over, **expiry}, ("role",))
    match = {"type": "object", "additionalProperties": _PATH, "minProperties": 1}
    known = {
        "step": _TEXT,
        "title": _texts(),
        "if": _CEL,
        "each": {"type": "object", "additionalProperties": _PATH, "maxProperties": 1},
        "key": _PATH,
        "do": _known(names.actions, _ALIAS),
        "with": _listed({"$ref": "#/definitions/row"}),
        "after": {"anyOf": [_TEXT, _listed(_TEXT)]},
        "approve": {"anyOf": [approve, _listed(approve)]},
        "expect": {"type": "object", "additionalProperties": _CEL},
        "undo": _known(names.actions, _ALIAS),
        "within": _SPAN,
        "escalate": _escalate(names),
        "on_fail": {"enum": list(ON_FAIL)},
        "until": _object(
            UNTIL_KEYS, {"entity": _known(names.entities), "match": match, "when": _CEL}, UNTIL_KEYS[:2]
        ),
    }
    return _object(STEP_KEYS, known, required=("step", "do"))


def _escalate(names: _Names) -> Part:
    one = _object(ESCALATE_KEYS, {"to": _known(names.roles, "@"), "by": _TEXT, "after": _SPAN}, ("to",))
    return {"anyOf": [one, _listed(one)]}


def _calendar() -> Part:
    days = {"anyOf": [_TEXT, _listed(_TEXT)]}
    hours = {"type": "string", "examples": ["09:00-12:00 13:00-18:00"]}
    whole = _object(CALENDAR_KEYS, {"country": _TEXT, "hours": hours, "closed": days, "open": days})
    return {"anyOf": [{"type": "string", "examples": ["CN", "DE-BY"]}, whole]}


def _schedule() -> Part:
    number = {"anyOf": [{"type": "integer", "minimum": 1}, {"enum": ["last"]}]}
    known: dict[str, Part] = {
        "every": {"enum": list(EVERY)},
        "time": {"type": "string", "examples": ["09:00"]},
        "month": {"type": "integer", "minimum": 1, "maximum": 12},
        "day": number,
        "working_day": number,
        "weekday": {"enum": list(WEEKDAYS)},
        "shift": {"enum": list(SHIFTS)},
    }
    return _object(SCHEDULE_KEYS, known, ("every",))
