"""What would be, on top of what is: a memory that answers from its own changes first and from another view below.

The view below is only ever read; nothing done here reaches a store.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.history.memory import Memory
from hub.model.changes import PAGE, Approval, Quarantine, View
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.instance import Instance
from hub.model.twoway import TwoWay


class Overlay(Memory):
    """``hidden`` leaves the quarantine below out: what would happen once it is mended."""

    def __init__(self, below: View, *, hidden: bool = False) -> None:
        super().__init__()
        self.below, self.hidden = below, hidden

    def entity(self, kind: str, key: str) -> Entity | None:
        return super().entity(kind, key) or self.below.entity(kind, key)

    def key_of_label(self, kind: str, label: str) -> str | None:
        return super().key_of_label(kind, label) or self.below.key_of_label(kind, label)

    def link(self, connection: str, kind: str, key: str) -> str | None:
        return super().link(connection, kind, key) or self.below.link(connection, kind, key)

    def referring(self, kind: str, field: str, target: str) -> Sequence[Entity]:
        found = {
            one.key: self.entities.get((kind, one.key), one) for one in self.below.referring(kind, field, target)
        }
        found.update({one.key: one for one in super().referring(kind, field, target)})
        return [found[key] for key in sorted(found)]

    def instances(self, subject_kind: str, subject: str) -> Sequence[Instance]:
        found = {one.id: one for one in self.below.instances(subject_kind, subject)}
        found.update({one.id: one for one in super().instances(subject_kind, subject)})
        return list(found.values())

    def instance(self, loop: str) -> Instance | None:
        return super().instance(loop) or self.below.instance(loop)

    def effect(self, key: str) -> Effect | None:
        return super().effect(key) or self.below.effect(key)

    def quarantined(self, kind: str, key: str) -> Sequence[Quarantine]:
        if self.hidden:
            return ()
        found = {row.id: self.aside.get(row.id, row) for row in self.below.quarantined(kind, key)}
        found.update({row.id: row for row in super().quarantined(kind, key)})
        return [row for _, row in sorted(found.items()) if row.closed_at is None]

    def approvals(self, loop: str) -> Sequence[Approval]:
        found = {one.id: one for one in self.below.approvals(loop)}
        found.update({one.id: one for one in super().approvals(loop)})
        return [found[name] for name in sorted(found)]

    def waiting(self, kind: str, name: str) -> Sequence[Instance]:
        return self._newest([*self.below.waiting(kind, name), *super().waiting(kind, name)])

    def takers(self, kind: str, key: str) -> Sequence[Instance]:
        return self._newest([*self.below.takers(kind, key), *super().takers(kind, key)])

    def page(self, kind: str, after: str) -> Sequence[Entity]:
        found = {one.key: one for one in (*self.below.page(kind, after), *super().page(kind, after))}
        return [self.entities.get((kind, key), found[key]) for key in sorted(found)[:PAGE]]

    def twoway(self, kind: str, key: str) -> TwoWay | None:
        return super().twoway(kind, key) or self.below.twoway(kind, key)

    def linked(self, connection: str, kind: str, object_id: str) -> Sequence[str]:
        below = self.below.linked(connection, kind, object_id)
        kept = {key for key in below if self.links.get((connection, kind, key), object_id) == object_id}
        return sorted(kept | set(super().linked(connection, kind, object_id)))

    def _newest(self, found: Sequence[Instance]) -> list[Instance]:
        by_id = {one.id: self.loops.get(one.id, one) for one in found}
        return [by_id[name] for name in sorted(by_id)]
