"""JSON Schemas of what is published, by the ``dataschema`` its events carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

import orjson

from hub.log.cloudevents import schema_id
from hub.model.schema import Schema

PLAIN = ("loop", "effect", "quarantine")


def published(schemas: Iterable[Schema]) -> dict[str, dict[str, Any]]:
    """dataschema -> JSON Schema of the event's data; of entities every version there is."""
    found = {schema_id(f"{name}/v1"): _shipped(name) for name in PLAIN}
    for schema in schemas:
        found[schema_id(schema.name)] = of_entity(schema)
    return dict(sorted(found.items()))


def of_entity(schema: Schema) -> dict[str, Any]:
    """``set`` holds some of the entity's fields: none is required, no other is there."""
    document = _shipped("entity")
    fields: Mapping[str, Any] = {**schema.fields, "label": {"type": ["string", "null"]}}
    document["properties"]["set"] |= {"properties": dict(fields), "additionalProperties": False}
    title = schema.document.get("title", schema.kind)
    return {**document, "$id": schema_id(schema.name), "title": f"{title}: event"}


def _shipped(name: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((files("hub.log") / "schemas" / f"{name}.json").read_bytes())
    return found
