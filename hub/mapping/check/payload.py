"""Walks a step's rows beside the payload schema of its action. No rule: rules ask it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.mapping.table import Row

Schema = Mapping[str, Any]


def inner_schema(schema: Schema, row: Row) -> Schema | None:
    """The schema of a row's nested rows: the list's items with ``each``, the object's own without."""
    found = schema.get("properties", {}).get(row.field)
    if found is None:
        return None
    inner: Schema | None = found.get("items") if row.each is not None else found
    return inner


def beside(schema: Schema, rows: Sequence[Row]) -> Iterator[tuple[Schema, Row]]:
    """Every row of the payload with the object schema it stands in; unknown branches are left out."""
    for row in rows:
        yield schema, row
        inner = inner_schema(schema, row)
        if inner is not None:
            yield from beside(inner, row.rows)
