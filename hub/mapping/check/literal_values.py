"""Literals of rows (``const``, ``values``, ``default``, ``otherwise``) the field cannot hold. No rule: one asks it.

They go through the row's own conversion, as they would when the file is compiled or a record comes: what passes here
does not stop the hub at its start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.mapping.compile_rows import below
from hub.mapping.convert import CONVERTERS, ConvertContext, Unconvertible, converter
from hub.mapping.table import Row
from hub.model.diagnostic import Place
from hub.model.record import Json

Fields = Mapping[str, Mapping[str, Any]]
Misfit = tuple[Row, Place, str]
"""The row, where the literal stands, what is wrong with it in words."""


def misfits(rows: Sequence[Row], fields: Fields, context: ConvertContext) -> Iterator[Misfit]:
    """Every literal that its field refuses, nested rows included."""
    for row in rows:
        schema = fields.get(row.field)
        if row.rows:
            yield from misfits(row.rows, below(row, schema), context)
        elif row.convert is None or row.convert.name in CONVERTERS:
            yield from _of(row, schema, context)


def _of(row: Row, schema: Mapping[str, Any] | None, context: ConvertContext) -> Iterator[Misfit]:
    given = [(value, place) for value, place in _literals(row) if value is not None]
    if not given:
        return
    convert = converter(row, schema, context)
    for value, place in given:
        try:
            convert(value)
        except Unconvertible as error:
            yield row, place, error.message(private=False)


def _literals(row: Row) -> Iterator[tuple[Json, Place]]:
    for text, value in (row.values or {}).items():
        yield value, row.values_places.get(text, row.place)
    if row.otherwise.kind == "const":
        yield row.otherwise.const, row.place
    if row.values is None and row.currency is None:
        yield row.const, row.place
        yield row.default if row.default != "" else None, row.place
