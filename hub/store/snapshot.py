"""A decision's view of the store for somebody who only looks: rows are loaded when asked for, from one snapshot.

The engine locks first and decides then; here nothing is locked and nothing can be written (``query_only``), so a
preflight may run beside a serving hub.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from hub.model.changes import Approval, NotLoaded, Quarantine, Touched
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.instance import Instance
from hub.model.twoway import TwoWay
from hub.store.loading import load
from hub.store.port import Store
from hub.store.sql import Database
from hub.store.view import LoadedView

T = TypeVar("T")


@contextmanager
def snapshot(store: Store) -> Iterator[Snapshot]:
    """The state of this moment, whatever is committed meanwhile."""
    with store.frozen() as db:
        yield Snapshot(db)


class Snapshot:
    """Implements ``hub.model.changes.View``: a miss is looked up at once."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._view = LoadedView()
        load(db, self._view, Touched(), {})

    def entity(self, kind: str, key: str) -> Entity | None:
        return self._found(lambda: self._view.entity(kind, key))

    def key_of_label(self, kind: str, label: str) -> str | None:
        return self._found(lambda: self._view.key_of_label(kind, label))

    def link(self, connection: str, kind: str, key: str) -> str | None:
        return self._found(lambda: self._view.link(connection, kind, key))

    def referring(self, kind: str, field: str, target: str) -> Sequence[Entity]:
        return self._found(lambda: self._view.referring(kind, field, target))

    def instances(self, subject_kind: str, subject: str) -> Sequence[Instance]:
        return self._found(lambda: self._view.instances(subject_kind, subject))

    def instance(self, loop: str) -> Instance | None:
        return self._found(lambda: self._view.instance(loop))

    def effect(self, key: str) -> Effect | None:
        return self._found(lambda: self._view.effect(key))

    def quarantined(self, kind: str, key: str) -> Sequence[Quarantine]:
        return self._found(lambda: self._view.quarantined(kind, key))

    def approvals(self, loop: str) -> Sequence[Approval]:
        return self._found(lambda: self._view.approvals(loop))

    def waiting(self, kind: str, name: str) -> Sequence[Instance]:
        return self._found(lambda: self._view.waiting(kind, name))

    def takers(self, kind: str, key: str) -> Sequence[Instance]:
        return self._found(lambda: self._view.takers(kind, key))

    def page(self, kind: str, after: str) -> Sequence[Entity]:
        return self._found(lambda: self._view.page(kind, after))

    def linked(self, connection: str, kind: str, object_id: str) -> Sequence[str]:
        return self._found(lambda: self._view.linked(connection, kind, object_id))

    def twoway(self, kind: str, key: str) -> TwoWay | None:
        return self._found(lambda: self._view.twoway(kind, key))

    def _found(self, look: Callable[[], T]) -> T:
        try:
            return look()
        except NotLoaded as missing:
            load(self.db, self._view, missing.touched, {})
            return look()
