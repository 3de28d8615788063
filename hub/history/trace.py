"""One object's way with times: delivery → outcome → event → loop → step → effect → read-back.

Reads the store's material and lays it out: as the machine contract's five lists, and as a story for people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from hub.model.changes import Quarantine
from hub.model.clock import Micros, iso
from hub.model.effect import Effect, EffectState
from hub.model.instance import Instance, Obligation
from hub.store.queries.trace import TraceMaterial, trace

TIMES = ("time", "recorded", "received_at", "planned_at", "settled_at", "first_sent_at", "since")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story: when, which of the seven stations, what happened."""

    at: Micros
    station: str
    text: str


def trace_json(db: Connection, kind: str, key: str) -> dict[str, Any]:
    """The machine contract of design §9.1: ``deliveries outcomes events loops effects``, times as ISO text."""
    material = trace(db, kind, key)
    return {
        "kind": kind,
        "key": key,
        "deliveries": [_with_times(row) for row in material.deliveries],
        "outcomes": material.outcomes,
        "events": [_with_times(row) for row in material.events],
        "loops": [loop_json(one) for one in material.loops],
        "effects": [effect_json(one) for one in material.effects],
        "quarantined": [_aside(row) for row in material.quarantined],
    }


def _aside(row: Quarantine) -> dict[str, Any]:
    named = {name: getattr(row, name) for name in ("id", "reason", "row", "owner", "message")}
    return {**named, "since": iso(row.since), "closed": None if row.closed_at is None else iso(row.closed_at)}


def _with_times(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: iso(value) if name in TIMES and value is not None else value for name, value in row.items()}


def loop_json(one: Instance) -> dict[str, Any]:
    return {
        "id": one.id,
        "loop": one.loop,
        "integration": one.integration,
        "subject": one.subject,
        "state": one.state.value,
        "number": one.number,
        "logic": one.logic,
        "started": iso(one.started_at),
        "finished": None if one.finished_at is None else iso(one.finished_at),
        "steps": {step.name: step.state.value for step in one.steps},
    }


def effect_json(one: Effect) -> dict[str, Any]:
    return {
        "key": one.key,
        "loop": one.loop,
        "step": one.step,
        "item": one.item,
        "action": one.action,
        "connection": one.connection,
        "state": one.state.value,
        "attempts": one.attempts,
        "remote_id": one.remote_id,
        "number": one.number,
        "payload": one.payload,
        "read_back": one.read_back,
        "reason": one.reason,
        "planned": iso(one.planned_at),
        "settled": None if one.settled_at is None else iso(one.settled_at),
    }


def story(material: TraceMaterial) -> list[Line]:
    """The same as lines in order of time; what happened at the same time stays in the order of the way."""
    lines = [*_deliveries(material), *_quarantined(material), *_events(material), *_documents(material)]
    return sorted(lines, key=lambda line: line.at)


def tell(db: Connection, kind: str, key: str) -> list[Line]:
    """The story of one entity."""
    return story(trace(db, kind, key))


def _deliveries(material: TraceMaterial) -> Iterator[Line]:
    outcomes: dict[int, list[str]] = {}
    for row in material.outcomes:
        reason = f"({row['reason']})" if row["reason"] else ""
        table = f" by {row['table']}" if row["table"] else ""
        outcomes.setdefault(row["position"], []).append(f"record {row['record']}: {row['verdict']}{reason}{table}")
    for row in material.deliveries:
        text = f"#{row['position']} from {row['connection']} ({row['origin']})  {row['ref'][:12]}"
        yield Line(row["received_at"], "delivery", text)
        for outcome in outcomes.get(row["position"], []):
            yield Line(row["received_at"], "outcome", outcome)


def _quarantined(material: TraceMaterial) -> Iterator[Line]:
    for row in material.quarantined:
        closed = f"; closed by {row.closed_by}" if row.closed_at else ""
        yield Line(row.since, "quarantine", f"{row.reason} at {row.row} → {row.owner}: {row.message}{closed}")


