"""Steps: which may start, what each owes, the payload frozen, the ask or the planned effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from hub.loop import asking, limits
from hub.loop.names import resolve
from hub.loop.waits import OVER, graded, is_held, place, settled, step_of, waiting, with_obligation, with_step
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop, CompiledStep, ExpressionError, LinkOf, Unlinked
from hub.model.action import ActionSpec, Call, next_call, payload_problem
from hub.model.changes import NotLoaded, union
from hub.model.effect import Effect, EffectState, effect_key
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState, Obligation, Step, StepState, Waiting
from hub.model.values import CurrencyMismatch

LATE_WAIT = "late"
"""``Obligation.reason`` of a late entity's obligation whose step has not started yet."""
BROKEN = (ExpressionError, CurrencyMismatch)
"""What a table can get wrong only at run time: it becomes a question to a person."""


def advance(world: World, loop: CompiledLoop, instance: Instance) -> Instance:
    """Start every step whose ``after`` are over, until nothing changes; then say what the loop's state is."""
    moved = not is_held(instance)
    while moved:
        moved, missing = False, []
        for compiled in loop.steps:
            step = step_of(instance, compiled.definition.name)
            if step is None or not _startable(step) or not _ready(instance, compiled):
                continue
            try:
                after = start(world, loop, instance, compiled, step)
            except NotLoaded as one:
                missing.append(one.touched)  # the other steps miss something too: one more pass for all of them
                continue
            moved = moved or step_of(after, step.name) != step
            instance = after
        if missing:
            raise NotLoaded(union(missing))
    return close(world, loop, instance)


def close(world: World, loop: CompiledLoop, instance: Instance) -> Instance:
    """Record what has changed: the steps that moved, then the loop's own state."""
    before = world.instance(instance.id)
    after = settled(instance, world.now)
    limits.tidy(world, before, after)
    if before is not None and before.state is not after.state:
        staged = replace(after, state=before.state, finished_at=before.finished_at)
        world.put(before, staged, "loop.step_moved", steps=_moves(before, staged))
        before = world.instance(instance.id)
        if after.state is LoopState.DONE:
            world.measures[after.integration, "loops_done"] += 1
        return world.put(before, replace(after, version=before.version if before else 0), f"loop.{after.state.value}")
    return world.put(before, after, "loop.step_moved", steps=_moves(before, after))


def _moves(before: Instance | None, after: Instance) -> dict[str, str]:
    known = {step.name: step.state for step in before.steps} if before else {}
    return {step.name: step.state.value for step in after.steps if known.get(step.name) is not step.state}


def _startable(step: Step) -> bool:
    return step.state is StepState.WAITING or any(part.state is StepState.WAITING for part in step.obligations)


def _ready(instance: Instance, compiled: CompiledStep) -> bool:
    states = {step.name: step.state for step in instance.steps}
    return all(states.get(name) in OVER for name in compiled.definition.after)


def start(world: World, loop: CompiledLoop, instance: Instance, compiled: CompiledStep, step: Step) -> Instance:
    """Work out what the step owes, and start each part of it that can start."""
    scope = step_scope(world, instance, compiled, loop)
    if all(part.reason == LATE_WAIT for part in step.obligations):
        step = _expanded(compiled, step, scope)
        step = limits.begin_step(world, loop, instance, step)
    _look_for_effects(world, loop, instance, compiled, step)
    for part in step.obligations:
        if part.state is StepState.WAITING:
            new = oblige(world, loop, instance, compiled, part, scope)
            step = with_obligation(step, new)
            instance = waiting(
                instance, place(instance, step.name, part.item), _entry(world, loop, instance, compiled, new)
            )
    return with_step(instance, graded(step, world.now) if step.obligations else step)


def _look_for_effects(
    world: World, loop: CompiledLoop, instance: Instance, compiled: CompiledStep, step: Step
) -> None:
    """Ask for the effects of all obligations at once, not one pass of the decision for each."""
    action = action_of(world, compiled)
    if action is not None:
        name = _call_name(step.name, action, next_call(action, None) or action.calls[0])
        items = [part.item for part in step.obligations if part.state is StepState.WAITING]
        world.together([partial(world.effect, _key(loop, instance, name, item)) for item in items])


