"""What a workspace waits for, in one list: people, time, targets, quarantine (``hub settle``, design §9.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from sqlalchemy import Connection

from hub.cli.views import conflict_json, waiting_json
from hub.loop.limits import overdue, timer_of
from hub.model.clock import iso
from hub.model.effect import Effect, EffectState
from hub.model.instance import Instance, LoopState
from hub.store.queries import loops, records
from hub.store.queries.twoways import undecided

OVER = (LoopState.DONE, LoopState.HISTORY, LoopState.CANCELLED)
_EFFECTS = {
    EffectState.UNKNOWN: "unknown",
    EffectState.REJECTED: "rejected",
    EffectState.MISMATCH: "mismatch",
    EffectState.HUMAN: "human",
}


def waiting(db: Connection, paused: Mapping[str, str]) -> list[dict[str, Any]]:
    """Everything still open, oldest first; what a loop says itself is not said again by its effects."""
    said = list(_of_loops(db))
    told = {(one["kind"], one["ref"]) for one in said}
    found = [*said, *_of_effects(db, paused, told), *_of_quarantine(db), *_of_fields(db), *_of_readings(db)]
    seen: set[tuple[str, str]] = set()
    kept = []
    for one in sorted(found, key=lambda each: (each["since"], each["kind"], each["ref"])):
        if (one["kind"], one["ref"]) not in seen:
            seen.add((one["kind"], one["ref"]))
            kept.append(one)
    return kept


def _of_loops(db: Connection) -> Iterator[dict[str, Any]]:
    states = [state.value for state in LoopState if state not in OVER]
    for instance in loops.instances(db, states=states):
        for one in instance.waiting:
            yield waiting_json(one, instance.id)
        yield from (_overdue(instance, step) for step in overdue(instance))


def _overdue(instance: Instance, step: str) -> dict[str, Any]:
    """A step, or the loop itself, that is open past its due time."""
    found = next((one for one in instance.steps if one.name == step), None)
    due, told = (found.due, found.escalated) if found else (instance.due, instance.escalated)
    return {
        "kind": "timer",
        "ref": timer_of(instance, step),
        "since": iso(due or instance.started_at),
        "who": None,
        "message": f"{step or 'the loop'} is overdue; levels told: {told}",
        "loop": instance.id,
    }


def _of_effects(db: Connection, paused: Mapping[str, str], told: Set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Effects that wait for more than their next turn; ``told``: (kind, obligation) of what loops say."""
    states = [state.value for state in (*_EFFECTS, EffectState.PLANNED, EffectState.SENDING, EffectState.SENT)]
    for effect in loops.effects(db, states=states):
        kind = _EFFECTS.get(effect.state, "")
        if not kind and (effect.connection in paused or effect.reason.startswith("paused")):
            kind = "paused"
        if not kind and effect.state is not EffectState.SENT and effect.attempts:
            kind = "retry"
        if kind and (kind, _obligation(effect)) not in told:
            yield _effect(kind, effect, paused.get(effect.connection, "") or effect.reason)


def _obligation(effect: Effect) -> str:
    """What the effect is for, as its loop names it: ``ID/STEP`` or ``ID/STEP/ITEM``."""
    parts = (effect.loop, effect.step.partition("/")[0], effect.item)
    return "/".join(part for part in parts if part)


def _effect(kind: str, effect: Effect, message: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "ref": effect.key,
        "since": iso(effect.first_sent_at or effect.planned_at),
        "who": None,
        "message": message or None,
        "loop": effect.loop or None,
    }


def _of_quarantine(db: Connection) -> Iterator[dict[str, Any]]:
    for one in records.quarantined(db):
        yield {
            "kind": "quarantine",
            "ref": one.id,
            "since": iso(one.since),
            "who": one.owner or None,
            "message": f"{one.reason}: {one.message}",
            "loop": None,
        }


def _of_fields(db: Connection) -> Iterator[dict[str, Any]]:
    """Two-way fields that a person decides: ``hub entity resolve KIND KEY FIELD --take CONNECTION``."""
    for known in undecided(db):
        for name, one in sorted(known.conflicts.items()):
            said = conflict_json(known, name)["said"]
            values = ", ".join(f"{place} says {'…' if one.private else value}" for place, value in said.items())
            yield {
                "kind": "person",
                "ref": f"{known.kind}/{known.key}/{name}",
                "since": iso(one.since),
                "who": one.owner or None,
                "message": f"{name}: {one.why or values}",
                "loop": None,
            }


def _of_readings(db: Connection) -> Iterator[dict[str, Any]]:
    for one in loops.readings(db):
        if one.attempts:
            message = one.reason or "being read"
            yield {
                "kind": "retry",
                "ref": one.id,
                "since": iso(one.since),
                "who": None,
                "message": message,
                "loop": one.cause or None,
            }
