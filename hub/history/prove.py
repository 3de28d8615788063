"""The material of one closing as a certificate: what it owed, what became of each, and where the log says so.

Events of the closing and its effects are all there, and of the subject and what it took everything up to the taking.
What the reader may not see stands there by its commitment only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hub.history.certificate import FORMAT, digest, sealed
from hub.history.disclosure import Disclosure, StepPrivacy, loop_privacy, masked, shows
from hub.loop.related import taken_keys
from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledLoop
from hub.mapping.table import Row, StepDef
from hub.model.chain import commitment, salt
from hub.model.changes import Approval
from hub.model.clock import Micros, iso
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.event import Event
from hub.model.instance import Instance, Obligation, Step
from hub.model.record import Json
from hub.store.leaves import delivery_header, event_header
from hub.store.proofs import Prover, delivery_rows, event_rows


@dataclass(frozen=True, slots=True)
class Closing:
    """What is proved: the closing, its subject, effects and asks, the version that decided."""

    instance: Instance
    subject: Entity
    effects: tuple[Effect, ...]
    asks: tuple[Approval, ...]
    loop: CompiledLoop
    activation: Mapping[str, Json]
    catalog: Catalog


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom: a person's code (empty: anybody) and what that person may see; made when."""

    code: str
    disclosed: Disclosure
    at: Micros


def certificate(closing: Closing, prover: Prover, reader: Reader) -> dict[str, Any]:
    """The parts, sealed."""
    privacy = loop_privacy(closing.loop, reader.disclosed)
    rows = list(_events(closing, prover))
    events = [_event(row, prover, closing, reader.disclosed, privacy) for row in rows]
    refs = sorted({str(row[11]) for row in rows if row[11]})
    deliveries = [_delivery(row, prover) for row in delivery_rows(prover.db, refs)]
    blocks = prover.used()
    head = blocks[-1]
    return sealed(
        {
            "format": FORMAT,
            "made": {"at": iso(reader.at), "for": reader.code or None, "roles": sorted(reader.disclosed.roles)},
            "subject": _subject(closing, reader.disclosed),
            "closing": _closing(closing.instance, closing.loop),
            "mapping": dict(closing.activation),
            "obligations": list(_obligations(closing, privacy, reader.disclosed)),
            "decisions": [found for row in rows if (found := _decision(row)) is not None],
            "deliveries": deliveries,
            "events": events,
            "blocks": [one.json() for one in blocks],
            "head": {"number": head.number, "hash": head.hash.hex(), "sealed_at": iso(head.sealed_at)},
        }
    )


def _subject(closing: Closing, disclosed: Disclosure) -> dict[str, Any]:
    subject = closing.subject
    name = subject.state.get("name")
    shown = None if disclosed.of_field(subject.kind, "name") else name
    return {"kind": subject.kind, "key": subject.key, "label": subject.label, "name": shown}


def _closing(one: Instance, loop: CompiledLoop) -> dict[str, Any]:
    return {
        "id": one.id,
        "loop": one.loop,
        "title": dict(loop.definition.title),
        "integration": one.integration,
        "owner": loop.definition.owner,
        "when": loop.definition.when.text,
        "number": one.number,
        "occurrence": one.occurrence,
        "state": one.state.value,
        "closed_at": iso(one.closed_at),
        "started_at": iso(one.started_at),
        "finished_at": None if one.finished_at is None else iso(one.finished_at),
        "reason": one.reason or None,
    }


# --- obligations


def _obligations(
    closing: Closing, privacy: Mapping[str, StepPrivacy], disclosed: Disclosure
) -> Iterator[dict[str, Any]]:
    """Every step; one that owed nothing says so."""
    definitions = {step.definition.name: step.definition for step in closing.loop.steps}
    for step in closing.instance.steps:
        definition = definitions.get(step.name)
        parts = step.obligations or (Obligation("", step.state),)
        for part in parts:
            yield _obligation(closing, step, part, definition, privacy.get(step.name))


def _obligation(
    closing: Closing, step: Step, part: Obligation, definition: StepDef | None, privacy: StepPrivacy | None
) -> dict[str, Any]:
    effects = [one for one in closing.effects if one.key in part.effects or _of(one, step, part)]
    ask = next((one for one in closing.asks if (one.step, one.item) == (step.name, part.item)), None)
    action = closing.catalog.action(definition.connection, definition.action) if definition else None
    return {
        "step": step.name,
        "item": part.item or None,
        "label": _label(closing.instance, part.item),
        "title": dict(action.title) if action else {},
        "action": f"{definition.connection}.{definition.action}" if definition else None,
        "weight": action.weight if action else None,
        "state": part.state.value,
        "reason": part.reason or None,
        "number": part.number or None,
        "url": part.url or None,
        "effects": [_effect(one, privacy) for one in effects],
        "approval": None if ask is None else _ask(ask, privacy),
        "rows": [_row(row, privacy) for row in (definition.payload if definition else ())],
    }


