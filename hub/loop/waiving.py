"""A person lets something go: an obligation, a late entity, a closing that asks; or ends a whole closing."""

from __future__ import annotations

from hub.loop.choosing import OVER, drop_ask, each
from hub.loop.late import drop
from hub.loop.start import cancel
from hub.loop.undoing import begin, may_be_late, past_return, with_document
from hub.loop.until import is_waiting
from hub.loop.waits import GONE
from hub.loop.withdrawn import leave_out
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.effect import EffectState
from hub.model.fact import PersonDecided
from hub.model.frozen import replace
from hub.model.instance import Instance, Obligation, Step, StepState
from hub.model.people import Person

_S = EffectState
_DROPPABLE = frozenset({_S.PLANNED, _S.REJECTED, _S.HUMAN, _S.MISMATCH})


def waive(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    told = {"who": person.code, "why": fact.why}
    if fact.step == "late":
        if fact.item not in instance.late:
            return f"{fact.item} is not late in {instance.id}"
        drop(world, loop, instance, fact.item, **told)
        return ""
    if fact.step == GONE:
        return leave_out(world, loop, instance, fact, person)
    if not fact.step:
        if instance.phase != "asking":
            return f"say what is waived: {instance.id}/STEP"
        cancel(world, replace(instance, touched=True), f"waived by {person.code}: {fact.why}", **told)
        return ""
    return each(world, loop, instance, fact, person, "loop.waived", _waive_part)


def _waive_part(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation | str:
    if part.state in OVER:
        return part
    effect = world.effect(part.effects[-1]) if part.effects else None
    if is_waiting(part):  # its document stands: only the wait is over
        return replace(part, state=StepState.DONE, awaits="", reason=fact.why)
    if effect is not None and effect.state is _S.PLANNED and may_be_late(effect):
        return f"an answer to {step.name} was lost once and it is asked again: wait for its outcome, then decide"
    if effect is not None and effect.state in _DROPPABLE:
        part = with_document(part, effect)
        world.put_effect(
            effect, replace(effect, state=_S.CANCELLED, reason=fact.why, settled_at=world.now), who=fact.who
        )
    elif effect is not None and effect.state is not _S.CONFIRMED:
        return f"{step.name} is on its way ({effect.state.value}): wait for its outcome, then decide"
    drop_ask(world, instance, step, part, fact)
    return replace(part, state=StepState.WAIVED, reason=fact.why, awaits="")


def end(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    """``hub loop cancel``: a closing not begun ends without a trace outside; of a begun one, what was done is undone.

    Past the point of no return there is only the way forward.
    """
    if fact.step:
        return f"a closing is taken back as a whole: hub loop cancel {instance.id}; a part of it is waived"
    if instance.phase == "undoing":
        return f"{instance.id} is being taken back already"
    touched = replace(instance, touched=True)
    about, reason = {"who": person.code, "why": fact.why}, f"cancelled by {person.code}: {fact.why}"
    if instance.taken is None:
        cancel(world, touched, reason, **about)
        return ""
    final = past_return(world, loop, instance)
    if final:
        return f"{final} cannot be taken back, so there is only the way forward: waive what is open, step by step"
    begin(world, loop, touched, reason, **about)
    return ""
