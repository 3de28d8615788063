"""Fill a view with what a decision touches, in the fixed order entities → loops → effects, each sorted.

SQLite has one writer, so being inside the transaction is the lock; the order is kept for stores with row locks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

import orjson
from sqlalchemy import Table

from hub.model.changes import PAGE, Quarantine, Touched
from hub.model.entity import Entity
from hub.model.instance import Instance
from hub.store import hot_sqlite, tables
from hub.store.documents import (
    load_approval,
    load_effect,
    load_entity,
    load_instance,
    load_quarantine,
    load_twoway,
)
from hub.store.kept import Place, Sized
from hub.store.sql import Database, Sql
from hub.store.statements import select
from hub.store.view import LoadedView

Key = TypeVar("Key", str, tuple[str, str], tuple[str, str, str])

KEY_OF_LABEL = (
    "SELECT l.key FROM label l LEFT JOIN stream s ON s.name = l.kind || '/' || l.key"
    " LEFT JOIN entity e ON e.stream = s.id WHERE l.kind = ? AND l.label = ?"
    " ORDER BY coalesce(e.label = l.label, false) DESC, l.id DESC LIMIT 1"
)
"""The entity that carries the label now, else the one that got it last."""
LINK = "SELECT object FROM link WHERE connection = ? AND kind = ? AND key = ?"
LINKED = "SELECT key FROM link WHERE connection = ? AND kind = ? AND object = ? ORDER BY key"
REFERRING = Sql(
    "SELECT e.kind, e.key, e.label, e.version, e.deleted, e.state, e.marks, j.value FROM json_each(?3) j"
    " CROSS JOIN ref r ON r.kind = ?1 AND r.field = ?2 AND r.value IN"
    " (SELECT j.value UNION SELECT label FROM label WHERE key = j.value)"
    " CROSS JOIN entity e ON e.stream = r.stream ORDER BY e.key",
    "SELECT e.kind, e.key, e.label, e.version, e.deleted, e.state, e.marks, j.value"
    " FROM json_array_elements_text(?3::json) j(value)"
    " CROSS JOIN LATERAL (SELECT j.value UNION SELECT label FROM label WHERE key = j.value) n(name)"
    " JOIN ref r ON r.kind = ?1 AND r.field = ?2 AND r.value = n.name"
    " JOIN entity e ON e.stream = r.stream ORDER BY e.key",
)
"""For many targets at once: at each statement the writer gives up the interpreter. So with the subjects below."""
SUBJECTS = Sql(
    "SELECT l.subject_kind, l.subject, l.document FROM json_each(?) j CROSS JOIN loop l"
    " ON l.subject_kind = json_extract(j.value, '$[0]') AND l.subject = json_extract(j.value, '$[1]')",
    "SELECT l.subject_kind, l.subject, l.document FROM json_array_elements(?::json) j(value)"
    " JOIN loop l ON l.subject_kind = j.value->>0 AND l.subject = j.value->>1",
)
NEXT_OF_KIND = (
    "SELECT e.kind, e.key, e.label, e.version, e.deleted, e.state, e.marks FROM stream s"
    " JOIN entity e ON e.stream = s.id WHERE s.name > ? AND s.name < ? ORDER BY s.name LIMIT ?"
)
ANY_WAIT = "SELECT 1 FROM wait LIMIT 1"
WAITING = "SELECT l.document FROM wait w JOIN loop l ON l.id = w.loop WHERE w.kind = ? AND w.name = ? ORDER BY l.id"
TAKERS = "SELECT l.document FROM taken t JOIN loop l ON l.id = t.loop WHERE t.kind = ? AND t.key = ? ORDER BY l.id"
TWOWAY = "SELECT document FROM twoway WHERE kind = ? AND key = ?"
ANY_QUARANTINE = "SELECT 1 FROM quarantine WHERE closed_at IS NULL LIMIT 1"
QUARANTINED = (
    select(tables.quarantine, "kind", "key")
    + " AND closed_at IS NULL UNION "
    + select(tables.quarantine)
    + " AND id IN (SELECT id FROM quarantine_ref WHERE kind = ?1 AND value IN"
    " (SELECT ?2 UNION SELECT label FROM label WHERE kind = ?1 AND key = ?2)) ORDER BY 1"
).replace('"kind" = ? AND "key" = ?', '"kind" = ?1 AND "key" = ?2')


def load(db: Database, view: LoadedView, touched: Touched, seen: dict[Place, Sized]) -> None:
    """Load what ``touched`` names and the view does not hold yet; ``seen`` gets the entities read."""
    _entities(db, view, touched.entities, seen)
    for kind, label in _missing(touched.labels, view.labels):
        view.labels[kind, label] = _one(db, KEY_OF_LABEL, (kind, label))
    for link in _missing(touched.links, view.links):
        view.links[link] = _one(db, LINK, link)
    for linked in _missing(touched.objects, view.objects):
        view.objects[linked] = tuple(row[0] for row in db.execute(LINKED, linked))
    _referring(db, view, _missing(touched.referring, view.references))
    if touched.quarantined:
        _quarantined(db, view, touched.quarantined)
    _loops(db, view, touched)
    view.nobody_waits = view.nobody_waits or db.execute(ANY_WAIT).fetchone() is None
    for place in _missing(touched.waiting, view.waits):
        view.waits[place] = _instances(db, view, WAITING, place)
    for place in _missing(touched.takers, view.taken):
        view.taken[place] = _instances(db, view, TAKERS, place)
    for place in _missing(touched.twoways, view.twoways):
        row = db.execute(TWOWAY, place).fetchone()
        view.twoways[place] = None if row is None else load_twoway(row[0])
    _pages(db, view, touched.pages)
    for key in _missing(touched.effects, view.effects):
        document = _document(db, tables.effect, "key", key)
        view.effects[key] = None if document is None else load_effect(document)


def _pages(db: Database, view: LoadedView, wanted: Collection[tuple[str, str]]) -> None:
    """By the names of their streams, which are indexed; ``0`` is the character after ``/``."""
    for kind, after in _missing(wanted, view.pages):
        rows = db.execute(NEXT_OF_KIND, (f"{kind}/{after}", f"{kind}0", PAGE))
        view.pages[kind, after] = tuple(load_entity(row) for row in rows)
        view.entities.update(((kind, one.key), one) for one in view.pages[kind, after])


def _missing(wanted: Collection[Key], held: Collection[Key]) -> list[Key]:
    return sorted(key for key in wanted if key not in held) if wanted else []


def _one(db: Database, statement: str, values: Sequence[object]) -> str | None:
    row = db.execute(statement, values).fetchone()
    return None if row is None else row[0]


def _document(db: Database, table: Table, column: str, value: str) -> bytes | None:
    row = db.execute(select(table, column), (value,)).fetchone()
    return None if row is None else row[-1]


def _entities(db: Database, view: LoadedView, wanted: Collection[Place], seen: dict[Place, Sized]) -> None:
    missing = _missing(wanted, view.entities)
    if not missing:
        return
    view.entities.update(dict.fromkeys(missing))
    names = orjson.dumps([f"{kind}/{key}" for kind, key in missing]).decode()
    for row in db.execute(hot_sqlite.LOAD_ENTITIES, (names,)):
        entity = load_entity(row)
        view.entities[entity.kind, entity.key] = entity
        seen[entity.kind, entity.key] = entity, len(row[5]) + len(row[6])


def _referring(db: Database, view: LoadedView, missing: Sequence[tuple[str, str, str]]) -> None:
    places: dict[tuple[str, str], list[str]] = {}
    for kind, field, target in missing:
        places.setdefault((kind, field), []).append(target)
    for (kind, field), targets in places.items():
        found: dict[str, list[Entity]] = {target: [] for target in targets}
        for *row, target in db.execute(REFERRING, (kind, field, orjson.dumps(targets).decode())):
            entity = load_entity(tuple(row))
            view.entities[entity.kind, entity.key] = entity
            found[target].append(entity)
        view.references.update(((kind, field, target), tuple(each)) for target, each in found.items())


def _quarantined(db: Database, view: LoadedView, wanted: Collection[tuple[str, str]]) -> None:
    missing = _missing(wanted, view.quarantines)
    view.quarantines.update(dict.fromkeys(missing, ()))
    if missing and db.execute(ANY_QUARANTINE).fetchone() is not None:
        for place in missing:
            view.quarantines[place] = _loaded(db.execute(QUARANTINED, place))


def _loaded(rows: Iterable[Any]) -> tuple[Quarantine, ...]:
    return tuple(load_quarantine(row) for row in rows)


def _instances(db: Database, view: LoadedView, statement: str, place: tuple[str, str]) -> tuple[Instance, ...]:
    found = tuple(load_instance(row[0]) for row in db.execute(statement, place))
    view.loops.update({instance.id: instance for instance in found})
    return found


def _subjects(db: Database, view: LoadedView, missing: Sequence[tuple[str, str]]) -> None:
    if not missing:
        return
    view.subjects.update(dict.fromkeys(missing, ()))  # nearly all: most records close nothing
    found: dict[tuple[str, str], list[Instance]] = {}
    for kind, subject, document in db.execute(SUBJECTS, (orjson.dumps(missing).decode(),)):
        found.setdefault((kind, subject), []).append(load_instance(document))
    for place, closings in found.items():
        closings.sort(key=lambda i: (i.integration, i.loop, i.number))
        view.subjects[place] = tuple(closings)
        view.loops.update({instance.id: instance for instance in closings})


def _loops(db: Database, view: LoadedView, touched: Touched) -> None:
    _subjects(db, view, _missing(touched.subjects, view.subjects))
    for loop in _missing(touched.loops, view.loops):
        document = _document(db, tables.loop, "id", loop)
        view.loops[loop] = None if document is None else load_instance(document)
    for loop in _missing(touched.approvals, view.asked):
        asked = db.execute(select(tables.approval, "loop", order="asked_at, id"), (loop,))
        view.asked[loop] = tuple(load_approval(row[-1]) for row in asked)
