"""Rows ↔ the frozen dataclasses of ``hub.model``: exact round trips, whatever the fields hold.

Rich heads travel as one JSON document. Lists in the dataclasses are tuples; JSON knows lists only, so decoding
names every place where a tuple belongs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from hub.model.changes import Approval, Quarantine, Reading, Timer
from hub.model.clock import NEVER, Micros
from hub.model.effect import Effect, EffectState
from hub.model.entity import Entity, Mark, SourceMarks
from hub.model.instance import Instance, LoopState, Obligation, Step, StepState, Waiting
from hub.model.twoway import Conflict, Side, TwoWay, Word, Write
from hub.store.remembered import Pieced, Remembered, plain

Row = tuple[Any, ...]
_INSTANCES: Remembered[Instance] = Remembered()
_EFFECTS: Remembered[Effect] = Remembered()
_PIECED = Pieced()


def forget() -> None:
    """Remember no instance and no effect: as a process that has just begun."""
    global _PIECED
    _INSTANCES.forget()
    _EFFECTS.forget()
    _PIECED = Pieced()


def dump(value: object) -> bytes:
    """JSON of a dataclass or a mapping, read-only mappings included."""
    return orjson.dumps(value, default=plain)


def dump_marks(marks: Mapping[str, SourceMarks]) -> bytes:
    """``{source: [at, event, {field: [at, event]}, {field: what it said}?]}``."""
    if len(marks) == 1:
        ((only, m),) = marks.items()
        if not m.fields and not m.said:
            return orjson.dumps({only: (m.base.at, m.base.event, {})})
    return orjson.dumps(
        {source: _marks(m) if m.fields or m.said else [m.base.at, m.base.event, {}] for source, m in marks.items()}
    )


def _marks(m: SourceMarks) -> list[object]:
    own = {name: [f.at, f.event] for name, f in m.fields.items()}
    return [m.base.at, m.base.event, own, *([dict(m.said)] if m.said else ())]


def load_marks(data: bytes) -> dict[str, SourceMarks]:
    return {
        source: SourceMarks(Mark(at, event), {n: Mark(*mark) for n, mark in own.items()} if own else own, *said)
        for source, (at, event, own, *said) in orjson.loads(data).items()
    }


def load_entity(row: Row) -> Entity:
    """From the columns of ``hot_sqlite.LOAD_ENTITIES``."""
    kind, key, label, version, deleted, state, marks = row
    return Entity(kind, key, label, version, orjson.loads(state), load_marks(marks), bool(deleted))


def dump_effect(effect: Effect) -> bytes:
    document = dump(effect)
    _EFFECTS.keep(document, effect)
    return document


def load_effect(document: bytes) -> Effect:
    known = _EFFECTS.get(document)
    if known is not None:
        return known
    values = orjson.loads(document)
    values["state"] = EffectState(values["state"])
    effect = Effect(**values)
    _EFFECTS.keep(document, effect)
    return effect


def effect_row(effect: Effect) -> Row:
    """In the column order of ``tables.effect``."""
    e = effect
    return (
        *(e.key, e.reference, e.integration, e.loop, e.step, e.item, e.subject, e.connection, e.action),
        *(e.state.value, wake(e), e.planned_at, e.settled_at, e.remote_id, dump_effect(e)),
    )


def wake(effect: Effect) -> Micros | None:
    """When the executor may next touch it: its due time, or the end of the claim while it is being sent."""
    if effect.state is EffectState.SENDING:
        return effect.due if effect.claimed_until is None else effect.claimed_until
    if effect.state in (EffectState.PLANNED, EffectState.SENT, EffectState.UNKNOWN) and effect.due < NEVER:
        return effect.due
    return None


def dump_instance(instance: Instance) -> bytes:
    document = _PIECED.dump(instance)
    _INSTANCES.keep(document, instance)
    return document


def load_instance(document: bytes) -> Instance:
    known = _INSTANCES.get(document)
    if known is not None:
        return known
    values = orjson.loads(document)
    values["state"] = LoopState(values["state"])
    values["steps"] = tuple(_step(step, values["taken"]) for step in values["steps"])
    values["waiting"] = tuple(Waiting(**waiting) for waiting in values["waiting"])
    values["reading"], values["late"] = tuple(values["reading"]), tuple(values["late"])
    values["accepted"] = tuple(values["accepted"])
    instance = Instance(**values)
    _INSTANCES.keep(document, instance)
    return instance


def _step(values: dict[str, Any], taken: Mapping[str, Any]) -> Step:
    values["state"] = StepState(values["state"])
    values["obligations"] = tuple(_obligation(each, taken) for each in values["obligations"])
    return Step(**values)


def _obligation(values: dict[str, Any], taken: Mapping[str, Any]) -> Obligation:
    values["state"] = StepState(values["state"])
    values["effects"], values["undo"] = tuple(values["effects"]), tuple(values["undo"])
    for name, (listed, n) in values.pop("at", {}).items():
        values["scope"][name] = taken[listed][n]
    return Obligation(**values)


def instance_row(i: Instance) -> Row:
    """In the column order of ``tables.loop``."""
    return (
        *(i.id, i.integration, i.loop, i.subject_kind, i.subject, i.state.value, i.phase),
        *(i.closed_at, i.started_at, i.finished_at, dump_instance(i)),
    )


def approval_row(approval: Approval) -> Row:
    return (approval.id, approval.loop, approval.role, approval.state, approval.asked_at, dump(approval))


def load_approval(document: bytes) -> Approval:
    return Approval(**orjson.loads(document))


def timer_row(timer: Timer) -> Row:
    return (timer.id, timer.kind, timer.loop, timer.step, timer.due)


def load_timer(row: Row) -> Timer:
    identity, kind, loop, step, due = row
    return Timer(identity, kind, loop, due, step)


def reading_row(r: Reading) -> Row:
    return (r.connection, r.stream, r.object, r.cause, r.since, r.due, r.attempts, r.reason)


def quarantine_row(q: Quarantine) -> Row:
    """In the column order of ``tables.quarantine``."""
    refs = orjson.dumps(dict(q.refs))
    return (
        *(q.id, q.connection, q.delivery, q.position, q.record, q.table, q.kind, q.key, q.at, q.reason),
        *(q.row, q.owner, q.message, q.since, refs, q.source, q.closed_at, q.closed_by),
    )


def load_quarantine(row: Row) -> Quarantine:
    refs = {name: (kind, value) for name, (kind, value) in orjson.loads(row[14]).items()}
    values = (*row[:14], refs, *row[15:])
    return Quarantine(*values)


def twoway_row(found: TwoWay) -> Row:
    """In the column order of ``tables.twoway``."""
    return (found.kind, found.key, bool(found.conflicts), dump(found))


def load_twoway(document: bytes) -> TwoWay:
    values = orjson.loads(document)
    values["sides"] = {source: _side(side) for source, side in values["sides"].items()}
    values["conflicts"] = {name: Conflict(**one) for name, one in values["conflicts"].items()}
    return TwoWay(**values)


def _side(values: dict[str, Any]) -> Side:
    words = {name: _word(word) for name, word in values["words"].items()}
    failed = {name: Write(**write) for name, write in values["failed"].items()}
    return Side(**{**values, "words": words, "failed": failed})


def _word(values: dict[str, Any]) -> Word:
    return Word(**{**values, "ours": tuple(Write(**write) for write in values["ours"])})
