"""A closing is taken back: what was done is undone, last step first, each undo an effect with its own key.

``begin`` stops what has not left us and waits for what is on its way; ``proceed`` undoes one step after the other
once everything behind it is at rest. A document that comes late is undone like the others, never orphaned. What
cannot be undone asks a person (``undo_choices``). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hub.loop.start import hand_back
from hub.loop.steps import action_of, close, compiled_step, effect_of_call
from hub.loop.waits import graded_back, place, step_of, waiting, with_obligation, with_step
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop, CompiledStep
from hub.model.action import ActionSpec, Call, call_after, next_call, payload_problem
from hub.model.effect import Effect, EffectState
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState, Obligation, Step, StepState, Waiting

_S = EffectState
_ON_ITS_WAY = frozenset({_S.SENDING, _S.UNKNOWN, _S.SENT, _S.PLANNED})
_HEAVY = frozenset({"money", "asset"})
_NOBODYS = ("wrong-document", "not-found")
"""How a MISMATCH begins that names no document of ours."""
WHY_LENGTH = 2000
Told = tuple[Obligation, Waiting | None]
"""An obligation, and what it waits for."""


# --- begin


def past_return(world: World, loop: CompiledLoop, instance: Instance) -> str:
    """The first thing done, or perhaps done, that moves money or books an asset and cannot be taken back."""
    for compiled in loop.steps:
        step, action = step_of(instance, compiled.definition.name), action_of(world, compiled)
        if step is None or compiled.definition.undo or (action is not None and action.weight not in _HEAVY):
            continue
        for part in step.obligations:
            if part.state is StepState.DONE or _stands(part) or _leaving(world, part):
                name = place(instance, step.name, part.item)
                return f"{name} ({part.number})" if part.number else name
    return ""


def _stands(part: Obligation) -> bool:
    """Whether a document of it is known to stand, whoever made it and whatever was let go since."""
    return bool(part.remote_id) and part.state is not StepState.UNDONE


def with_document(part: Obligation, effect: Effect) -> Obligation:
    """The obligation with the document its effect made although it is not what was owed, where there is one."""
    if part.remote_id or effect.state is not _S.MISMATCH or effect.reason.startswith(_NOBODYS):
        return part
    return replace(part, remote_id=effect.remote_id, number=effect.number, url=effect.url, read=effect.read_back)


def _leaving(world: World, part: Obligation) -> bool:
    """Whether a document may exist or come to exist, whatever is done now."""
    effect = world.effect(part.effects[-1]) if part.effects and part.state is not StepState.WAIVED else None
    if effect is None or effect.state in (_S.CANCELLED, _S.SUPERSEDED):
        return False
    if effect.state in (_S.PLANNED, _S.REJECTED):
        return bool(part.remote_id) or may_be_late(effect)
    return True


def may_be_late(effect: Effect) -> bool:
    """Class B was looked for after its quiesce time; class A only until our key is sent again."""
    return effect.doubtful and effect.target == "A"


def begin(world: World, loop: CompiledLoop, instance: Instance, reason: str, **about: str) -> Instance:
    """Stop what has not been sent; from here on the only way is back."""
    for entry in instance.waiting:
        if entry.kind == "timer":
            world.drop_timer(entry.ref)
    for one in world.approvals(instance.id):
        if one.state == "asked":
            world.put_approval(replace(one, state="dropped", decided_at=world.now, why=reason))
    parts = [part for step in instance.steps for part in step.obligations if part.effects]
    world.together([partial(world.effect, part.effects[-1]) for part in parts])
    after = replace(instance, phase="undoing", reason=reason, late=(), waiting=(), finished_at=None)
    for step in instance.steps:
        compiled = compiled_step(loop, step.name)
        for part in step.obligations if compiled is not None else ():
            effect = world.effect(part.effects[-1]) if part.effects else None
            after = _with(world, after, step.name, _stopped(world, loop, instance, step, part, effect))
    before = world.instance(instance.id)
    staged = replace(after, state=LoopState.RUNNING, version=before.version if before else 0)
    return proceed(world, loop, world.put(before, staged, "loop.undoing", **about))


def _with(world: World, instance: Instance, name: str, told: Told) -> Instance:
    """The instance with the obligation as it is now, its step graded, and what it waits for."""
    part, entry = told
    step = step_of(instance, name)
    if step is None:
        return instance
    after = with_step(instance, graded_back(with_obligation(step, part)))
    return waiting(after, place(instance, name, part.item), entry)


def _stopped(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, effect: Effect | None
) -> Told:
    """The obligation once nothing more of it will be sent: done, on its way, never done, or a question."""
    if part.state in (StepState.DONE, StepState.SKIPPED, StepState.UNDONE):
        return part, None
    if part.state is StepState.WAIVED or effect is None:
        return _unsent(part), None
    if effect.state is _S.CANCELLED:
        return (part if part.state is StepState.FAILED else _never(part)), None
    if _may_still_come(world, loop, step, effect):
        return replace(part, state=StepState.RUNNING, awaits=""), _on_its_way(
            world, loop, instance, step, part, effect
        )
    if _unsure(effect) and not part.remote_id:
        reason = f"human: {effect.reason}; is there a document?"
        asked = Waiting("human", place(instance, step.name, part.item), world.now, loop.definition.owner, reason)
        return replace(part, state=StepState.FAILED, reason=reason), asked
    return _at_rest(world, part, effect), None


def _unsent(part: Obligation) -> Obligation:
    """Nothing of it is on its way: what stands (made by hand, or let go with a document) is taken back too."""
    if _stands(part):
        return replace(part, state=StepState.DONE, awaits="")
    return part if part.state in (StepState.FAILED, StepState.WAIVED) else _never(part)


def _may_still_come(world: World, loop: CompiledLoop, step: Step, effect: Effect) -> bool:
    """On its way; where an answer was lost and the target keeps our key, it is sent to its end, then undone."""
    if effect.state is _S.PLANNED:
        return may_be_late(effect)
    if effect.state is _S.SENT:
        compiled = compiled_step(loop, step.name)
        action = None if compiled is None else action_of(world, compiled)
        return action is not None and action.readable
    return effect.state in (_S.SENDING, _S.UNKNOWN)


def _unsure(effect: Effect) -> bool:
    """Whether only a person can say if there is a document."""
    if effect.state is _S.MISMATCH:
        return effect.reason.startswith(_NOBODYS)
    return effect.state is _S.HUMAN or (effect.state is _S.REJECTED and may_be_late(effect))


def _at_rest(world: World, part: Obligation, effect: Effect) -> Obligation:
    """What stands in the target once the effect is over: its document, an earlier call's, or nothing."""
    if effect.state in (_S.PLANNED, _S.REJECTED):
        world.put_effect(effect, replace(effect, state=_S.CANCELLED, settled_at=world.now, reason=effect.reason))
        if not part.remote_id:
            return part if part.state is StepState.FAILED else _never(part)
        return replace(part, state=StepState.DONE, awaits="")
    return replace(
        part,
        state=StepState.DONE,
        remote_id=effect.remote_id,
        number=effect.number,
        url=effect.url,
        read=effect.read_back,
        awaits="",
    )


