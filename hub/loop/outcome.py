"""What an effect's move means for its obligation: done, the next call, or a question to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.loop import undoing, until
from hub.loop.steps import action_of, advance, compiled_step, planned, step_scope
from hub.loop.waits import graded, place, step_of, waiting, with_obligation, with_step
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop, CompiledStep
from hub.model.action import ActionSpec, call_after
from hub.model.compare import differences
from hub.model.effect import Effect, EffectState
from hub.model.frozen import replace
from hub.model.instance import Instance, Obligation, StepState, Waiting

_S = EffectState
_PERSON = {_S.REJECTED: "rejected", _S.MISMATCH: "mismatch", _S.HUMAN: "human"}
_FORWARD = "{} cannot be taken back, so nothing is undone: there is only the way forward"


def effect_moved(world: World, loop: CompiledLoop, instance: Instance, effect: Effect) -> None:
    """Bring the obligation up to what its newest effect says, then go on with the loop, or back."""
    if instance.phase == "undoing":
        undoing.effect_moved(world, loop, instance, effect)
        return
    compiled = compiled_step(loop, effect.step.partition("/")[0])
    step = None if compiled is None else step_of(instance, compiled.definition.name)
    part = None if step is None else next((one for one in step.obligations if effect.key in one.effects), None)
    if compiled is None or step is None or part is None or part.effects[-1] != effect.key:
        return
    new = _after(world, loop, instance, compiled, part, effect)
    ref = place(instance, step.name, part.item)
    entry = _entry(world, loop, ref, new, effect)
    after = with_step(waiting(instance, ref, entry), graded(with_obligation(step, new), world.now))
    if after == instance:
        return
    if compiled.definition.on_fail == "undo" and new.state is StepState.FAILED and _for_good(new):
        final = undoing.past_return(world, loop, after)
        if not final:
            undoing.begin(world, loop, after, f"{step.name} failed: {new.reason}")
            return
        after = waiting(after, ref, entry and replace(entry, message=f"{entry.message}; {_FORWARD.format(final)}"))
    advance(world, loop, after)


def after_failure(world: World, loop: CompiledLoop, instance: Instance) -> None:
    """Go on after something failed without its target (nobody approved in time): back, where the table says so."""
    for compiled in loop.steps:
        step = step_of(instance, compiled.definition.name)
        parts = step.obligations if step is not None and compiled.definition.on_fail == "undo" else ()
        failed = next((one for one in parts if one.state is StepState.FAILED and _for_good(one)), None)
        if failed is not None and not undoing.past_return(world, loop, instance):
            undoing.begin(world, loop, instance, f"{compiled.definition.name} failed: {failed.reason}")
            return
    advance(world, loop, instance)


def _for_good(part: Obligation) -> bool:
    """Whether the target had its say: refused, different, or nobody can find out. Bad data can still be put right."""
    return part.reason.startswith(tuple(_PERSON.values()))


def _after(
    world: World, loop: CompiledLoop, instance: Instance, compiled: CompiledStep, part: Obligation, effect: Effect
) -> Obligation:
    action = action_of(world, compiled)
    if effect.state in _PERSON:
        return replace(part, state=StepState.FAILED, reason=f"{_PERSON[effect.state]}: {effect.reason}")
    ends = effect.state is _S.CONFIRMED or (effect.state is _S.SENT and action is not None and not action.readable)
    if not ends or action is None:
        return part if part.state is StepState.RUNNING else replace(part, state=StepState.RUNNING, reason="")
    return _confirmed(world, loop, instance, compiled, part, effect, action)


def _confirmed(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    part: Obligation,
    effect: Effect,
    action: ActionSpec,
) -> Obligation:
    """A call is confirmed: make the next one the document's state asks for, or the obligation is done."""
    part = replace(
        part, remote_id=effect.remote_id, number=effect.number, url=effect.url, read=effect.read_back, reason=""
    )
    call = call_after(action, effect.call, effect.document_state)
    if call is None:
        return _finished(world, loop, instance, compiled, part, effect, action)
    expect = _expect(world, loop, instance, compiled, part, effect)
    following = planned(world, loop, instance, compiled, part, action, call, effect.payload, expect, effect)
    if following.key in part.effects:
        return replace(
            part, state=StepState.FAILED, reason=f"human: {call.name} is done, yet the document says it is not"
        )
    return replace(part, state=StepState.RUNNING, effects=(*part.effects, following.key))


def _expect(
    world: World, loop: CompiledLoop, instance: Instance, compiled: CompiledStep, part: Obligation, effect: Effect
) -> Mapping[str, Any]:
    """What the finished document must say: as the person saw it, else from the scope taken at the start.

    What was approved before the data was put right (``fix``) is of another payload, and says nothing of this one.
    """
    name = place(instance, compiled.definition.name, part.item)
    asked = next((one for one in world.approvals(instance.id) if one.id == name), None)
    if asked is not None and asked.state == "approved" and dict(asked.payload) == dict(effect.payload):
        return asked.expect
    scope = {**step_scope(world, instance, compiled, loop), **part.scope}
    return compiled.expect(scope)


def _finished(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    part: Obligation,
    effect: Effect,
    action: ActionSpec,
) -> Obligation:
    """Done. Where the target was ahead of our calls, ``expect`` has not been compared yet: do it now."""
    if effect.call != action.calls[-1].name and effect.read_back is not None:
        expect = _expect(world, loop, instance, compiled, part, effect)
        different = differences(expect, effect.read_back, action.document)
        if different:
            return replace(part, state=StepState.FAILED, reason="mismatch: " + "; ".join(different))
    world.measures[instance.integration, "documents_confirmed"] += effect.state is _S.CONFIRMED
    return until.awaiting(world, loop, instance, compiled, part)


def _entry(world: World, loop: CompiledLoop, ref: str, part: Obligation, effect: Effect) -> Waiting | None:
    """What the obligation waits for now; None while nothing is out of the ordinary."""
    owner = loop.definition.owner
    if part.state is StepState.FAILED:
        return Waiting(part.reason.partition(":")[0], ref, world.now, owner, effect.reason or part.reason)
    if part.awaits:
        return until.entry(world, loop, ref, part)
    if effect.state is _S.UNKNOWN:
        return Waiting("unknown", ref, world.now, owner, effect.reason)
    if effect.state is _S.PLANNED and effect.reason:
        kind = "paused" if effect.reason.startswith(("paused", "unauthorized")) else "retry"
        return Waiting(kind, ref, world.now, owner if kind == "paused" else "", effect.reason)
    return None