def _key(loop: CompiledLoop, instance: Instance, step: str, item: str, mark: str = "do") -> str:
    name = loop.definition.first_name
    return effect_key(instance.integration, name, instance.subject, instance.occurrence, step, item, mark)


def _expanded(compiled: CompiledStep, step: Step, scope: Mapping[str, Any]) -> Step:
    """The step with one obligation per item; skipped where ``if`` is false or there is nothing to do."""
    try:
        if not compiled.applies(scope):
            parts: tuple[Obligation, ...] = ()
        elif compiled.items is None:
            parts = (Obligation(""),)
        else:
            parts = tuple(Obligation(item, scope=dict(names)) for item, names in compiled.items(scope))
    except BROKEN as problem:
        parts = (Obligation("", StepState.FAILED, reason=f"missing: {problem}"),)
    parts = (*parts, *step.obligations)
    twice = [item for item, n in Counter(part.item for part in parts).items() if n > 1]
    if twice:
        parts = (Obligation("", StepState.FAILED, reason=f"missing: two items have the key {twice[0]}"),)
    if not parts:
        return replace(step, state=StepState.SKIPPED)
    return replace(step, obligations=parts)


def step_scope(world: World, instance: Instance, compiled: CompiledStep, loop: CompiledLoop) -> dict[str, Any]:
    """What the step's expressions see: the taken scope, the steps it comes after, their documents, now."""
    done = [(name, step_of(instance, name)) for name in compiled.definition.after]
    return {
        **{name: value for name, value in (instance.taken or {}).items() if not name.startswith("@")},
        "now": world.now_text,
        "steps": {name: _seen(loop, step) for name, step in done if step is not None},
        "documents": [one for _, step in done if step is not None for one in _documents(world, loop, step)],
    }


def _seen(loop: CompiledLoop, step: Step) -> Any:
    """``steps.X``: null when skipped, a list under ``each``, else the one document."""
    if step.state is StepState.SKIPPED:
        return None
    views = [
        {"state": part.state.value, "id": part.remote_id, "number": part.number, "url": part.url, "read": part.read}
        for part in step.obligations
    ]
    compiled = compiled_step(loop, step.name)
    if compiled is not None and compiled.items is not None:
        return views
    return views[0] if views else None


def _documents(world: World, loop: CompiledLoop, step: Step) -> list[dict[str, Any]]:
    title = _title(world, loop, step.name)
    return [
        {
            "step": step.name,
            "title": title,
            "number": part.number or part.remote_id,
            "id": part.remote_id,
            "url": part.url,
        }
        for part in step.obligations
        if part.state is StepState.DONE
    ]


def _title(world: World, loop: CompiledLoop, name: str) -> str:
    """The document's name in the workspace's language, English where it has none, else the action's own name."""
    compiled = compiled_step(loop, name)
    action = None if compiled is None else action_of(world, compiled)
    if action is None:
        return name
    titles = action.title
    return titles.get(world.catalog.language) or titles.get("en") or action.name


def compiled_step(loop: CompiledLoop, name: str) -> CompiledStep | None:
    return next((step for step in loop.steps if step.definition.name == name), None)


def action_of(world: World, compiled: CompiledStep) -> ActionSpec | None:
    """What the step does; None where the connection or the action is gone from the workspace."""
    connection = world.catalog.connections.get(compiled.definition.connection)
    return None if connection is None else connection.actions.get(compiled.definition.action)


def link_of(world: World, connection: str) -> LinkOf:
    """Resolves an entity, by key or label, to its object in that connection."""

    def find(kind: str, name: str) -> str | None:
        key = resolve(world, kind, name) or name
        return world.link(connection, kind, key)

    return find


