"""A person has something tried again: the same key, with the entities' present content where nothing was planned."""

from __future__ import annotations

from hub.loop.at_once import hurried
from hub.loop.choosing import each
from hub.loop.start import gather, read_again
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.clock import Micros
from hub.model.effect import Effect, EffectState
from hub.model.entity import typed_view
from hub.model.fact import PersonDecided
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState, Obligation, Step, StepState
from hub.model.people import Person

_S = EffectState
_AGAIN = frozenset({_S.REJECTED, _S.HUMAN})


def retry(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if instance.phase == "reading" and not fact.step:
        return _read_again(world, loop, instance, fact, person)
    if instance.phase == "gathering":
        again = replace(instance, touched=True)
        world.put(instance, again, "loop.retried", who=person.code, why=fact.why)
        gather(world, loop, instance.id)
        return ""
    if not _has_failed(instance, fact):
        done, problem = hurried(world, instance, fact, person)
        if done or problem:
            return problem
    fresh = refreshed(world, loop, instance)
    return each(world, loop, fresh, fact, person, "loop.retried", _retry_part)


def _has_failed(instance: Instance, fact: PersonDecided) -> bool:
    """Whether something named is there to be tried again because it failed: that comes first."""
    parts = [part for step in instance.steps if fact.step in ("", step.name) for part in step.obligations]
    return any(part.state is StepState.FAILED and fact.item in ("", part.item) for part in parts)


def _read_again(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    """Everything money depends on is asked for anew: it is as old as the question by now."""
    again = replace(instance, touched=True, state=LoopState.RUNNING)
    world.put(instance, again, "loop.retried", who=person.code, why=fact.why)
    read_again(world, loop, instance.id)
    return ""


def _retry_part(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation | str:
    if part.state not in (StepState.FAILED, StepState.WAITING):
        return part
    if not part.effects:
        return replace(part, state=StepState.WAITING, reason="retry")
    effect = world.effect(part.effects[-1])
    if effect is None or effect.state not in _AGAIN:
        state = "gone" if effect is None else effect.state.value
        return f"{step.name} is {state}: a document exists, it is never sent again; waive it or say done by hand"
    world.put_effect(effect, again(effect, world.now), who=fact.who)
    return replace(part, state=StepState.RUNNING, reason="")


def again(effect: Effect, now: Micros) -> Effect:
    """The effect as it is sent once more because a person says so: a new life of our key at the target begins."""
    return replace(effect, state=_S.PLANNED, due=now, reason="", settled_at=None, first_sent_at=None)


def refreshed(world: World, loop: CompiledLoop, instance: Instance, *, refused: bool = False) -> Instance:
    """The same membership with the entities' present content: data that a person has put right counts now.

    ``refused``: also for obligations whose effect the target refused.
    """
    taken = dict(instance.taken or {})
    subject = world.entity(instance.subject_kind, instance.subject)
    if subject is not None:
        taken[instance.subject_kind] = typed_view(subject)
    for name, kind in taken.get("@kinds", {}).items():
        found = [(one, world.entity(kind, one["key"])) for one in taken.get(name, ())]
        taken[name] = [one if entity is None else typed_view(entity) for one, entity in found]
    steps = tuple(
        replace(step, obligations=tuple(_fresh(taken, part, refused) for part in step.obligations))
        for step in instance.steps
    )
    return replace(instance, taken=taken or None, steps=steps)


def _fresh(taken: dict[str, object], part: Obligation, refused: bool) -> Obligation:
    """An obligation that has planned nothing sees its item anew."""
    if (part.effects and not refused) or part.state not in (StepState.FAILED, StepState.WAITING):
        return part
    now = {one["key"]: one for value in taken.values() if isinstance(value, list) for one in value}
    scope = {
        name: now.get(value["key"], value) if isinstance(value, dict) and "key" in value else value
        for name, value in part.scope.items()
    }
    return replace(part, scope=scope)
