"""Everything about one entity, from the bytes that came in to the documents that went out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from hub.model.changes import Quarantine
from hub.model.effect import Effect
from hub.model.instance import Instance
from hub.store.queries.events import deliveries, deliveries_at, events_of_streams
from hub.store.queries.loops import effects, instances
from hub.store.queries.records import outcomes, quarantined_entity


@dataclass(frozen=True, slots=True)
class TraceMaterial:
    """Unordered between its parts; each part is in its own order. ``hub trace`` makes the story of it."""

    deliveries: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    events: list[dict[str, Any]]
    loops: list[Instance]
    effects: list[Effect]
    quarantined: list[Quarantine]


def trace(db: Connection, kind: str, key: str) -> TraceMaterial:
    """The deliveries that gave one of its events or were set aside, and all that followed from them."""
    loops = [each for each in instances(db, subject=key) if each.subject_kind == kind]
    sent = [each for loop in loops for each in effects(db, loop_id=loop.id)]
    sent += [each for each in effects(db, subject=key) if each.is_update and each.step == f"sync/{kind}"]
    aside = quarantined_entity(db, kind, key)
    streams = [
        f"{kind}/{key}",
        f"sync/{kind}/{key}",
        *(loop.stream for loop in loops),
        *(effect.stream for effect in sent),
    ]
    events = events_of_streams(db, [*streams, *(f"quarantine/{row.id}" for row in aside)])
    refs = sorted({event["delivery"] for event in events if event["delivery"]})
    came = {row["position"]: row for row in deliveries(db, refs)}
    came.update((row["position"], row) for row in deliveries_at(db, [each.position for each in aside]))
    positions = sorted(came)
    return TraceMaterial([came[at] for at in positions], outcomes(db, positions), events, loops, sent, aside)
