"""Stored entities brought to the newest version of their schema, all of a kind at once, before anybody decides.

``shape`` says of which version the stored entities of a kind are; a kind that is not in it is of version 1. Events
are never touched: they name the version they were written in, and are read through the same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from hub.errors import ConfigError
from hub.model.schema import Schemas
from hub.model.upcast import Upcast
from hub.store import tables
from hub.store.documents import dump, dump_marks, load_marks
from hub.store.sql import Database, Many, Sql
from hub.store.statements import delete, select, upsert

AT_ONCE = 2_000
_NEXT = "SELECT stream, key, state, marks FROM entity WHERE kind = ? AND stream > ? ORDER BY stream LIMIT ?"
_SAVE = Sql(
    "UPDATE entity SET state = ?, marks = ? WHERE stream = ?",
    many=Many(
        "UPDATE entity e SET state = v.state, marks = v.marks"
        " FROM unnest(?::bytea[], ?::bytea[], ?::bigint[]) v(state, marks, stream) WHERE e.stream = v.stream",
        ("bytea", "bytea", "bigint"),
    ),
)
Indexed = Mapping[str, Sequence[str]]
"""Kind -> the fields that are kept in ``ref``."""


def stored_version(db: Database, kind: str) -> int:
    """Of which version the stored entities of a kind are."""
    row = db.execute(select(tables.shape, "kind"), (kind,)).fetchone()
    return 1 if row is None else int(row[1])


def outdated(db: Database, schemas: Schemas) -> list[str]:
    """The kinds whose stored entities are of an older version than their schema. Raises ``ConfigError``."""
    found = []
    for kind in schemas.kinds:
        newest = schemas.newest[kind]
        stored = 1 if newest == 1 and not _shaped(db) else stored_version(db, kind)
        if stored > newest:
            words = f"{kind} is stored as v{stored}, and schemas/{kind} ends at v{newest}"
            raise ConfigError(words, why="a version that was in use does not go away", fix=f"restore v{stored}.json")
        if stored < newest:
            found.append(kind)
    return found


def _shaped(db: Database) -> bool:
    return db.execute("SELECT 1 FROM shape LIMIT 1").fetchone() is not None


def upgrade(db: Database, schemas: Schemas, indexed: Indexed) -> int:
    """Every stored entity in its newest form; gives how many were rewritten. Raises ``ConfigError``."""
    return sum(_kind(db, kind, schemas, indexed.get(kind, ())) for kind in outdated(db, schemas))


def _kind(db: Database, kind: str, schemas: Schemas, indexed: Sequence[str]) -> int:
    steps = schemas.steps(kind, stored_version(db, kind))
    done, at = 0, 0
    while rows := db.execute(_NEXT, (kind, at, AT_ONCE)).fetchall():
        done, at = done + len(rows), rows[-1][0]
        changed = [(stream, *_through(steps, state, marks)) for stream, _, state, marks in rows]
        db.executemany(_SAVE, [(dump(state), marks, stream) for stream, state, marks in changed])
        db.executemany(delete(tables.ref, "stream"), [(stream,) for stream, _, _ in changed])
        refs = ((stream, field, kind, state.get(field)) for stream, state, _ in changed for field in indexed)
        db.executemany(upsert(tables.ref), [row for row in refs if isinstance(row[3], str)])
    db.execute(upsert(tables.shape), (kind, schemas.newest[kind]))
    return done


def _through(steps: Iterable[Upcast], state: bytes, marks: bytes) -> tuple[dict[str, Any], bytes]:
    found, said = orjson.loads(state), load_marks(marks)
    for step in steps:
        found, said = step.state(found), step.marks(said)
    return found, dump_marks(said)