def _never(part: Obligation) -> Obligation:
    return replace(part, state=StepState.SKIPPED, reason="", needs="", awaits="")


def _on_its_way(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, effect: Effect
) -> Waiting | None:
    ref, owner = place(instance, step.name, part.item), loop.definition.owner
    if effect.state is _S.UNKNOWN:
        return Waiting("unknown", ref, world.now, owner, effect.reason)
    if effect.state is _S.PLANNED and effect.reason:
        kind = "paused" if effect.reason.startswith(("paused", "unauthorized")) else "retry"
        return Waiting(kind, ref, world.now, owner if kind == "paused" else "", effect.reason)
    return None


# --- go on


def proceed(world: World, loop: CompiledLoop, instance: Instance) -> Instance:
    """Undo the last step that still stands; when none does, the closing is cancelled."""
    over = True
    for compiled in backwards(loop):
        step = step_of(instance, compiled.definition.name)
        if step is None:
            continue
        if not step.obligations and step.state is not StepState.WAIVED:
            instance = with_step(instance, replace(step, state=StepState.SKIPPED))
        for part in step.obligations:
            if part.state is StepState.DONE and not part.undo and not part.stays and compiled.definition.undo:
                told = take_back(world, loop, instance, compiled, part)
                instance = _with(world, instance, step.name, told)
        step = step_of(instance, compiled.definition.name)
        if step is not None and not all(_rests(instance, compiled, step, part) for part in step.obligations):
            over = False
            break
    after = close(world, loop, _settled(world, instance, over))
    if over:
        hand_back(world, after)
    return after


