"""What a row gives fits the type of its field.

A converter that cannot yield the field's type would have every record refused; money and moments need one.
A constant, a default or a target of ``values`` is a value the field can hold, and nested rows make an object or, with
``each``, a list.

Example::

    - {field: budget, from: fields.customfield_10200}      # money needs as: money CNY

Fix: use the converter the message names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.fit import fits
from hub.mapping.check.literal_values import misfits
from hub.mapping.convert import CONVERTERS, ConvertContext
from hub.mapping.expression.kinds import DYN, SHARE, type_of
from hub.mapping.table import Convert, Row, TableDef
from hub.model.diagnostic import Diagnostic, Place
from hub.model.schema import x_type

ID = "type-mismatch"


_NEEDS = {"money": "money CNY", "decimal": "decimal", "instant": "instant", "date": "date", "person": "person"}
"""Types a source value never has by itself, and the converter that makes them."""


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        schema = checked.schema(table)
        for row in table.rows:
            wanted = schema.fields.get(row.field) if schema else None
            if wanted is not None:
                yield from _nested(row, wanted) if row.rows else _row(checked, row, wanted)
        yield from _literals(checked, table, schema.fields if schema else {})


def _nested(row: Row, wanted: Mapping[str, Any]) -> Iterator[Diagnostic]:
    kind, gives = x_type(wanted), "array" if row.each is not None else "object"
    if kind not in (gives, "money"):
        yield _mismatch(row.place, row.field, kind, gives, "remove fields, or fill a field of that type")


def _literals(checked: Checked, table: TableDef, fields: Mapping[str, Mapping[str, Any]]) -> Iterator[Diagnostic]:
    context = ConvertContext(table.connection, checked.context.people, table.zone or "UTC")
    said = set()
    for row, place, words in misfits(table.rows, fields, context):
        kind = x_type(fields[row.field]) if row.field in fields else "of another type"
        if (row.field, place) not in said and not _outside(row, fields):
            said.add((row.field, place))
            message = f"{row.field} is {kind}: {words.partition(';')[0]}"
            yield finding(place, ID, message, words.partition("; ")[2] or "the hub would not start", _FIX)


def _outside(row: Row, fields: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the converter itself is wrong here, or an enum says what is allowed: reported already."""
    spec = CONVERTERS.get(row.convert.name) if row.convert is not None else None
    wanted = fields.get(row.field, {})
    return "enum" in wanted or (spec is not None and x_type(wanted) not in (spec.gives, *spec.also))


_FIX = "write a value of that type, or quote it where text is meant"


def _row(checked: Checked, row: Row, wanted: Mapping[str, Any]) -> Iterator[Diagnostic]:
    kind = x_type(wanted)
    if row.convert is not None:
        yield from _converted(row, row.convert, kind, wanted)
    elif row.value is not None and row.values is None:
        found = checked.types.get(id(row), DYN)
        if not fits(type_of(wanted), found):
            fix = "wrap it: round(…, 2)" if found == SHARE else f"write an expression that gives {kind}"
            yield _mismatch(row.value.place, row.field, kind, str(found), fix)
    elif row.sources and row.values is None and kind in ("ref", *_NEEDS):
        form = f"ref {wanted.get('x-entity', 'KIND')}" if kind == "ref" else _NEEDS[kind]
        yield _mismatch(row.place, row.field, kind, "the source's own text", f"add as: {form}")


def _converted(row: Row, convert: Convert, kind: str, wanted: Mapping[str, Any]) -> Iterator[Diagnostic]:
    spec = CONVERTERS.get(convert.name)
    if spec is None:
        return
    if kind not in (spec.gives, *spec.also):
        right = _NEEDS.get(kind) or next((each.form for each in CONVERTERS.values() if each.gives == kind), "")
        yield _mismatch(convert.place, row.field, kind, spec.gives, f"write as: {right}" if right else "remove as:")
    elif kind == "ref" and convert.argument != wanted.get("x-entity"):
        target = wanted.get("x-entity")
        yield _mismatch(convert.place, row.field, f"a ref to {target}", convert.argument, f"write as: ref {target}")


def _mismatch(place: Place, field: str, kind: str, got: str, fix: str) -> Diagnostic:
    return finding(place, ID, f"{field} is {kind}, this row gives {got}", "the schema would refuse every value", fix)
