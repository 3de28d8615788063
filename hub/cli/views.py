"""Stored things as the machine contract writes them (design §9.1): plain JSON, times in ISO 8601, states as words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from hub.loop.limits import overdue
from hub.model.changes import Quarantine, Timer
from hub.model.clock import Micros, iso
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.instance import Instance, Step, Waiting
from hub.model.twoway import TwoWay
from hub.store.queries import entities, loops
from hub.store.queries.events import deliveries, events_of_streams
from hub.store.queries.twoways import twoway_of


def when(value: Micros | None) -> str | None:
    return None if value is None else iso(value)


def event_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "time": iso(row["time"]), "recorded": iso(row["recorded"])}


def entity_json(db: Connection, found: Entity) -> dict[str, Any]:
    """The entity with who set each field last; a field nobody ever set has no entry."""
    return {
        "kind": found.kind,
        "key": found.key,
        "label": found.label,
        "version": found.version,
        "deleted": found.deleted,
        "state": dict(found.state),
        "fields": _said(db, found),
        "links": entities.links_of(db, found.kind, found.key),
        "conflicts": _conflicts(twoway_of(db, found.kind, found.key)),
    }


def _conflicts(known: TwoWay) -> dict[str, dict[str, Any]]:
    """What a person has to decide, by field, with what each system says."""
    return {name: conflict_json(known, name) for name in sorted(known.conflicts)}


def conflict_json(known: TwoWay, name: str) -> dict[str, Any]:
    one = known.conflicts[name]
    words = {source: side.word(name) for source, side in sorted(known.sides.items())}
    said = {source.partition("/")[0]: word.value for source, word in words.items() if word.spoke}
    return {"since": iso(one.since), "who": one.owner or None, "why": one.why or None, "said": said}


def _said(db: Connection, found: Entity) -> dict[str, dict[str, Any]]:
    """Per field: the event that gave it its value, when that was so at the source, and which object said it."""
    last: dict[str, dict[str, Any]] = {}
    for event in events_of_streams(db, [found.stream]):
        last.update((name, event) for name in event["data"].get("set", {}).keys() & found.state.keys())
    came = deliveries(db, sorted({event["delivery"] for event in last.values() if event["delivery"]}))
    connections = {row["ref"]: row["connection"] for row in came}
    return {
        name: {
            "source": source_of(found, name, connections.get(last[name]["delivery"], "")),
            "at": iso(last[name]["time"]),
            "event": last[name]["id"],
        }
        for name in found.state
        if name in last
    }


def source_of(found: Entity, name: str, connection: str) -> str:
    """The source object a field's value came from; ``connection`` is that of the delivery that set it.

    Where sources are preferred, a delivery of one may bring up what another said: then one that says what holds.
    """
    holding = {
        source: marks
        for source, marks in found.marks.items()
        if name in marks.said and found.state[name] not in (None, "") and marks.said[name] == found.state[name]
    }
    known = holding or found.marks
    beside = {source: marks for source, marks in known.items() if source.partition("/")[0] == connection}
    newest = max((beside or known).items(), key=lambda each: (each[1].of(name).at, each[1].of(name).event, each[0]))
    return newest[0]


def effect_json(found: Effect, names: Mapping[str, str]) -> dict[str, Any]:
    """``names``: instance id -> the loop's name, which is what goes into the effect's key."""
    return {
        "key": found.key,
        "integration": found.integration,
        "loop": names.get(found.loop, found.loop),
        "instance": found.loop,
        "step": found.step,
        "item": found.item,
        "subject": found.subject,
        "action": f"{found.connection}.{found.action}",
        "state": found.state.value,
        "class": found.target,
        "attempts": found.attempts,
        "remote_id": found.remote_id or None,
        "number": found.number or None,
        "payload": dict(found.payload),
        "read_back": None if found.read_back is None else dict(found.read_back),
        "reason": found.reason or None,
        "reference": found.reference,
        "revision": found.revision,
        "undoes": found.undoes or None,
        "url": found.url or None,
        "planned_at": iso(found.planned_at),
        "settled_at": when(found.settled_at),
    }


def loop_json(found: Instance, timers: Iterable[Timer], label: str | None) -> dict[str, Any]:
    due = [timer.due for timer in timers] + [step.due for step in found.steps if step.due and _open(step)]
    due += [found.due] if found.due and not found.finished_at else []
    return {
        "id": found.id,
        "loop": found.loop,
        "integration": found.integration,
        "subject": found.subject,
        "label": label,
        "state": found.state.value,
        "phase": found.phase,
        "closing": found.number,
        "steps": {step.name: step.state.value for step in found.steps},
        "waiting_for": [waiting_json(one, found.id) for one in found.waiting],
        "due": when(min(due)) if due else None,
        "overdue": overdue(found),
        "started_at": iso(found.started_at),
        "finished_at": when(found.finished_at),
        "reason": found.reason or None,
    }


def loop_whole(found: Instance, timers: Iterable[Timer], label: str | None) -> dict[str, Any]:
    """``show``: the loop with its obligations."""
    obligations = [
        {
            "step": step.name,
            "item": part.item or None,
            "state": part.state.value,
            "number": part.number or None,
            "url": part.url or None,
            "effects": list(part.effects),
            "undo": list(part.undo),
            "reason": part.reason or None,
        }
        for step in found.steps
        for part in step.obligations
    ]
    return {**loop_json(found, timers, label), "obligations": obligations, "late": list(found.late)}


def _open(step: Step) -> bool:
    return step.state.value in ("waiting", "asking", "running", "failed")


def waiting_json(one: Waiting, loop: str) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "ref": one.ref or loop,
        "since": iso(one.since),
        "who": one.who or None,
        "message": one.message or None,
        "loop": loop,
    }


def quarantine_json(found: Quarantine) -> dict[str, Any]:
    return {
        "id": found.id,
        "connection": found.connection,
        "delivery": found.delivery,
        "record": found.record,
        "reason": found.reason,
        "row": found.row or None,
        "owner": found.owner or None,
        "message": found.message,
        "since": iso(found.since),
        "table": found.table or None,
        "kind": found.kind or None,
        "key": found.key or None,
    }


def label_of(db: Connection, kind: str, key: str) -> str | None:
    found = entities.entity_of(db, kind, key)
    return found.label if found else None


def timers_by_loop(db: Connection) -> dict[str, list[Timer]]:
    found: dict[str, list[Timer]] = {}
    for timer in loops.timers(db):
        found.setdefault(timer.loop, []).append(timer)
    return found
