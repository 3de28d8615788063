"""People's decisions: approve, waive, retry, done by hand, cancel. Who may is checked here; why is mandatory.

Each answers with the problem in words (nothing was changed then), or empty when it is done. Each writes an audit
row and an event that names who and why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hub.loop.late import accept, drop
from hub.loop.start import cancel, gather, readings_of, settle
from hub.loop.steps import BROKEN, action_of, advance, compiled_step, plan, step_scope
from hub.loop.waits import graded, place, step_of, waiting, with_obligation, with_step
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.changes import Approval
from hub.model.compare import differences
from hub.model.effect import Effect, EffectState
from hub.model.entity import typed_view
from hub.model.fact import PersonDecided
from hub.model.instance import Instance, LoopState, Obligation, Step, StepState, Waiting
from hub.model.people import Person

_S = EffectState
_AGAIN = frozenset({_S.REJECTED, _S.HUMAN})
_BY_HAND = frozenset({_S.REJECTED, _S.HUMAN, _S.MISMATCH, _S.UNKNOWN})
_DROPPABLE = frozenset({_S.PLANNED, _S.REJECTED, _S.HUMAN, _S.MISMATCH})
_DONE = frozenset({StepState.DONE, StepState.WAIVED, StepState.SKIPPED, StepState.UNDONE})


def decided(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided) -> str:
    """Carry out one decision; gives the problem, empty when it is done."""
    person = world.catalog.people.find(fact.who)
    if person is None:
        return f"nobody in people.yaml is called {fact.who}"
    if not fact.why.strip():
        return "say why: --why TEXT"
    problem = _CHOICES[fact.choice](world, loop, instance, fact, person)
    if not problem:
        what = "/".join(part for part in (instance.id, fact.step, fact.item) if part)
        world.audit(person.code, f"loop {fact.choice}", what, fact.why, "done")
    return problem


def _told(fact: PersonDecided, person: Person) -> dict[str, str]:
    return {"who": person.code, "why": fact.why, "step": fact.step, "item": fact.item, "number": fact.number}


def _owns(world: World, loop: CompiledLoop, person: Person) -> bool:
    """The loop's owner: a role, a code or a mail; an owner who is nobody in people.yaml keeps nobody out."""
    owner = loop.definition.owner
    people = world.catalog.people
    if owner in person.roles or owner in (person.code, person.mail):
        return True
    return not people.with_role(owner) and people.find(owner) is None


# --- approve