def _events(material: TraceMaterial) -> Iterator[Line]:
    effects = {effect.stream: effect for effect in material.effects}
    for event in material.events:
        yield Line(event["recorded"], _station(event["stream"]), _told(event, effects))


def _station(stream: str) -> str:
    return {"loop": "loop", "effect": "effect"}.get(stream.partition("/")[0], "event")


def _told(event: Mapping[str, Any], effects: Mapping[str, Effect]) -> str:
    effect = effects.get(event["stream"])
    if effect is not None:
        return f"{event['type']}  {_effect_told(effect, event['data'])}"
    if event["stream"].startswith("loop/"):
        return f"{event['type']}  {_loop_told(event['data'])}"
    if event["stream"].startswith("quarantine/"):
        said = event["data"]
        return f"{event['type']}  {', '.join(said['outcomes'])}  {said['reason']}, by {said['who']}: {said['why']}"
    if event["stream"].startswith("sync/"):
        return f"{event['type']}  {_field_told(event['data']['about'])}"
    changed = ", ".join(sorted(event["data"].get("set", ())))
    return f"{event['type']} v{event['version']}  {changed}  by logic {event['logic'][:8]}"


def _effect_told(effect: Effect, data: Mapping[str, Any]) -> str:
    said = data.get("set", {})
    item = f" for {effect.item}" if effect.item else ""
    number = f" {said['number']}" if said.get("number") else ""
    reason = f": {said['reason']}" if said.get("reason") else ""
    return f"{effect.step}{item} {effect.action}{number}{reason}"


def _field_told(about: Mapping[str, Any]) -> str:
    """A turn of a two-way field, or of a link: what, between whom, who won, who decided and why."""
    parts = [about.get("field") or f"{about.get('connection')} {about.get('object')}"]
    parts += [f"between {' and '.join(name for name in about['between'] if name)}"] if "between" in about else []
    parts += [f"{about['policy']}: {about['winner']} wins"] if "winner" in about else []
    parts += [f"took {about['take']}"] if "take" in about else []
    if about.get("who"):
        parts.append(f"by {about['who']}: {about.get('why', '')}")
    elif about.get("why"):
        parts.append(about["why"])
    return "; ".join(parts)


def _loop_told(data: Mapping[str, Any]) -> str:
    """What changed for people: the phase, the steps that moved, who decided and why."""
    said, about = data.get("set", {}), data.get("about", {})
    parts = [f"{step['name']}: {step['state']}" for step in said.get("steps", ())]
    told = (*said.get("waiting", ()), *said.get("waits", {}).get("came", ()))
    waits = Counter(f"waits for {w['kind']}{' from ' + w['who'] if w['who'] else ''}" for w in told)
    parts += [text if n == 1 else f"{text} ×{n}" for text, n in waits.items()]
    if about.get("object"):
        parts.append(about["object"])
    if about.get("who"):
        parts.append(f"by {about['who']}: {about.get('why', '')}")
    if said.get("reason"):
        parts.append(said["reason"])
    return "; ".join(parts)


def _documents(material: TraceMaterial) -> Iterator[Line]:
    for one in material.effects:
        if one.is_update and one.read_back is not None and one.settled_at is not None:
            fields = ", ".join(sorted(one.payload["fields"]))
            equal = "equal" if one.state is EffectState.CONFIRMED else "different"
            yield Line(one.settled_at, "read-back", f"{one.connection} {one.item}: {fields} read back {equal}")
    for loop in material.loops:
        for step in loop.steps:
            for obligation in step.obligations:
                if obligation.read is not None and step.done_at is not None:
                    yield Line(step.done_at, "read-back", _document(step.name, obligation))


def _document(step: str, obligation: Obligation) -> str:
    item = f" for {obligation.item}" if obligation.item else ""
    return f"{step}{item}: {obligation.number or obligation.remote_id} read back equal"
