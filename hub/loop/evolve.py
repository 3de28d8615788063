"""Loops and effects as events: what changed goes into the event, ``evolve`` folds it back into the same row.

An event of a ``loop/…`` or ``effect/…`` stream carries ``{"set": changed fields, "about": who, why, which step}``.
Steps change by name, their obligations by item, what is waited for by ref: one confirmed document of a thousand
says what it changed, not the whole instance. A list that changed otherwise is told whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

import orjson

from hub.model.effect import Effect, EffectState
from hub.model.event import Event
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState, Obligation, Step, StepState, Waiting
from hub.model.record import Json

_INSTANCE = tuple(field.name for field in fields(Instance) if field.name != "version")
_STEP = tuple(field.name for field in fields(Step))
_EFFECT = tuple(field.name for field in fields(Effect) if field.name != "version")
_instance_values = attrgetter(*_INSTANCE)
_effect_values = attrgetter(*_EFFECT)


def instance_changes(before: Instance | None, after: Instance) -> dict[str, Any]:
    """The fields of ``after`` that differ, the version apart; ``steps`` holds changed steps only."""
    if before is None:
        return dict(zip(_INSTANCE, _instance_values(after), strict=True))
    changed = _differing(_INSTANCE, _instance_values(before), _instance_values(after))
    if "steps" in changed:
        known = {step.name: step for step in before.steps}
        changed["steps"] = [
            _moved(known.get(step.name), step) for step in after.steps if known.get(step.name) != step
        ]
    if "waiting" in changed:
        changed.update(_waits(before.waiting, changed.pop("waiting")))
    if "reading" in changed:
        changed.update(_read(before.reading, changed.pop("reading")))
    return changed


def _moved(before: Step | None, after: Step) -> Step | dict[str, Any]:
    """The step; with ``parts`` (what changed, by item) in place of ``obligations`` where its items stayed."""
    if before is None or not _grew(before.obligations, after.obligations):
        return after
    known = {part.item: part for part in before.obligations}
    parts = [part for part in after.obligations if known.get(part.item) != part]
    said = {name: getattr(after, name) for name in _STEP if name != "obligations"}
    return {**said, "parts": parts}


def _grew(before: tuple[Obligation, ...], after: tuple[Obligation, ...]) -> bool:
    """Whether ``after`` has the items of ``before`` in their order, and perhaps more behind them; none twice."""
    if len({part.item for part in after}) < len(after) or len(after) < len(before):
        return False
    return all(old is new or old.item == new.item for old, new in zip(before, after, strict=False))


def _waits(before: tuple[Waiting, ...], after: tuple[Waiting, ...]) -> dict[str, Any]:
    """``waits``: the refs that went and the entries that came, where that is all there is to it; else the list."""
    old, new = {one.ref: one for one in before}, {one.ref: one for one in after}
    gone = [ref for ref, one in old.items() if new.get(ref) != one]
    came = [one for ref, one in new.items() if old.get(ref) != one]
    if _with_waits(before, gone, came) != after:
        return {"waiting": after}
    return {"waits": {"gone": gone, "came": came}}


def _read(before: tuple[str, ...], after: tuple[str, ...]) -> dict[str, Any]:
    """``read``: what need not be read any more, where nothing else changed; else the list."""
    left = set(after)
    if tuple(one for one in before if one in left) != after:
        return {"reading": after}
    return {"read": [one for one in before if one not in left]}


def _with_waits(known: tuple[Waiting, ...], gone: Iterable[str], came: Iterable[Waiting]) -> tuple[Waiting, ...]:
    left = set(gone)
    return (*(one for one in known if one.ref not in left), *came)


def effect_changes(before: Effect | None, after: Effect) -> dict[str, Any]:
    """The fields of ``after`` that differ, the version apart."""
    if before is None:
        return dict(zip(_EFFECT, _effect_values(after), strict=True))
    return _differing(_EFFECT, _effect_values(before), _effect_values(after))


def _differing(names: tuple[str, ...], before: tuple[Any, ...], after: tuple[Any, ...]) -> dict[str, Any]:
    found = zip(names, before, after, strict=True)
    return {name: new for name, old, new in found if old is not new and old != new}


def evolve(instance: Instance | None, event: Event) -> Instance:
    """The instance after one event of its stream."""
    said = _typed_instance(orjson.loads(event.data)["set"])
    if instance is None:
        return Instance(**{**said, "steps": _with_steps((), said.get("steps", ()))}, version=event.version)
    if "steps" in said:
        said["steps"] = _with_steps(instance.steps, said["steps"])
    if "waits" in said:
        waits = said.pop("waits")
        came = [Waiting(**entry) for entry in waits["came"]]
        said["waiting"] = _with_waits(instance.waiting, waits["gone"], came)
    if "read" in said:
        read = set(said.pop("read"))
        said["reading"] = tuple(one for one in instance.reading if one not in read)
    return replace(instance, **said, version=event.version)


def evolve_effect(effect: Effect | None, event: Event) -> Effect:
    """The effect after one event of its stream."""
    said = orjson.loads(event.data)["set"]
    if "state" in said:
        said["state"] = EffectState(said["state"])
    if effect is None:
        return Effect(**said, version=event.version)
    return replace(effect, **said, version=event.version)


def _with_steps(known: tuple[Step, ...], changed: Iterable[Mapping[str, Json]]) -> tuple[Step, ...]:
    steps = {step.name: step for step in known}
    for said in changed:
        steps[said["name"]] = _with_parts(steps[said["name"]], said) if "parts" in said else step_of(said)
    return tuple(steps.values())


def _with_parts(known: Step, said: Mapping[str, Json]) -> Step:
    parts = {part.item: part for part in known.obligations}
    parts.update((part["item"], _obligation(part)) for part in said["parts"])
    rest = {name: value for name, value in said.items() if name != "parts"}
    return replace(known, **{**rest, "state": StepState(said["state"]), "obligations": tuple(parts.values())})


def _typed_instance(said: dict[str, Any]) -> dict[str, Any]:
    if "state" in said:
        said["state"] = LoopState(said["state"])
    for name in ("accepted", "reading", "late"):
        if name in said:
            said[name] = tuple(said[name])
    if "waiting" in said:
        said["waiting"] = tuple(Waiting(**entry) for entry in said["waiting"])
    return said


def step_of(said: Mapping[str, Json]) -> Step:
    """A step from its JSON."""
    obligations = tuple(_obligation(part) for part in said["obligations"])
    return Step(**{**said, "state": StepState(said["state"]), "obligations": obligations})


def _obligation(said: Mapping[str, Json]) -> Obligation:
    lists = {"effects": tuple(said["effects"]), "undo": tuple(said["undo"])}
    return Obligation(**{**said, **lists, "state": StepState(said["state"])})
