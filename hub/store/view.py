"""The view a decision reads: what the transaction has loaded so far, and ``NotLoaded`` for everything else.

It holds no connection: conclude stays pure. The transaction fills the dictionaries (``loading``).
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.model.changes import Approval, NotLoaded, Quarantine, Touched
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.instance import Instance
from hub.model.twoway import TwoWay


class LoadedView:
    """Implements ``hub.model.changes.View``. A key that is present with None was looked for and is not there."""

    def __init__(self) -> None:
        self.entities: dict[tuple[str, str], Entity | None] = {}
        self.labels: dict[tuple[str, str], str | None] = {}
        self.links: dict[tuple[str, str, str], str | None] = {}
        self.objects: dict[tuple[str, str, str], Sequence[str]] = {}
        self.references: dict[tuple[str, str, str], Sequence[Entity]] = {}
        self.subjects: dict[tuple[str, str], Sequence[Instance]] = {}
        self.loops: dict[str, Instance | None] = {}
        self.effects: dict[str, Effect | None] = {}
        self.quarantines: dict[tuple[str, str], Sequence[Quarantine]] = {}
        self.asked: dict[str, Sequence[Approval]] = {}
        self.nobody_waits = False
        """True once looked: no step of any loop waits for a link, which is nearly always so."""
        self.waits: dict[tuple[str, str], Sequence[Instance]] = {}
        self.taken: dict[tuple[str, str], Sequence[Instance]] = {}
        self.pages: dict[tuple[str, str], Sequence[Entity]] = {}
        self.twoways: dict[tuple[str, str], TwoWay | None] = {}

    def entity(self, kind: str, key: str) -> Entity | None:
        try:
            return self.entities[kind, key]
        except KeyError:
            raise NotLoaded(Touched(entities=frozenset({(kind, key)}))) from None

    def key_of_label(self, kind: str, label: str) -> str | None:
        try:
            return self.labels[kind, label]
        except KeyError:
            raise NotLoaded(Touched(labels=frozenset({(kind, label)}))) from None

    def link(self, connection: str, kind: str, key: str) -> str | None:
        try:
            return self.links[connection, kind, key]
        except KeyError:
            raise NotLoaded(Touched(links=frozenset({(connection, kind, key)}))) from None

    def linked(self, connection: str, kind: str, object_id: str) -> Sequence[str]:
        try:
            return self.objects[connection, kind, object_id]
        except KeyError:
            raise NotLoaded(Touched(objects=frozenset({(connection, kind, object_id)}))) from None

    def referring(self, kind: str, field: str, target: str) -> Sequence[Entity]:
        try:
            return self.references[kind, field, target]
        except KeyError:
            raise NotLoaded(Touched(referring=frozenset({(kind, field, target)}))) from None

    def instances(self, subject_kind: str, subject: str) -> Sequence[Instance]:
        try:
            return self.subjects[subject_kind, subject]
        except KeyError:
            raise NotLoaded(Touched(subjects=frozenset({(subject_kind, subject)}))) from None

    def instance(self, loop: str) -> Instance | None:
        try:
            return self.loops[loop]
        except KeyError:
            raise NotLoaded(Touched(loops=frozenset({loop}))) from None

    def effect(self, key: str) -> Effect | None:
        try:
            return self.effects[key]
        except KeyError:
            raise NotLoaded(Touched(effects=frozenset({key}))) from None

    def quarantined(self, kind: str, key: str) -> Sequence[Quarantine]:
        try:
            return self.quarantines[kind, key]
        except KeyError:
            raise NotLoaded(Touched(quarantined=frozenset({(kind, key)}))) from None

    def approvals(self, loop: str) -> Sequence[Approval]:
        try:
            return self.asked[loop]
        except KeyError:
            raise NotLoaded(Touched(approvals=frozenset({loop}))) from None

    def waiting(self, kind: str, name: str) -> Sequence[Instance]:
        if self.nobody_waits:
            return ()
        try:
            return self.waits[kind, name]
        except KeyError:
            raise NotLoaded(Touched(waiting=frozenset({(kind, name)}))) from None

    def takers(self, kind: str, key: str) -> Sequence[Instance]:
        try:
            return self.taken[kind, key]
        except KeyError:
            raise NotLoaded(Touched(takers=frozenset({(kind, key)}))) from None

    def page(self, kind: str, after: str) -> Sequence[Entity]:
        try:
            return self.pages[kind, after]
        except KeyError:
            raise NotLoaded(Touched(pages=frozenset({(kind, after)}))) from None

    def twoway(self, kind: str, key: str) -> TwoWay | None:
        try:
            return self.twoways[kind, key]
        except KeyError:
            raise NotLoaded(Touched(twoways=frozenset({(kind, key)}))) from None