def _approve(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if not fact.step and instance.phase == "asking":
        return _allow(world, loop, instance, fact, person)
    if fact.step == "late":
        if not _owns(world, loop, person):
            return f"{person.name} does not own this loop; {loop.definition.owner} does"
        told = {name: text for name, text in _told(fact, person).items() if name in ("who", "why")}
        return accept(world, loop, instance, fact.item, **told)
    asked = [one for one in _asked(world, instance, fact) if one.state == "asked"]
    if not asked:
        return f"nothing of {place(instance, fact.step, fact.item) if fact.step else instance.id} asks for approval"
    if missing := sorted({one.role for one in asked} - person.roles):
        return f"{person.name} does not hold the role {', '.join(missing)}"
    for approval in asked:
        world.put_approval(
            replace(approval, state="approved", decided_at=world.now, decided_by=person.code, why=fact.why)
        )
        instance = _approved(world, loop, instance, approval)
    told = {**_told(fact, person), "step": ", ".join(sorted({one.step for one in asked}))}
    before = world.instance(instance.id)
    staged = replace(instance, state=before.state if before else instance.state)
    advance(world, loop, world.put(before, staged, "loop.approved", **told))
    return ""


def _asked(world: World, instance: Instance, fact: PersonDecided) -> list[Approval]:
    return [
        one
        for one in world.approvals(instance.id)
        if (not fact.step or one.step == fact.step) and (not fact.item or one.item == fact.item)
    ]


def _approved(world: World, loop: CompiledLoop, instance: Instance, approval: Approval) -> Instance:
    """Plan exactly what the person saw."""
    compiled, step = compiled_step(loop, approval.step), step_of(instance, approval.step)
    part = None if step is None else _part(step, approval.item)
    action = None if compiled is None else action_of(world, compiled)
    if compiled is None or step is None or part is None or action is None or part.state is not StepState.ASKING:
        return instance
    new = plan(world, loop, instance, compiled, part, action, approval.payload, approval.expect)
    after = with_step(instance, graded(with_obligation(step, new), world.now))
    return waiting(after, place(instance, step.name, part.item), None)


def _allow(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if not _owns(world, loop, person):
        return f"{person.name} does not own this loop; {loop.definition.owner} does"
    told = {"who": person.code, "why": fact.why}
    settle(world, loop, replace(instance, touched=True), instance, "loop.approved", **told)
    return ""


def _part(step: Step, item: str) -> Obligation | None:
    return next((one for one in step.obligations if one.item == item), None)


# --- waive


def _waive(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    told = {"who": person.code, "why": fact.why}
    if fact.step == "late":
        if fact.item not in instance.late:
            return f"{fact.item} is not late in {instance.id}"
        drop(world, loop, instance, fact.item, **told)
        return ""
    if not fact.step:
        if instance.phase != "asking":
            return f"say what is waived: {instance.id}/STEP"
        cancel(world, replace(instance, touched=True), f"waived by {person.code}: {fact.why}", **told)
        return ""
    return _each(world, loop, instance, fact, person, "loop.waived", _waive_part)


def _waive_part(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation | str:
    if part.state in _DONE:
        return part
    effect = world.effect(part.effects[-1]) if part.effects else None
    if effect is not None and effect.state in _DROPPABLE:
        world.put_effect(
            effect, replace(effect, state=_S.CANCELLED, reason=fact.why, settled_at=world.now), who=fact.who
        )
    elif effect is not None and effect.state is not _S.CONFIRMED:
        return f"{step.name} is on its way ({effect.state.value}): wait for its outcome, then decide"
    _drop_ask(world, instance, step, part, fact)
    return replace(part, state=StepState.WAIVED, reason=fact.why)


def _drop_ask(world: World, instance: Instance, step: Step, part: Obligation, fact: PersonDecided) -> None:
    name = place(instance, step.name, part.item)
    for one in world.approvals(instance.id):
        if one.id == name and one.state == "asked":
            world.put_approval(replace(one, state="dropped", decided_at=world.now, decided_by=fact.who, why=fact.why))


# --- retry


def _retry(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if instance.phase == "reading" and not fact.step:
        return _read_again(world, instance, fact, person)
    if instance.phase == "gathering":
        again = replace(instance, touched=True)
        world.put(instance, again, "loop.retried", who=person.code, why=fact.why)
        gather(world, loop, instance.id)
        return ""
    fresh = refreshed(world, loop, instance)
    return _each(world, loop, fresh, fact, person, "loop.retried", _retry_part)


def _read_again(world: World, instance: Instance, fact: PersonDecided, person: Person) -> str:
    subject = world.entity(instance.subject_kind, instance.subject)
    known = [] if subject is None else readings_of(world, instance.integration, subject)
    for reading in known:
        if reading.id in instance.reading:
            world.ask_reading(replace(reading, cause=instance.id))
    world.put(
        instance,
        replace(instance, touched=True, state=LoopState.RUNNING),
        "loop.retried",
        who=person.code,
        why=fact.why,
    )
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
    world.put_effect(
        effect, replace(effect, state=_S.PLANNED, due=world.now, reason="", settled_at=None), who=fact.who
    )
    return replace(part, state=StepState.RUNNING, reason="")


def refreshed(world: World, loop: CompiledLoop, instance: Instance) -> Instance:
    """The same membership with the entities' present content: data that a person has put right counts now."""
    taken = dict(instance.taken or {})
    subject = world.entity(instance.subject_kind, instance.subject)
    if subject is not None:
        taken[instance.subject_kind] = typed_view(subject)
    for name, kind in taken.get("@kinds", {}).items():
        found = [(one, world.entity(kind, one["key"])) for one in taken.get(name, ())]
        taken[name] = [one if entity is None else typed_view(entity) for one, entity in found]
    steps = tuple(
        replace(step, obligations=tuple(_fresh(taken, part) for part in step.obligations)) for step in instance.steps
    )
    return replace(instance, taken=taken or None, steps=steps)


def _fresh(taken: dict[str, object], part: Obligation) -> Obligation:
    """An obligation that has planned nothing sees its item anew."""
    if part.effects or part.state not in (StepState.FAILED, StepState.WAITING):
        return part
    now = {one["key"]: one for value in taken.values() if isinstance(value, list) for one in value}
    scope = {
        name: now.get(value["key"], value) if isinstance(value, dict) and "key" in value else value
        for name, value in part.scope.items()
    }
    return replace(part, scope=scope)


# --- done by hand


def _by_hand(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if not fact.step:
        return f"say which step is done: {instance.id}/STEP"
    if not fact.remote_id or fact.document is None:
        return (
            f"{fact.number or 'the document'} was not found in the target: give the number of a document that exists"
        )
    step = step_of(instance, fact.step)
    open_parts = [one for one in step.obligations if one.state not in _DONE] if step else []
    if not fact.item and len(open_parts) > 1:
        return f"{fact.step} has {len(open_parts)} parts: say {place(instance, fact.step, 'ITEM')}"
    return _each(world, loop, instance, fact, person, "loop.done_by_hand", _hand_part)


def _hand_part(
    world: World, loop: CompiledLoop, instance: Instance, step: Step, part: Obligation, fact: PersonDecided
) -> Obligation | str:
    if part.state in _DONE:
        return part
    if not part.effects:
        return _hand_unplanned(world, loop, instance, step, part, fact)
    effect = world.effect(part.effects[-1])
    if effect is None or effect.state not in _BY_HAND:
        return f"{step.name} is on its way: wait for its outcome, then decide"
    sent = world.put_effect(effect, _sent(effect, fact), who=fact.who, why=fact.why)
    different = _different(world, loop, step, sent, fact)
    state = _S.MISMATCH if different else _S.CONFIRMED
    world.put_effect(
        sent, replace(sent, state=state, reason="; ".join(different), settled_at=world.now), who=fact.who
    )
    if different:
        return replace(part, state=StepState.FAILED, reason="mismatch: " + "; ".join(different))
    return _stands(part, fact)


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
        return f"{fact.number or fact.remote_id} is another document: " + "; ".join(different)
    _drop_ask(world, instance, step, part, fact)
    return _stands(part, fact)


def _stands(part: Obligation, fact: PersonDecided) -> Obligation:
    return replace(
        part,
        state=StepState.DONE,
        remote_id=fact.remote_id,
        number=fact.number,
        url=fact.url,
        read=fact.document,
        reason=f"done by hand by {fact.who}",
    )


# --- cancel


def _cancel(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if instance.state in (LoopState.CANCELLED, LoopState.HISTORY):
        return f"{instance.id} is {instance.state.value} already"
    if instance.taken is not None:
        return "its steps have begun; waive what is open, step by step"
    cancel(
        world,
        replace(instance, touched=True),
        f"cancelled by {person.code}: {fact.why}",
        who=person.code,
        why=fact.why,
    )
    return ""


# --- every obligation of a step

_Part = Callable[[World, CompiledLoop, Instance, Step, Obligation, PersonDecided], Obligation | str]


def _each(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    fact: PersonDecided,
    person: Person,
    kind: str,
    change: _Part,
) -> str:
    """Apply a person's choice to the obligations named; a problem with one of them changes nothing."""
    names = [fact.step] if fact.step else [step.name for step in instance.steps if step.state is StepState.FAILED]
    moved = False
    after = instance
    for name in names:
        step = step_of(after, name)
        if step is None:
            return f"{instance.id} has no step {name}; its steps: {', '.join(one.name for one in instance.steps)}"
        if not step.obligations and step.state is StepState.WAITING and fact.choice == "waive":
            after, moved = with_step(after, replace(step, state=StepState.WAIVED, done_at=world.now)), True
        for part in _named(step, fact):
            new = change(world, loop, instance, step, part, fact)
            if isinstance(new, str):
                return new
            if new == part:
                continue
            moved = True
            step = graded(with_obligation(step, new), world.now)
            entry = _entry(world, loop, after, name, new)
            after = waiting(with_step(after, step), place(instance, name, part.item), entry)
    if not moved:
        what = place(instance, fact.step, fact.item) if fact.step else instance.id
        return f"nothing of {what} is in a state for {fact.choice}"
    told = _told(fact, person)
    before = world.instance(instance.id)
    advance(world, loop, world.put(before, replace(after, touched=True), kind, **told))
    return ""


def _named(step: Step, fact: PersonDecided) -> list[Obligation]:
    return [part for part in step.obligations if not fact.item or part.item == fact.item]


def _entry(world: World, loop: CompiledLoop, instance: Instance, step: str, part: Obligation) -> Waiting | None:
    if part.state is not StepState.FAILED:
        return None
    kind = part.reason.partition(":")[0]
    return Waiting(kind, place(instance, step, part.item), world.now, loop.definition.owner, part.reason)


_CHOICES: dict[str, Callable[[World, CompiledLoop, Instance, PersonDecided, Person], str]] = {
    "approve": _approve,
    "waive": _waive,
    "retry": _retry,
    "done": _by_hand,
    "cancel": _cancel,
}