def backwards(loop: CompiledLoop) -> Iterator[CompiledStep]:
    """The steps of the loop in the reverse of the order in which they may run."""
    ready: list[CompiledStep] = []
    left = list(loop.steps)
    while left:
        names = {one.definition.name for one in ready}
        chosen = next((one for one in left if names.issuperset(one.definition.after)), left[0])
        left.remove(chosen)
        ready.append(chosen)
    return reversed(ready)


def _rests(instance: Instance, compiled: CompiledStep, step: Step, part: Obligation) -> bool:
    match part.state:
        case StepState.DONE:
            return part.stays or not compiled.definition.undo
        case StepState.RUNNING:
            return False
        case StepState.FAILED:
            ref = place(instance, step.name, part.item)
            return all(entry.ref != ref for entry in instance.waiting)
    return True


def _settled(world: World, instance: Instance, over: bool) -> Instance:
    if over:
        return replace(instance, state=LoopState.CANCELLED, finished_at=world.now, waiting=())
    asks = any(entry.kind in ("rejected", "mismatch", "human", "missing") for entry in instance.waiting)
    return replace(instance, state=LoopState.NEEDS_PERSON if asks else LoopState.RUNNING)


def effect_moved(world: World, loop: CompiledLoop, instance: Instance, effect: Effect) -> None:
    """The executor moved an effect of a closing that is taken back: the one undone, or the one that undoes."""
    compiled = compiled_step(loop, effect.step.partition("/")[0])
    step = None if compiled is None else step_of(instance, compiled.definition.name)
    parts = () if step is None else step.obligations
    part = next((one for one in parts if effect.key in (one.effects[-1:] + one.undo[-1:])), None)
    if compiled is None or step is None or part is None or instance.state is LoopState.CANCELLED:
        return
    if effect.undoes:
        told = _undo_moved(world, loop, instance, compiled, part, effect)
    else:
        told = _stopped(world, loop, instance, step, part, effect)
    proceed(world, loop, _with(world, instance, step.name, told))


# --- one document


def take_back(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    part: Obligation,
    *,
    asked: bool = False,
) -> Told:
    """Plan the undo of one document. ``asked``: a person says to try whatever state it was last seen in."""
    connection, action = undo_of(world, compiled)
    if action is None:
        return _refused(world, loop, instance, compiled, part, "missing", f"{connection} has no such action")
    made = world.effect(part.effects[-1]) if part.effects else None
    seen = made is not None and made.remote_id == part.remote_id  # not where another one was made by hand
    state, works = (made.document_state if made and seen else ""), _works_from(world, compiled)
    call = next_call(action, state or None)
    if call is None:
        return replace(part, state=StepState.UNDONE, reason=f"it was {state} already"), None
    if works and state and state not in works and not asked:
        words = f"{part.number or part.remote_id} is {state}; it is undone only from {', '.join(sorted(works))}"
        return _refused(world, loop, instance, compiled, part, "rejected", words)
    payload = {"id": part.remote_id, "why": instance.reason[:WHY_LENGTH]}
    problem = payload_problem(action, payload)
    if problem:
        return _refused(world, loop, instance, compiled, part, "missing", f"{action.name} {problem}")
    effect = _planned(world, loop, instance, compiled, part, action, call)
    return replace(part, state=StepState.DONE, undo=(*part.undo, effect.key), reason=""), None


