"""Late entities: what matches only after the list was taken asks the loop's owner, and is never paid silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.loop.conditions import note
from hub.loop.elsewhere import holder, words
from hub.loop.related import LATE, late_matches, occurrences
from hub.loop.steps import BROKEN, LATE_WAIT, advance, step_scope
from hub.loop.waits import place, step_of, waiting, with_step
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop, CompiledStep
from hub.model.entity import Entity, typed_view
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState, Obligation, StepState, Waiting

_NEVER_ASK = (LoopState.CANCELLED, LoopState.HISTORY)


def late_check(world: World, loop: CompiledLoop, instance: Instance, subject: Entity) -> None:
    """See who is late now; who no longer matches is no longer late. Only the newest closing that stands asks."""
    if loop.definition.schedule is not None:
        return  # the next period takes it
    others = [one for one in occurrences(world, loop, subject) if one.id != instance.id]
    if any(one.number > instance.number and one.state not in _NEVER_ASK for one in others):
        return
    try:
        found = {one.key: one for _, one in late_matches(world, loop, instance, subject, others)}
    except BROKEN as problem:  # it makes nobody late; the entity's own change comes again
        note(world, loop, subject, "where", str(problem))
        return
    note(world, loop, subject, "where", "")
    keys = tuple(sorted(found))
    if keys == tuple(instance.late):
        return
    kept = tuple(one for one in instance.waiting if not one.ref.startswith(f"{instance.id}/late/"))
    after = replace(instance, late=keys, waiting=kept)
    for key in keys:
        ref = place(instance, "late", key)
        known = next((one for one in instance.waiting if one.ref == ref), None)
        after = waiting(after, ref, known or _ask(world, loop, subject, ref, found[key]))
    advance(world, loop, world.put(instance, after, "loop.late", late=list(keys)))


def _ask(world: World, loop: CompiledLoop, subject: Entity, ref: str, entity: Entity) -> Waiting:
    other = holder(world, loop, subject, entity, let_go=True)
    said = (
        f"{entity.kind} {entity.label or entity.key} came too late" if other is None else words(world, entity, other)
    )
    return Waiting("person", ref, world.now, loop.definition.owner, said)


def accept(world: World, loop: CompiledLoop, instance: Instance, key: str, **about: str) -> str:
    """Add obligations for a late entity to the steps that use its list; gives the problem, empty when done."""
    if key not in instance.late:
        return f"{key} is not late in {instance.id}"
    subject = world.entity(instance.subject_kind, instance.subject)
    if subject is None:
        return f"{instance.subject_kind} {instance.subject} is not known"
    earlier = [one for one in occurrences(world, loop, subject) if one.id != instance.id]
    found = [pair for pair in late_matches(world, loop, instance, subject, earlier) if pair[1].key == key]
    if not found:
        return f"{key} no longer matches any list of the loop"
    other = holder(world, loop, subject, found[0][1])
    if other is not None:
        return f"{words(world, found[0][1], other)}: waive it there first, or waive it here"
    after = _decided(instance, key, found[0][1].kind, "approved")
    world.took(instance, [(found[0][1].kind, key)])
    for name, entity in found:
        for compiled in loop.steps:
            if name in compiled.uses:
                after = _owing(world, loop, after, compiled, name, entity)
    advance(world, loop, world.put(instance, after, "loop.approved", late=key, **about))
    return ""


def drop(world: World, loop: CompiledLoop, instance: Instance, key: str, **about: str) -> None:
    """A person says the late entity stays out."""
    after = _decided(instance, key, "", "waived")
    advance(world, loop, world.put(instance, after, "loop.waived", late=key, **about))


def _decided(instance: Instance, key: str, kind: str, choice: str) -> Instance:
    taken = dict(instance.taken or {})
    taken[LATE] = {**taken.get(LATE, {}), key: {"kind": kind, "choice": choice}}
    after = replace(instance, taken=taken, late=tuple(one for one in instance.late if one != key), touched=True)
    return waiting(after, place(instance, "late", key), None)


def _owing(
    world: World, loop: CompiledLoop, instance: Instance, compiled: CompiledStep, name: str, entity: Entity
) -> Instance:
    """The step with one more obligation, for this entity alone."""
    step = step_of(instance, compiled.definition.name)
    if step is None:
        return instance
    alone = {name: [typed_view(entity)]}
    scope = {**step_scope(world, instance, compiled, loop), **alone}
    parts = _parts(compiled, entity.key, alone, scope)
    started = step.state is not StepState.WAITING or any(part.reason != LATE_WAIT for part in step.obligations)
    if not parts:
        return instance
    # A step that has begun starts the new part at once; one that has not keeps it until its turn.
    state = StepState.WAITING if started else step.state
    return with_step(instance, replace(step, state=state, obligations=(*step.obligations, *parts), done_at=None))


def _parts(
    compiled: CompiledStep, key: str, alone: Mapping[str, Any], scope: Mapping[str, Any]
) -> tuple[Obligation, ...]:
    try:
        if not compiled.applies(scope):
            return ()
        if compiled.items is None:
            return (Obligation(key, scope=alone, reason=LATE_WAIT),)
        return tuple(
            Obligation(item, scope={**alone, **names}, reason=LATE_WAIT) for item, names in compiled.items(scope)
        )
    except BROKEN as problem:
        return (Obligation(key, StepState.FAILED, reason=f"missing: {problem}"),)
