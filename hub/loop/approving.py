"""A person approves: a payload exactly as it was seen, a late entity, or a further closing of the same subject."""

from __future__ import annotations

from collections.abc import Mapping

from hub.loop.asking import decided, open_asks, waits_for
from hub.loop.choosing import told
from hub.loop.late import accept
from hub.loop.policy import owners, refused
from hub.loop.start import settle
from hub.loop.steps import action_of, advance, compiled_step, plan
from hub.loop.waits import graded, is_held, place, step_of, waiting, with_obligation, with_step
from hub.loop.withdrawn import asked as asked_about
from hub.loop.withdrawn import go_on
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.changes import Approval
from hub.model.fact import PersonDecided
from hub.model.frozen import replace
from hub.model.instance import Instance, Obligation, Step, StepState
from hub.model.people import Person
from hub.model.record import Json


def approve(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if not fact.step and instance.phase == "asking":
        return _allow(world, loop, instance, fact, person)
    if not fact.step and asked_about(instance):
        return go_on(world, loop, instance, fact, person)
    if is_held(instance):
        return f"{instance.id} holds until its owner has decided: hub loop approve {instance.id}, or cancel"
    if fact.step == "late":
        if problem := refused(world, loop, person, f"approve late/{fact.item}", owners(world, loop)):
            return problem
        about = {name: text for name, text in told(fact, person).items() if name in ("who", "why")}
        return accept(world, loop, instance, fact.item, **about)
    asked = [one for one in _asked(world, instance, fact) if one.state == "asked"]
    if not asked:
        return f"nothing of {place(instance, fact.step, fact.item) if fact.step else instance.id} asks for approval"
    given = {name: _given(world, loop, instance, person, name) for name in sorted({one.obligation for one in asked})}
    problem = next((said for said in given.values() if isinstance(said, str)), "")
    if problem:
        return problem
    for approval in given.values():
        if not isinstance(approval, str):
            world.put_approval(
                replace(approval, state="approved", decided_at=world.now, decided_by=person.code, why=fact.why)
            )
            instance = _approved(world, loop, instance, approval)
    about = {**told(fact, person), "step": ", ".join(sorted({one.step for one in asked}))}
    before = world.instance(instance.id)
    staged = replace(instance, state=before.state if before else instance.state)
    advance(world, loop, world.put(before, staged, "loop.approved", **about))
    return ""


def _given(world: World, loop: CompiledLoop, instance: Instance, person: Person, name: str) -> Approval | str:
    """The level this person agrees to, the lowest first; in words why there is none."""
    every = [one for one in world.approvals(instance.id) if one.obligation == name]
    asked = [one for one in every if one.state == "asked"]
    compiled = compiled_step(loop, asked[0].step)
    if compiled is None or action_of(world, compiled) is None:
        gone = asked[0].step if compiled is None else f"{compiled.definition.connection}.{compiled.definition.action}"
        return f"this workspace has no {gone} any more, so nothing can be made of {name}"
    if any(named(one.payload, person.code) for one in asked):
        return f"{person.name} stands in {name}: somebody else of the role approves it"
    if any(
        one.state == "approved" and one.decided_by == person.code and one.round == asked[0].round for one in every
    ):
        return f"{person.name} has agreed to {name} already: each level takes another person"
    day = loop.calendar.day_of(world.now).isoformat()
    may = [one for one in asked if person in world.catalog.people.holding(one.role, day)]
    if not may:
        return f"{person.name} does not hold the role {', '.join(sorted({one.role for one in asked}))}"
    return min(may, key=lambda one: one.level)


def named(payload: Json, code: str) -> bool:
    """Whether a payload names that person anywhere: nobody approves what is for themselves."""
    if isinstance(payload, Mapping):
        return any(named(part, code) for part in payload.values())
    if isinstance(payload, list | tuple):
        return any(named(part, code) for part in payload)
    return bool(payload == code)


def _asked(world: World, instance: Instance, fact: PersonDecided) -> list[Approval]:
    return [
        one
        for one in world.approvals(instance.id)
        if (not fact.step or one.step == fact.step) and (not fact.item or one.item == fact.item)
    ]


def _approved(world: World, loop: CompiledLoop, instance: Instance, approval: Approval) -> Instance:
    """Plan exactly what the person saw, once nobody else must agree."""
    compiled, step = compiled_step(loop, approval.step), step_of(instance, approval.step)
    part = None if step is None else _part(step, approval.item)
    action = None if compiled is None else action_of(world, compiled)
    if compiled is None or step is None or part is None or action is None or part.state is not StepState.ASKING:
        return instance
    name = approval.obligation
    if open_asks(world, instance.id, name):
        return waiting(instance, name, waits_for(world, instance, name))
    decided(world, instance, name)
    new = plan(world, loop, instance, compiled, part, action, approval.payload, approval.expect)
    after = with_step(instance, graded(with_obligation(step, new), world.now))
    return waiting(after, name, None)


def _allow(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    if problem := refused(world, loop, person, "allow this closing", owners(world, loop)):
        return problem
    about = {"who": person.code, "why": fact.why}
    settle(world, loop, replace(instance, touched=True), instance, "loop.approved", **about)
    return ""


def _part(step: Step, item: str) -> Obligation | None:
    return next((one for one in step.obligations if one.item == item), None)
