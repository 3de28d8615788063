"""Loops and effects as events: what changed goes into the event, ``evolve`` folds it back into the same row.

An event of a ``loop/…`` or ``effect/…`` stream carries ``{"set": changed fields, "about": who, why, which step}``.
Steps change by name, so one confirmed document does not repeat the whole instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import orjson

from hub.model.effect import Effect, EffectState
from hub.model.event import Event
from hub.model.instance import Instance, LoopState, Obligation, Step, StepState, Waiting
from hub.model.record import Json

_INSTANCE = tuple(field.name for field in fields(Instance))
_EFFECT = tuple(field.name for field in fields(Effect))


def instance_changes(before: Instance | None, after: Instance) -> dict[str, Any]:
    """The fields of ``after`` that differ, the version apart; ``steps`` holds changed steps only."""
    if before is None:
        return {name: getattr(after, name) for name in _INSTANCE if name != "version"}
    changed = _differing(_INSTANCE, before, after)
    if "steps" in changed:
        known = {step.name: step for step in before.steps}
        changed["steps"] = [step for step in after.steps if known.get(step.name) != step]
    return changed


def effect_changes(before: Effect | None, after: Effect) -> dict[str, Any]:
    """The fields of ``after`` that differ, the version apart."""
    if before is None:
        return {name: getattr(after, name) for name in _EFFECT if name != "version"}
    return _differing(_EFFECT, before, after)


def _differing(names: tuple[str, ...], before: object, after: object) -> dict[str, Any]:
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in names if name != "version")
    return {name: new for name, old, new in pairs if old != new}


def evolve(instance: Instance | None, event: Event) -> Instance:
    """The instance after one event of its stream."""
    said = _typed_instance(orjson.loads(event.data)["set"])
    if instance is None:
        return Instance(**said, version=event.version)
    if "steps" in said:
        said["steps"] = _with_steps(instance.steps, said["steps"])
    return replace(instance, **said, version=event.version)


def evolve_effect(effect: Effect | None, event: Event) -> Effect:
    """The effect after one event of its stream."""
    said = orjson.loads(event.data)["set"]
    if "state" in said:
        said["state"] = EffectState(said["state"])
    if effect is None:
        return Effect(**said, version=event.version)
    return replace(effect, **said, version=event.version)


def _with_steps(known: tuple[Step, ...], changed: tuple[Step, ...]) -> tuple[Step, ...]:
    new = {step.name: step for step in changed}
    kept = tuple(new.pop(step.name, step) for step in known)
    return (*kept, *new.values())


def _typed_instance(said: dict[str, Any]) -> dict[str, Any]:
    if "state" in said:
        said["state"] = LoopState(said["state"])
    for name in ("reading", "late"):
        if name in said:
            said[name] = tuple(said[name])
    if "waiting" in said:
        said["waiting"] = tuple(Waiting(**entry) for entry in said["waiting"])
    if "steps" in said:
        said["steps"] = tuple(step_of(step) for step in said["steps"])
    return said


def step_of(said: Mapping[str, Json]) -> Step:
    """A step from its JSON."""
    obligations = tuple(_obligation(part) for part in said["obligations"])
    return Step(**{**said, "state": StepState(said["state"]), "obligations": obligations})


def _obligation(said: Mapping[str, Json]) -> Obligation:
    return Obligation(**{**said, "state": StepState(said["state"]), "effects": tuple(said["effects"])})