def _of(effect: Effect, step: Step, part: Obligation) -> bool:
    return effect.step.partition("/")[0] == step.name and effect.item == part.item


def _label(instance: Instance, item: str) -> str | None:
    taken = instance.taken or {}
    lists = (taken.get(name, ()) for name in taken.get("@kinds", {}))
    return next((one.get("label") for some in lists for one in some if one.get("key") == item), None)


def _effect(one: Effect, privacy: StepPrivacy | None) -> dict[str, Any]:
    hidden = privacy or StepPrivacy({}, {})
    read = one.read_back
    return {
        "key": one.key,
        "reference": one.reference,
        "call": one.call,
        "revision": one.revision,
        "state": one.state.value,
        "attempts": one.attempts,
        "remote_id": one.remote_id or None,
        "number": one.number or None,
        "url": one.url or None,
        "payload": masked(one.payload, hidden.payload),
        "payload_sha256": None if any(hidden.payload.values()) else digest(one.payload),
        "expect": masked(one.expect, hidden.expect),
        "read_back": None if read is None else masked(read, {name: hidden.of_document(name) for name in read}),
        "planned_at": iso(one.planned_at),
        "sent_at": None if one.first_sent_at is None else iso(one.first_sent_at),
        "settled_at": None if one.settled_at is None else iso(one.settled_at),
    }


def _ask(ask: Approval, privacy: StepPrivacy | None) -> dict[str, Any]:
    hidden = privacy is not None and privacy.anything
    return {
        "role": ask.role,
        "state": ask.state,
        "who": ask.decided_by or None,
        "why": ask.why or None,
        "at": None if ask.decided_at is None else iso(ask.decided_at),
        "amount": None if hidden else ask.amount,
    }


def _row(row: Row, privacy: StepPrivacy | None) -> dict[str, Any]:
    said = [path.text for path in row.sources] or ([row.value.text] if row.value else [])
    hidden = privacy.payload.get(row.field, "") if privacy else ""
    at = f"{row.place.file.rpartition('/')[2]}:{row.place.line}"
    return {
        "field": row.field,
        "from": said,
        "at": at,
        "each": row.each[1].text if row.each else None,
        "hidden": hidden,
    }


# --- the log


def _events(closing: Closing, prover: Prover) -> Iterator[tuple[Any, ...]]:
    """All of the closing and its effects; of subject and taken things, up to the taking."""
    one = closing.instance
    own = [one.stream, *(effect.stream for effect in closing.effects)]
    things = {f"{one.subject_kind}/{one.subject}", *(f"{kind}/{key}" for kind, key in taken_keys(one))}
    rows = event_rows(prover.db, [*own, *sorted(things)])
    taken = [row[0] for row in rows if row[1] == one.stream and row[4] == "loop.taken"]
    until = taken[-1] if taken else rows[-1][0]
    for row in rows:
        if row[1] not in things or row[0] <= until:
            yield tuple(row)


def _event(
    row: tuple[Any, ...], prover: Prover, closing: Closing, disclosed: Disclosure, privacy: Mapping[str, StepPrivacy]
) -> dict[str, Any]:
    salted = salt(prover.key, "event", row[0])
    steps = {effect.stream: effect.step.partition("/")[0] for effect in closing.effects}
    shown = shows(_told(row), disclosed, privacy, steps.get(row[1], ""))
    return {
        "header": event_header(row),
        "commitment": commitment(salted, row[13]).hex(),
        "data": row[13].decode() if shown else None,
        "salt": salted.hex() if shown else None,
        **_proof(prover, "event", row[0]),
    }


def _told(row: tuple[Any, ...]) -> Event:
    head = event_header(row)
    names = ("id", "stream", "version", "type", "time", "recorded")
    rest = ("schema", "correlation", "causation", "logic", "delivery", "record", "position")
    values = {name: head[name] for name in (*names, *rest)}
    return Event(**values, data=row[13])


def _delivery(row: Iterable[Any], prover: Prover) -> dict[str, Any]:
    found = tuple(row)
    return {"header": delivery_header(found), **_proof(prover, "delivery", found[0])}


def _proof(prover: Prover, log: str, position: int) -> dict[str, Any]:
    found = prover.proof(log, position)
    return {"block": found.block.number, "index": found.index, "path": [one.hex() for one in found.path]}


def _decision(row: tuple[Any, ...]) -> dict[str, Any] | None:
    """A person's word, as an event of the closing tells it."""
    about = orjson.loads(row[13]).get("about", {})
    if not about.get("who"):
        return None
    return {
        "what": row[4],
        "who": about["who"],
        "why": about.get("why") or None,
        "step": about.get("step") or None,
        "item": about.get("item") or None,
        "at": iso(row[6]),
        "event": row[0],
    }
