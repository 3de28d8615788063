"""Rows and ``match`` name fields of their entity's schema; ``by`` of a related list is a ref field of that entity.

A field nobody declared would be dropped or would break every record; a misspelt one is never filled.

Example::

    - {field: asignee, from: fields.assignee}

Fix: use the field the message suggests, or add it to ``schemas/<entity>/extra.json``.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.mapping.table import LoopDef, RelatedDef
from hub.model.diagnostic import Diagnostic, Place
from hub.model.schema import Schema

ID = "unknown-field"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        schema = checked.schema(table)
        for row in table.rows if schema else ():
            if schema and row.field not in schema.fields:
                yield _unknown(row.field, schema, row.place)
        for field, path in table.match if schema else ():
            if schema and field not in schema.fields:
                yield _unknown(field, schema, path.place)
    for each in checked.loops:
        for related in each.definition.related:
            yield from _by(checked, each.definition, related)


def _unknown(word: str, schema: Schema, place: Place) -> Diagnostic:
    known = tuple(schema.fields)
    alike = [name for name in known if name[:2] == word[:2]]
    fix = near(word, known)
    if not fix:
        fix = f"add it to schemas/{schema.kind}/extra.json"
        fix += f"; fields that start alike: {', '.join(alike)}" if alike else ""
    return finding(place, ID, f'unknown field "{word}"', f"schemas/{schema.name}.json has no field of that name", fix)


def _by(checked: Checked, loop: LoopDef, related: RelatedDef) -> Iterator[Diagnostic]:
    schema = checked.context.schemas.get(related.entity)
    if schema is None or not related.by:
        return
    place = related.places.get("by", related.place)
    if related.by not in schema.fields:
        yield _unknown(related.by, schema, place)
    elif schema.fields[related.by].get("x-entity") != loop.entity:
        why = f"by names the field of {related.entity} that points at the {loop.entity}"
        yield finding(place, ID, f'"{related.by}" is no ref to {loop.entity}', why, "name a field of type ref")
