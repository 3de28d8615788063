"""A person did it by hand: the document named was read at the rim and stands for the obligation where it agrees."""

from __future__ import annotations

from hub.loop.choosing import OVER, drop_ask, each
from hub.loop.steps import BROKEN, action_of, compiled_step, step_scope
from hub.loop.until import awaiting
from hub.loop.waits import place, step_of
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.compare import differences
from hub.model.effect import Effect, EffectState
from hub.model.fact import PersonDecided
from hub.model.frozen import replace
from hub.model.instance import Instance, Obligation, Step, StepState
from hub.model.people import Person

_S = EffectState
_BY_HAND = frozenset({_S.REJECTED, _S.HUMAN, _S.MISMATCH, _S.UNKNOWN})


def by_hand(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if not fact.step:
        return f"say which step is done: {instance.id}/STEP"
    if not fact.remote_id or fact.document is None:
        return (
            f"{fact.number or 'the document'} was not found in the target: give the number of a document that exists"
        )
    step = step_of(instance, fact.step)
    open_parts = [one for one in step.obligations if one.state not in OVER] if step else []
    if not fact.item and len(open_parts) > 1:
        return f"{fact.step} has {len(open_parts)} parts: say {place(instance, fact.step, 'ITEM')}"
    return each(world, loop, instance, fact, person, "loop.done_by_hand", _hand_part)


def _hand_part(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation | str:
    if part.state in OVER:
        return part
    if not part.effects:
        return _hand_unplanned(world, loop, instance, step, part, fact)
    effect = world.effect(part.effects[-1])
    if effect is not None and effect.state is _S.CONFIRMED:  # a call is done, the document is not what is owed
        return _hand_unplanned(world, loop, instance, step, part, fact)
    if effect is None or effect.state not in _BY_HAND:
        return f"{step.name} is on its way: wait for its outcome, then decide"
    different = _different(world, loop, step, effect, fact)
    if different and effect.state is _S.MISMATCH and effect.remote_id == fact.remote_id:
        return _another(fact, different)
    sent = world.put_effect(effect, _sent(effect, fact), who=fact.who, why=fact.why)
    state = _S.MISMATCH if different else _S.CONFIRMED
    world.put_effect(
        sent, replace(sent, state=state, reason="; ".join(different), settled_at=world.now), who=fact.who
    )
    if different:
        return replace(part, state=StepState.FAILED, reason="mismatch: " + "; ".join(different))
    return _stands(world, loop, instance, step, part, fact)


def _another(fact: PersonDecided, different: tuple[str, ...]) -> str:
    """A document that says something else does not stand for the obligation."""
    return f"{fact.number or fact.remote_id} does not say what is owed: " + "; ".join(different)


def _sent(effect: Effect, fact: PersonDecided) -> Effect:
    return replace(
        effect,
        state=_S.SENT,
        remote_id=fact.remote_id,
        number=fact.number,
        url=fact.url,
        document_state=fact.document_state,
        read_back=fact.document,
        reason=f"done by hand: {fact.why}",
    )


def _different(world: World, loop: CompiledLoop, step: Step, effect: Effect, fact: PersonDecided) -> tuple[str, ...]:
    compiled = compiled_step(loop, step.name)
    action = None if compiled is None else action_of(world, compiled)
    return differences(effect.expect, fact.document or {}, action.document if action else {})


def _hand_unplanned(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation | str:
    """Nothing was planned (it asked, or its data was wrong): the document stands, compared where it can be."""
    compiled = compiled_step(loop, step.name)
    action = None if compiled is None else action_of(world, compiled)
    if compiled is None or action is None or (step.state is StepState.WAITING and not step.obligations):
        return f"{step.name} has not started"
    try:
        expect = compiled.expect({**step_scope(world, instance, compiled, loop), **part.scope})
    except BROKEN:
        expect = {}
    different = differences(expect, fact.document or {}, action.document)
    if different:
        return _another(fact, different)
    drop_ask(world, instance, step, part, fact)
    return _stands(world, loop, instance, step, part, fact)


def _stands(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation:
    """Done; or, where the step waits for another system (``until``), waiting for that with this document."""
    made = replace(
        part,
        state=StepState.DONE,
        awaits="",
        remote_id=fact.remote_id,
        number=fact.number,
        url=fact.url,
        read=fact.document,
        reason=f"done by hand by {fact.who}",
    )
    compiled = compiled_step(loop, step.name)
    if compiled is None or compiled.until is None or part.awaits:
        return made
    return awaiting(world, loop, instance, compiled, made)
