"""What a row gives fits the type of its field.

A converter that cannot yield the field's type would have every record refused; money and moments need one.

Example::

    - {field: budget, from: fields.customfield_10200}      # money needs as: money CNY

Fix: use the converter the message names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.fit import fits
from hub.mapping.convert import CONVERTERS
from hub.mapping.expression.kinds import DYN, SHARE, type_of
from hub.mapping.table import Convert, Row
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
            if wanted is not None and not row.rows:
                yield from _row(checked, row, wanted)


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
        right = next((each.form for each in CONVERTERS.values() if each.gives == kind), "")
        yield _mismatch(convert.place, row.field, kind, spec.gives, f"write as: {right}" if right else "remove as:")
    elif kind == "ref" and convert.argument != wanted.get("x-entity"):
        target = wanted.get("x-entity")
        yield _mismatch(convert.place, row.field, f"a ref to {target}", convert.argument, f"write as: ref {target}")


def _mismatch(place: Place, field: str, kind: str, got: str, fix: str) -> Diagnostic:
    return finding(place, ID, f"{field} is {kind}, this row gives {got}", "the schema would refuse every value", fix)
