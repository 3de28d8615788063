"""An entity: a canonical thing with a key, folded from records; staleness is judged per field.

``fold`` is the whole of it: an older record never overwrites a newer field (I7), a record that changes
nothing is ``unchanged``, one whose every field is older is ``stale``. No clock, no id is made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from hub.model.clock import Micros
from hub.model.record import Json, Mapped, Op

Verdict = Literal["applied", "unchanged", "stale"]


@dataclass(frozen=True, slots=True)
class Mark:
    """Who set a field last: the record's version time and the stream version of the event that set it."""

    at: Micros
    event: int


@dataclass(frozen=True, slots=True)
class SourceMarks:
    """What one source object has said so far: ``base`` for every field, ``fields`` where a field differs."""

    base: Mark
    fields: Mapping[str, Mark] = field(default_factory=dict)

    def of(self, name: str) -> Mark:
        return self.fields.get(name, self.base)


@dataclass(frozen=True, slots=True)
class Entity:
    """Current state of one entity; ``version`` counts its events, ``marks`` is keyed ``connection/source``."""

    kind: str
    key: str
    label: str | None = None
    version: int = 0
    state: Mapping[str, Json] = field(default_factory=dict)
    marks: Mapping[str, SourceMarks] = field(default_factory=dict)
    deleted: bool = False

    @property
    def stream(self) -> str:
        return f"{self.kind}/{self.key}"


@dataclass(frozen=True, slots=True)
class Folded:
    """What a record did to an entity: the entity after it, the changed fields, and the verdict."""

    entity: Entity
    changed: Mapping[str, Json]
    verdict: Verdict


def typed_view(entity: Entity) -> dict[str, Json]:
    """The entity as expressions see it: every field, with ``key`` and ``label``."""
    return {**entity.state, "key": entity.key, "label": entity.label}


def fold(entity: Entity, mapped: Mapped, source: str, at: Micros, op: Op, empty: Mapping[str, Json]) -> Folded:
    """Apply one mapped record to an entity.

    ``source`` is ``connection/object id``; ``empty`` the schema's state with every field null. Equal version
    times apply in log order. A delete marks the entity deleted and keeps its last state.
    """
    raise NotImplementedError  # filled in by the engine room's author


__all__ = ["Entity", "Folded", "Mark", "SourceMarks", "Verdict", "fold", "replace", "typed_view"]
