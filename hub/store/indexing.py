"""Fields that lookups find entities by are kept in ``ref``. Entities from before a lookup existed are added here.

One statement per field; entities whose row is there already are passed over by its primary key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.store.sql import Database, Sql

_ADD = Sql(
    "INSERT INTO ref (stream, field, kind, value)"
    " SELECT e.stream, ?1, e.kind, json_extract(CAST(e.state AS TEXT), ?2) FROM entity e"
    " WHERE e.kind = ?3 AND json_type(CAST(e.state AS TEXT), ?2) = 'text'"
    " ON CONFLICT (stream, field) DO NOTHING",
    "INSERT INTO ref (stream, field, kind, value)"
    " SELECT e.stream, ?1, e.kind, convert_from(e.state, 'UTF8')::json ->> ?1 FROM entity e"
    " WHERE e.kind = ?3 AND json_typeof(convert_from(e.state, 'UTF8')::json -> ?1) = 'string' AND ?2 <> ''"
    " ON CONFLICT (stream, field) DO NOTHING",
)


def index_fields(db: Database, wanted: Mapping[str, Sequence[str]]) -> int:
    """Add the missing rows of these fields (kind -> fields); gives how many were added."""
    added = 0
    for kind, names in sorted(wanted.items()):
        for name in names:
            added += db.execute(_ADD, (name, f'$."{name}"', kind)).rowcount
    return added