def undo_of(world: World, compiled: CompiledStep) -> tuple[str, ActionSpec | None]:
    """The connection and the action of ``undo``; None where the workspace no longer has it."""
    connection, _, name = compiled.definition.undo.partition(".")
    facts = world.catalog.connections.get(connection)
    return connection, None if facts is None else facts.actions.get(name)


def _works_from(world: World, compiled: CompiledStep) -> frozenset[str]:
    action = action_of(world, compiled)
    return frozenset() if action is None else action.undo_from


def _refused(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    part: Obligation,
    kind: str,
    why: str,
) -> Told:
    """An undo that cannot be: a person decides, and the steps before it wait."""
    ref = place(instance, compiled.definition.name, part.item)
    words = f"undo of {part.number or part.remote_id}: {why}"
    entry = Waiting(kind, ref, world.now, loop.definition.owner, words)
    return replace(part, state=StepState.FAILED, reason=f"{kind}: {words}"), entry


def _planned(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    compiled: CompiledStep,
    part: Obligation,
    action: ActionSpec,
    call: Call,
    first: Effect | None = None,
) -> Effect:
    """One undo effect in state PLANNED; its key is the obligation's with the mark ``undo`` (design §5)."""
    connection, _, _ = compiled.definition.undo.partition(".")
    payload = first.payload if first else {"id": part.remote_id, "why": instance.reason[:WHY_LENGTH]}
    undoes = part.effects[-1] if part.effects else part.remote_id
    effect = effect_of_call(
        world, loop, instance, compiled, part, (connection, action, call), payload, {}, "undo", first
    )
    known = world.effect(effect.key)
    return known or world.put_effect(None, replace(effect, undoes=undoes))


def _undo_moved(
    world: World, loop: CompiledLoop, instance: Instance, compiled: CompiledStep, part: Obligation, effect: Effect
) -> Told:
    """What an undo's move means: undone, the next call of it, or a question to a person."""
    _, action = undo_of(world, compiled)
    step = step_of(instance, compiled.definition.name)
    if step is None or action is None:
        return part, None
    if effect.state in (_S.REJECTED, _S.MISMATCH, _S.HUMAN):
        return _refused(world, loop, instance, compiled, part, effect.state.value.lower(), effect.reason)
    if effect.state in _ON_ITS_WAY and (effect.state is not _S.SENT or action.readable):
        back = replace(part, state=StepState.DONE, reason="")
        return back, _on_its_way(world, loop, instance, step, part, effect)
    call = call_after(action, effect.call, effect.document_state)
    if call is None:
        return undone(world, part), None
    following = _planned(world, loop, instance, compiled, part, action, call, effect)
    if following.key in part.undo:
        words = f"{call.name} is done, yet the document says it is not"
        return _refused(world, loop, instance, compiled, part, "human", words)
    return replace(part, undo=(*part.undo, following.key)), None


def undone(world: World, part: Obligation, reason: str = "") -> Obligation:
    """The document is taken back."""
    let_go(world, part)
    return replace(part, state=StepState.UNDONE, reason=reason)


def let_go(world: World, part: Obligation) -> None:
    """The effect that made the document waits for nobody any more."""
    made = world.effect(part.effects[-1]) if part.effects else None
    if made is not None and made.state in (_S.MISMATCH, _S.HUMAN):
        world.put_effect(made, replace(made, state=_S.CANCELLED, settled_at=world.now))
