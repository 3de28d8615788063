"""``until``: a step whose document is confirmed stays running until another system tells of what it waits for.

Registering looks among what is known, so what arrived early counts; what arrives later finds the obligation by the
field and value it is kept under (the ``wait`` rows). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from hub.loop.steps import BROKEN, compiled_step, step_scope
from hub.loop.waits import graded, place, waiting, with_obligation, with_step
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop, CompiledStep, CompiledUntil
from hub.model.entity import Entity, typed_view
from hub.model.frozen import replace
from hub.model.instance import Instance, Obligation, Step, StepState, Waiting

_NEVER = "missing: until: "
"""How the reason of an obligation begins that has nothing to wait for."""


def awaiting(
    world: World, loop: CompiledLoop, instance: Instance, compiled: CompiledStep, part: Obligation
) -> Obligation:
    """An obligation whose document stands: done, or waiting for the entity that finishes it."""
    until = compiled.until
    if until is None:
        return replace(part, state=StepState.DONE)
    scope = _scope(world, loop, instance, compiled, part)
    field, value = until.matches[0][0], until.matches[0][1](scope)
    if value is None:
        path = until.definition.matches[0][1].text
        return replace(part, state=StepState.FAILED, reason=f"{_NEVER}{path} has no value")
    kind = until.definition.entity
    part = replace(part, state=StepState.RUNNING, awaits=f"{kind}.{field} {value}", reason="")
    for entity in world.referring(kind, until.field_now(field), value):
        part = _finished(part, until, scope, entity)
        if part.state is StepState.DONE:
            break
    return part


def is_waiting(part: Obligation) -> bool:
    """Whether its document stands and only the other system's word is missing, or can never come."""
    return bool(part.awaits) or part.reason.startswith(_NEVER)


def _scope(
    world: World, loop: CompiledLoop, instance: Instance, compiled: CompiledStep, part: Obligation
) -> dict[str, Any]:
    """What the step sees, its own document included."""
    own = {"state": "done", "id": part.remote_id, "number": part.number, "url": part.url, "read": part.read}
    scope = {**step_scope(world, instance, compiled, loop), **part.scope}
    return {**scope, "steps": {**scope["steps"], compiled.definition.name: own}}


def _finished(part: Obligation, until: CompiledUntil, scope: Mapping[str, Any], entity: Entity) -> Obligation:
    """Done where the entity agrees in everything; a condition without a value is told, and does not hold."""
    if entity.deleted or not all(
        _same(entity, until.field_now(field), value(scope)) for field, value in until.matches
    ):
        return part
    try:
        holds = until.when({**scope, entity.kind: typed_view(entity)})
    except BROKEN as problem:
        return replace(part, reason=f"until: {entity.label or entity.key}: {problem}")
    if not holds:
        return part
    return replace(part, state=StepState.DONE, awaits="", met=f"{entity.kind} {entity.key}", reason="")


def _same(entity: Entity, field: str, value: str | None) -> bool:
    return value is not None and entity.state.get(field) == value


def arrived(world: World, loop: CompiledLoop, instance: Instance, entity: Entity) -> Instance:
    """The instance once an entity of that kind has come or changed: whatever waited for it is done."""
    for step, compiled, part in _waiting_for(loop, instance, entity):
        if compiled.until is not None:
            scope = _scope(world, loop, instance, compiled, part)
            new = _finished(part, compiled.until, scope, entity)
            step = next(one for one in instance.steps if one.name == step.name)
            instance = with_step(instance, graded(with_obligation(step, new), world.now))
            name = place(instance, step.name, part.item)
            instance = waiting(instance, name, entry(world, loop, name, new))
    return instance


def _waiting_for(
    loop: CompiledLoop, instance: Instance, entity: Entity
) -> Iterator[tuple[Step, CompiledStep, Obligation]]:
    for step in instance.steps:
        compiled = compiled_step(loop, step.name)
        until = None if compiled is None else compiled.until
        for part in step.obligations if until is not None else ():
            kind, _, rest = part.awaits.partition(".")
            field, _, value = rest.partition(" ")
            if compiled is None or until is None or kind != entity.kind:
                continue
            if entity.state.get(until.field_now(field)) == value:
                yield step, compiled, part


def entry(world: World, loop: CompiledLoop, ref: str, part: Obligation) -> Waiting | None:
    """What the obligation waits for; a condition that failed waits for the loop's owner."""
    if not part.awaits:
        return None
    what, _, value = part.awaits.partition(" ")
    kind, _, field = what.partition(".")
    return Waiting(
        "until",
        ref,
        world.now,
        loop.definition.owner if part.reason else "",
        part.reason or f"{kind} with {field} {value} (document {part.number or part.remote_id})",
    )


def seen_by(world: World, entity: Entity) -> list[Instance]:
    """Instances with an obligation that this entity may finish."""
    pairs = world.catalog.awaited.get(entity.kind, ())
    values = [(field, value) for field, now in pairs if isinstance(value := entity.state.get(now), str)]
    world.together([partial(world.waiting, f"{entity.kind}.{field}", (value,)) for field, value in values])
    found = [one for field, value in values for one in world.waiting(f"{entity.kind}.{field}", (value,))]
    return list({one.id: one for one in found}.values())
