"""A person about an undo that was refused: again, let the document stay, or it was taken back by hand.

And about an obligation nobody knows the end of (HUMAN): ``waive`` says there is no document, ``done`` names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.loop.choosing import each
from hub.loop.retrying import again
from hub.loop.steps import compiled_step
from hub.loop.undoing import let_go, take_back, undo_of, undone
from hub.loop.waits import place
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.effect import Effect, EffectState
from hub.model.fact import PersonDecided
from hub.model.frozen import replace
from hub.model.instance import Instance, Obligation, Step, StepState
from hub.model.people import Person

_S = EffectState
_AGAIN = frozenset({_S.REJECTED, _S.HUMAN})
_OPEN = frozenset({_S.REJECTED, _S.HUMAN, _S.MISMATCH, _S.PLANNED})


def _asks(instance: Instance, step: Step, part: Obligation) -> bool:
    ref = place(instance, step.name, part.item)
    return part.state is StepState.FAILED and any(entry.ref == ref for entry in instance.waiting)


def _undo(world: World, part: Obligation) -> Effect | None:
    return world.effect(part.undo[-1]) if part.undo else None


def _unknown(world: World, part: Obligation) -> Effect | None:
    """The effect of which nobody knows whether it made a document."""
    effect = world.effect(part.effects[-1]) if part.effects and not part.undo else None
    return effect if effect is not None and not part.remote_id and effect.state in _OPEN else None


def retry(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    return each(world, loop, instance, fact, person, "loop.retried", _retry_part)


def _retry_part(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation | str:
    compiled = compiled_step(loop, step.name)
    if compiled is None or not _asks(instance, step, part):
        return part
    if _unknown(world, part) is not None:
        return f"nobody knows whether {step.name} made a document: waive it if not, or say done with its number"
    effect = _undo(world, part)
    if effect is None:
        return take_back(world, loop, instance, compiled, part, asked=True)[0]
    if effect.state not in _AGAIN:
        return f"the undo of {step.name} is {effect.state.value}: waive it, or say done once it is taken back"
    world.put_effect(effect, again(effect, world.now), who=fact.who)
    return replace(part, state=StepState.DONE, reason="")


def waive(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if not fact.step:
        return f"say what is waived: {instance.id}/STEP"
    return each(world, loop, instance, fact, person, "loop.waived", _waive_part)


def _waive_part(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation | str:
    if not _asks(instance, step, part):
        return part
    unknown = _unknown(world, part)
    effect = _undo(world, part) if unknown is None else unknown
    if effect is not None and effect.state in _OPEN:
        over = replace(effect, state=_S.CANCELLED, settled_at=world.now, reason=fact.why)
        world.put_effect(effect, over, who=fact.who)
    if unknown is not None:
        return replace(part, state=StepState.WAIVED, reason=fact.why)
    let_go(world, part)
    return replace(part, state=StepState.DONE, stays=True, reason=f"it stays: {fact.why}")


def by_hand(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if not fact.step:
        return f"say which step is done: {instance.id}/STEP"
    if not fact.remote_id or fact.document is None:
        return f"{fact.number or 'the document'} was not found in the target: give the number of one that exists"
    return each(world, loop, instance, fact, person, "loop.done_by_hand", _hand_part)


def _hand_part(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation | str:
    if not _asks(instance, step, part):
        return part
    unknown = _unknown(world, part)
    if unknown is not None:
        return _found(world, part, unknown, fact)
    if fact.remote_id != part.remote_id:
        return f"{fact.number} is not the document of {step.name}: that is {part.number or part.remote_id}"
    compiled = compiled_step(loop, step.name)
    _, action = (None, None) if compiled is None else undo_of(world, compiled)
    ends: frozenset[str] = frozenset() if action is None else action.calls[-1].done_in
    if fact.document_state not in ends:
        wanted = " or ".join(sorted(ends)) or "a state in which it counts as taken back"
        return f"{fact.number} is {fact.document_state or 'in no state that is told'}, not {wanted}"
    effect = _undo(world, part)
    if effect is not None and effect.state in _OPEN - {_S.PLANNED}:
        _confirmed(world, effect, fact)
    return undone(world, part, f"done by hand by {fact.who}")


def _found(world: World, part: Obligation, effect: Effect, fact: PersonDecided) -> Obligation | str:
    """There is a document: it stands for the effect, and is undone like the others."""
    if effect.state is _S.PLANNED:
        return "it is on its way: wait for its outcome, then decide"
    _confirmed(world, effect, fact)
    made = replace(part, remote_id=fact.remote_id, number=fact.number, url=fact.url, read=fact.document)
    return replace(made, state=StepState.DONE, reason="")


def _confirmed(world: World, effect: Effect, fact: PersonDecided) -> None:
    seen = replace(
        effect,
        state=_S.SENT,
        remote_id=fact.remote_id,
        number=fact.number,
        url=fact.url,
        document_state=fact.document_state,
        read_back=fact.document,
        reason=f"done by hand: {fact.why}",
    )
    sent = world.put_effect(effect, seen, who=fact.who, why=fact.why)
    world.put_effect(sent, replace(sent, state=_S.CONFIRMED, reason="", settled_at=world.now), who=fact.who)


BACK: Mapping[str, Callable[[World, CompiledLoop, Instance, PersonDecided, Person], str]] = {
    "retry": retry,
    "waive": waive,
    "done": by_hand,
}
