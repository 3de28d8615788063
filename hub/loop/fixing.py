"""A person has put the data right: what the target refused is planned anew from it, as revision n+1 with its own key.

``retry`` sends the same bytes again; ``fix`` makes new ones. Only what was refused for certain can be fixed: where a
document stands, or may, a second one would be the double nobody wants.
"""

from __future__ import annotations

from hub.loop.choosing import each
from hub.loop.retrying import refreshed
from hub.loop.steps import BROKEN, compiled_step, link_of, step_scope
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop, Unlinked
from hub.model.effect import Effect, EffectState
from hub.model.fact import PersonDecided
from hub.model.frozen import replace
from hub.model.instance import Instance, Obligation, Step, StepState
from hub.model.people import Person

_S = EffectState


def fix(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if not fact.step:
        return f"say what is fixed: {instance.id}/STEP"
    if instance.phase == "undoing":
        return f"{instance.id} is being taken back: nothing new is made"
    fresh = refreshed(world, loop, instance, refused=True)
    return each(world, loop, fresh, fact, person, "loop.fixed", _fix_part)


def _fix_part(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation | str:
    if part.state is not StepState.FAILED:
        return part
    effect = world.effect(part.effects[-1]) if part.effects else None
    if effect is None:
        return replace(part, state=StepState.WAITING, reason="fixed")
    if problem := _problem(step, part, effect):
        return problem
    if _same(world, loop, instance, step, part, effect):
        return f"nothing {step.name} is made of has changed; retry sends the same again"
    over = replace(effect, state=_S.SUPERSEDED, settled_at=world.now)
    world.put_effect(effect, over, who=fact.who, why=fact.why)
    return replace(part, state=StepState.WAITING, reason="fixed", revision=part.revision + 1)


def _problem(step: Step, part: Obligation, effect: Effect) -> str:
    """Why a new document must not be made for it."""
    if effect.state is not _S.REJECTED:
        return f"{step.name} is {effect.state.value}: a document stands or may; correct that one, then say done"
    if part.remote_id:
        return f"{step.name} has made {part.number or part.remote_id}: correct that one and retry, or waive it"
    if effect.doubtful and effect.target == "A":
        return f"an answer to {step.name} was lost once: retry asks with the same key, which cannot make a second one"
    return ""


def _same(world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, effect: Effect) -> bool:
    """Whether the present data give the same bytes. What gives none is told when it is planned."""
    compiled = compiled_step(loop, step.name)
    if compiled is None:
        return True
    scope = {**step_scope(world, instance, compiled, loop), **part.scope}
    try:
        return compiled.payload(scope, link_of(world, compiled.definition.connection)) == dict(effect.payload)
    except (*BROKEN, Unlinked):
        return False
