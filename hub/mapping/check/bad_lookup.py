"""``lookup`` and ``match`` find an entity that has a schema by a text of it; what is taken fits the row's field.

A lookup by a field that is never filled, or of a value the field cannot hold, would set every record aside.

Example::

    - {field: supplier, lookup: {entity: suplier, by: tax_no, from: fields.tax}}

Fix: use the kind or field the message suggests; ``by`` and ``take`` are ``key``, ``label`` or a field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.fit import fits
from hub.mapping.compile_rows import below
from hub.mapping.expression.kinds import type_of
from hub.mapping.form import near
from hub.mapping.table import LookupDef, Row, TableDef, flat
from hub.model.diagnostic import Diagnostic, Place
from hub.model.schema import Schema

ID = "bad-lookup"
Field = Mapping[str, Any]
Fields = Mapping[str, Field]
_TEXTS = frozenset({"string", "person", "ref"})
_OWN = ("key", "label")


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        schema = checked.schema(table)
        yield from _match(table, schema)
        yield from _rows(checked, table.rows, {} if schema is None else schema.fields)
    for _, step in checked.steps():
        yield from (_nowhere(row) for row in flat(step.payload) if row.lookup is not None)


def _match(table: TableDef, schema: Schema | None) -> Iterator[Diagnostic]:
    for field, path in table.match if schema is not None else ():
        if schema is not None and field in schema.fields and schema.x_type(field) not in _TEXTS:
            why = f"it is {schema.x_type(field)}; entities are found by texts"
            yield finding(path.place, ID, f"{field} cannot be matched", why, "match a number or code that is a text")


def _rows(checked: Checked, rows: Sequence[Row], fields: Fields) -> Iterator[Diagnostic]:
    for row in rows:
        if row.lookup is not None:
            yield from _lookup(checked, row, row.lookup, fields.get(row.field))
        if row.rows:
            yield from _rows(checked, row.rows, below(row, fields.get(row.field)))


def _nowhere(row: Row) -> Diagnostic:
    why = "a lookup fills a field of an entity; payloads take what entities hold"
    fix = "look it up in a row of the table, and use that field here"
    return finding(row.place, ID, f"row {row.field} cannot look up here", why, fix)


def _lookup(checked: Checked, row: Row, lookup: LookupDef, takes: Field | None) -> Iterator[Diagnostic]:
    schema = checked.context.schemas.get(lookup.entity)
    if schema is None:
        kinds = checked.context.schemas.kinds
        why = f"schemas: {', '.join(kinds)}"
        fix = near(lookup.entity, kinds) or f"add schemas/{lookup.entity}/v1.json"
        yield finding(lookup.place, ID, f'there is no entity "{lookup.entity}"', why, fix)
        return
    yield from (found for key in ("by", "take") if (found := _named(lookup, key, schema)))
    if lookup.by in schema.fields and schema.x_type(lookup.by) not in _TEXTS:
        why = f"it is {schema.x_type(lookup.by)}; entities are found by texts"
        yield finding(
            _place(lookup, "by"), ID, f"{lookup.by} cannot be looked up by", why, "use key, label or a text"
        )
    if takes is not None and lookup.take in schema.fields:
        gives, wanted = type_of(schema.fields[lookup.take]), type_of(takes)
        if not fits(wanted, gives):
            message = f"{row.field} is {wanted}, {lookup.entity}.{lookup.take} is {gives}"
            yield finding(_place(lookup, "take"), ID, message, "the schema would refuse every value", "take another")


def _place(lookup: LookupDef, key: str) -> Place:
    return lookup.places.get(key, lookup.place)


def _named(lookup: LookupDef, key: str, schema: Schema) -> Diagnostic | None:
    name = lookup.by if key == "by" else lookup.take
    if name in _OWN or name in schema.fields or not name:
        return None
    known = (*_OWN, *schema.fields)
    why = f"{lookup.entity} has: {', '.join(known)}"
    fix = near(name, known) or "use one of them"
    return finding(_place(lookup, key), ID, f'{lookup.entity} has no field "{name}"', why, fix)
