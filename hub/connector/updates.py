"""Updates of a source's own objects: one contract for every connector, so that a two-way row needs no special case.

The payload names the object by its id and maps the record's own paths to values in the record's own shape; reading
back gives the same paths with the values as they are. Setting a field to what it already is makes no second
document, so an update is found by comparing, not by a reference (class B).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from hub.connector.answers import RefusedByTarget
from hub.model.action import ActionSpec, Call, TargetClass
from hub.model.record import Json

_STEPS = re.compile(r'\["([^"]+)"\]|([^.\[\]]+)')
PAYLOAD: dict[str, Any] = {
    "type": "object",
    "required": ["object", "fields"],
    "additionalProperties": False,
    "properties": {
        "object": {"type": "string", "description": "the object's id in its system"},
        "fields": {"type": "object", "description": "the record's own path -> the value in the record's own shape"},
    },
}
DOCUMENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "object": {"type": ["string", "null"], "description": "the object's id in its system"},
        "fields": {"type": ["object", "null"], "description": "the same paths, with the values as read"},
        "updated_at": {"type": ["string", "null"], "description": "when the object was changed last, in UTC"},
    },
}


def update_action(
    name: str, title: Mapping[str, str], call: str = "update", quiesce_seconds: int = 120
) -> ActionSpec:
    """The ``ActionSpec`` of an update, the same whoever offers it."""
    return ActionSpec(
        name=name,
        title=title,
        weight="record",
        target=TargetClass.B,
        payload=PAYLOAD,
        document=DOCUMENT,
        calls=(Call(call),),
        carrier="none: the fields' values say whether it happened",
        quiesce_seconds=quiesce_seconds,
    )


def known_only(fields: Mapping[str, Json], updatable: Iterable[str], what: str) -> None:
    """Raises ``RefusedByTarget`` naming paths that cannot be set; a path that ends in ``*`` stands for any name."""
    paths = tuple(updatable)
    strange = [name for name in fields if not any(_covers(path, name) for path in paths)]
    if strange:
        raise RefusedByTarget(f"{what}: {', '.join(strange)} cannot be set; these can: {', '.join(paths)}")
    if not fields:
        raise RefusedByTarget(f"{what}: there is no field to set")


def _covers(path: str, name: str) -> bool:
    return name == path or (path.endswith("*") and name.startswith(path[:-1]) and len(name) > len(path) - 1)


def at_path(record: Json, path: str) -> Json:
    """The value under a path (``fields.summary``, ``customFields["Budget 2.0"]``); None through null or absent."""
    for quoted, plain in _STEPS.findall(path):
        name = quoted or plain
        record = record.get(name) if isinstance(record, dict) else None
    return record


def all_equal(wanted: Mapping[str, Json], read: Mapping[str, Json]) -> bool:
    return all(name in read and same(value, read[name]) for name, value in wanted.items())


def same(wanted: Json, read: Json) -> bool:
    """Whether a field says what was asked for. Objects are compared by the names we gave (a system adds its own:
    a select's id beside its value); numbers by value, as text or not; empty text and null are the same nothing."""
    if isinstance(wanted, Mapping) and isinstance(read, Mapping):
        return all(same(value, read.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(read, list):
        return len(wanted) == len(read) and all(map(same, wanted, read))
    if wanted in (None, "") or read in (None, ""):
        return wanted in (None, "") and read in (None, "")
    if isinstance(wanted, bool) or isinstance(read, bool):
        return wanted is read
    if isinstance(wanted, (int, Decimal)) or isinstance(read, (int, Decimal)):
        return _number(wanted) is not None and _number(wanted) == _number(read)
    return bool(wanted == read)


def _number(value: Json) -> Decimal | None:
    try:
        return Decimal(value) if isinstance(value, (int, str, Decimal)) else None
    except InvalidOperation:
        return None