def oblige(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    part: Obligation,
    scope: Mapping[str, Any],
) -> Obligation:
    """Freeze one obligation's payload; then ask for approval or plan its effect. Bad data fails it, with why."""
    action = action_of(world, compiled)
    if action is None:
        definition = compiled.definition
        return _failed(part, f"{definition.connection} has no action {definition.action}")
    inner = {**scope, **part.scope}
    try:
        payload = compiled.payload(inner, link_of(world, compiled.definition.connection))
        expect = compiled.expect(inner)
        wanted = asking.levels(compiled, inner)
    except Unlinked as missing:
        name = resolve(world, missing.kind, missing.key) or missing.key
        reason, needs = f"link: {missing.kind} {missing.key}", f"{missing.kind} {name}"
        return replace(part, state=StepState.WAITING, reason=reason, needs=needs)
    except BROKEN as problem:
        return _failed(part, str(problem))
    problem_text = payload_problem(action, payload)
    if problem_text:
        return _failed(part, f"{action.name} {problem_text}")
    if wanted:
        return asking.ask(world, loop, instance, compiled, part, payload, expect, wanted)
    return plan(world, loop, instance, compiled, part, action, payload, expect)


def _failed(part: Obligation, why: str) -> Obligation:
    return replace(part, state=StepState.FAILED, reason=f"missing: {why}")


def plan(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    part: Obligation,
    action: ActionSpec,
    payload: Mapping[str, Any],
    expect: Mapping[str, Any],
) -> Obligation:
    """Plan the first call of the obligation's action."""
    call = next_call(action, None) or action.calls[0]
    effect = planned(world, loop, instance, compiled, part, action, call, payload, expect)
    if effect.loop != instance.id:
        return _failed(part, f"{effect.loop} has this key already ({effect.state.value}): see renamed_from of both")
    return replace(part, state=StepState.RUNNING, effects=(*part.effects, effect.key), reason="")


def planned(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    part: Obligation,
    action: ActionSpec,
    call: Call,
    payload: Mapping[str, Any],
    expect: Mapping[str, Any],
    first: Effect | None = None,
) -> Effect:
    """One effect in state PLANNED. Its key is the obligation's and the call's, never the attempt's (I4)."""
    definition = compiled.definition
    target = (definition.connection, action, call)
    said = expect if call.name == action.calls[-1].name else {}
    mark = f"revision {part.revision}" if part.revision else "do"
    effect = effect_of_call(world, loop, instance, compiled, part, target, payload, said, mark, first)
    effect = replace(effect, revision=part.revision)
    known = world.effect(effect.key)
    return known or world.put_effect(None, effect)


def effect_of_call(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    part: Obligation,
    target: tuple[str, ActionSpec, Call],
    payload: Mapping[str, Any],
    expect: Mapping[str, Any],
    mark: str,
    first: Effect | None,
) -> Effect:
    """The effect of one call (``target``: connection, action, call) as it is planned, not yet recorded."""
    connection, action, call = target
    step = _call_name(compiled.definition.name, action, call)
    key = _key(loop, instance, step, part.item, mark)
    effect = Effect(
        key=key,
        reference=first.reference if first else key,
        integration=instance.integration,
        loop=instance.id,
        step=step,
        item=part.item,
        subject=instance.subject,
        connection=connection,
        action=action.name,
        call=call.name,
        target=action.target.value,
        state=EffectState.PLANNED,
        payload=payload,
        expect=expect,
        logic=instance.logic,
        planned_at=world.now,
        due=world.now,
    )
    return effect if first is None else _following(effect, first)


def _call_name(step: str, action: ActionSpec, call: Call) -> str:
    """``purchase``, or ``purchase/2-approve`` where the action is several calls."""
    return step if len(action.calls) == 1 else f"{step}/{action.calls.index(call) + 1}-{call.name}"


def _following(effect: Effect, first: Effect) -> Effect:
    """A later call works on the document that the earlier ones made."""
    return replace(
        effect,
        remote_id=first.remote_id,
        number=first.number,
        url=first.url,
        document_state=first.document_state,
    )


def _entry(
    world: World, loop: CompiledLoop, instance: Instance, compiled: CompiledStep, part: Obligation
) -> Waiting | None:
    """What the obligation waits for after it was started; None while its effect is on its way."""
    ref = place(instance, compiled.definition.name, part.item)
    if part.state is StepState.ASKING:
        return asking.waits_for(world, instance, ref)
    if part.state is StepState.FAILED:
        return Waiting("missing", ref, world.now, loop.definition.owner, part.reason)
    if part.state is StepState.WAITING:
        return Waiting("link", ref, world.now, loop.definition.owner, part.reason)
    return None
