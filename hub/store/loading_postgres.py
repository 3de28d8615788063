"""What ``loading`` asks one by one, asked for many at once: on PostgreSQL each statement is a round trip.

``prefetch`` fills the view; ``loading.load`` finds it filled and loads the rest, which comes in batches already.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from hub.model.changes import Touched
from hub.store import tables
from hub.store.documents import load_approval, load_effect, load_instance, load_quarantine, load_twoway
from hub.store.driver_postgres import Texts, texts
from hub.store.loading import ANY_QUARANTINE
from hub.store.sql import Database
from hub.store.view import LoadedView

Key = TypeVar("Key", str, tuple[str, str], tuple[str, str, str])

LABELS = (
    "SELECT w.kind, w.label, (SELECT l.key FROM label l LEFT JOIN stream s ON s.name = l.kind || '/' || l.key"
    " LEFT JOIN entity e ON e.stream = s.id WHERE l.kind = w.kind AND l.label = w.label"
    " ORDER BY coalesce(e.label = l.label, false) DESC, l.id DESC LIMIT 1)"
    " FROM unnest(?::text[], ?::text[]) w(kind, label)"
)
LINKS = (
    "SELECT w.connection, w.kind, w.key, (SELECT object FROM link l"
    " WHERE l.connection = w.connection AND l.kind = w.kind AND l.key = w.key)"
    " FROM unnest(?::text[], ?::text[], ?::text[]) w(connection, kind, key)"
)
OBJECTS = (
    "SELECT w.connection, w.kind, w.object, l.key FROM unnest(?::text[], ?::text[], ?::text[])"
    " w(connection, kind, object) JOIN link l"
    " ON l.connection = w.connection AND l.kind = w.kind AND l.object = w.object ORDER BY l.key"
)
LOOPS = "SELECT id, document FROM loop WHERE id = ANY(?::text[])"
EFFECTS = "SELECT key, document FROM effect WHERE key = ANY(?::text[])"
APPROVALS = "SELECT loop, document FROM approval WHERE loop = ANY(?::text[]) ORDER BY asked_at, id"
WAITING = (
    "SELECT w.kind, w.name, l.document FROM unnest(?::text[], ?::text[]) w(kind, name)"
    " JOIN wait i ON i.kind = w.kind AND i.name = w.name JOIN loop l ON l.id = i.loop ORDER BY l.id"
)
TAKERS = (
    "SELECT w.kind, w.key, l.document FROM unnest(?::text[], ?::text[]) w(kind, key)"
    " JOIN taken i ON i.kind = w.kind AND i.key = w.key JOIN loop l ON l.id = i.loop ORDER BY l.id"
)
TWOWAYS = (
    "SELECT t.kind, t.key, t.document FROM unnest(?::text[], ?::text[]) w(kind, key)"
    " JOIN twoway t ON t.kind = w.kind AND t.key = w.key"
)
_ROW = ", ".join(f'q."{column.name}"' for column in tables.quarantine.columns)
QUARANTINED = (
    f"SELECT w.kind, w.key, {_ROW} FROM unnest(?::text[], ?::text[]) w(kind, key)"
    " CROSS JOIN LATERAL (SELECT id FROM quarantine a WHERE a.kind = w.kind AND a.key = w.key"
    " UNION SELECT id FROM quarantine_ref r WHERE r.kind = w.kind AND r.value IN (SELECT w.key UNION"
    " SELECT label FROM label n WHERE n.kind = w.kind AND n.key = w.key)) found"
    " JOIN quarantine q ON q.id = found.id AND q.closed_at IS NULL ORDER BY q.id"
)


def prefetch(db: Database, view: LoadedView, touched: Touched) -> None:
    """Load what ``touched`` names of labels, links, loops, effects and their indexes, and the view does not hold."""
    for kind, label, key in _many(db, LABELS, wanted := _missing(touched.labels, view.labels)):
        view.labels[kind, label] = key
    for connection, kind, key, to in _many(db, LINKS, _missing(touched.links, view.links)):
        view.links[connection, kind, key] = to
    _grouped(db, OBJECTS, _missing(touched.objects, view.objects), view.objects, lambda row: row[0])
    _heads(db, view, touched)
    for statement, asked, held in (
        (WAITING, touched.waiting, view.waits),
        (TAKERS, touched.takers, view.taken),
    ):
        wanted = _missing(asked, held)
        _grouped(db, statement, wanted, held, lambda row: load_instance(row[0]))
        view.loops.update((one.id, one) for place in wanted for one in held[place])
    places = _missing(touched.twoways, view.twoways)
    view.twoways.update(dict.fromkeys(places))
    for kind, key, document in _many(db, TWOWAYS, places):
        view.twoways[kind, key] = load_twoway(document)
    _asides(db, view, _missing(touched.quarantined, view.quarantines))


def _heads(db: Database, view: LoadedView, touched: Touched) -> None:
    loops = _missing(touched.loops, view.loops)
    view.loops.update(dict.fromkeys(loops))
    for identity, document in _some(db, LOOPS, loops):
        view.loops[identity] = load_instance(document)
    asked = _missing(touched.approvals, view.asked)
    view.asked.update(dict.fromkeys(asked, ()))
    for identity, document in _some(db, APPROVALS, asked):
        view.asked[identity] = (*view.asked[identity], load_approval(document))
    effects = _missing(touched.effects, view.effects)
    view.effects.update(dict.fromkeys(effects))
    for key, document in _some(db, EFFECTS, effects):
        view.effects[key] = load_effect(document)


def _asides(db: Database, view: LoadedView, places: Sequence[tuple[str, str]]) -> None:
    view.quarantines.update(dict.fromkeys(places, ()))
    if places and db.execute(ANY_QUARANTINE).fetchone() is not None:
        _grouped(db, QUARANTINED, places, view.quarantines, load_quarantine)


def _missing(wanted: Collection[Key], held: Collection[Key]) -> list[Key]:
    return sorted(key for key in wanted if key not in held) if wanted else []


def _some(db: Database, statement: str, wanted: Sequence[str]) -> Sequence[Any]:
    return db.execute(statement, (texts(wanted),)).fetchall() if wanted else ()


def _many(db: Database, statement: str, wanted: Sequence[tuple[str, ...]]) -> Sequence[Any]:
    return db.execute(statement, _columns(wanted)).fetchall() if wanted else ()


def _columns(wanted: Sequence[tuple[str, ...]]) -> list[Texts]:
    return [texts(column) for column in zip(*wanted, strict=True)]


def _grouped(db: Database, statement: str, wanted: Sequence[Any], held: Any, load: Any) -> None:
    """Rows that begin with what they were asked by, as a tuple for each that was asked."""
    held.update(dict.fromkeys(wanted, ()))
    for row in _many(db, statement, wanted):
        size = len(wanted[0])
        held[row[:size]] = (*held[row[:size]], load(row[size:]))
