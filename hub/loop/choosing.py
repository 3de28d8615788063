"""What every decision of a person shares: who may, what the event tells, one choice for many obligations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hub.loop import until
from hub.loop.steps import advance
from hub.loop.undoing import proceed
from hub.loop.waits import graded, graded_back, place, step_of, waiting, with_obligation, with_step
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.fact import PersonDecided
from hub.model.frozen import replace
from hub.model.instance import Instance, Obligation, Step, StepState, Waiting
from hub.model.people import Person

OVER = frozenset({StepState.DONE, StepState.WAIVED, StepState.SKIPPED, StepState.UNDONE})
"""States of an obligation that nobody decides about any more."""


def told(fact: PersonDecided, person: Person) -> dict[str, str]:
    """What the event says about who decided what."""
    return {"who": person.code, "why": fact.why, "step": fact.step, "item": fact.item, "number": fact.number}


def drop_ask(world: World, instance: Instance, step: Step, part: Obligation, fact: PersonDecided) -> None:
    """The asks of an obligation that was decided otherwise, of every level."""
    name = place(instance, step.name, part.item)
    for one in world.approvals(instance.id):
        if one.obligation == name and one.state == "asked":
            world.put_approval(replace(one, state="dropped", decided_at=world.now, decided_by=fact.who, why=fact.why))


ChangePart = Callable[[World, CompiledLoop, Instance, Step, Obligation, PersonDecided], Obligation | str]


def each(
    world: World,
    loop: CompiledLoop,
    instance: Instance,
    fact: PersonDecided,
    person: Person,
    kind: str,
    change: ChangePart,
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
        parts = _named(step, fact)
        world.together([partial(world.effect, part.effects[-1]) for part in parts if part.effects])
        for part in parts:
            new = change(world, loop, instance, step, part, fact)
            if isinstance(new, str):
                return new
            if new == part:
                continue
            moved = True
            back = instance.phase == "undoing"
            step = with_obligation(step, new)
            step = graded_back(step) if back else graded(step, world.now)
            entry = _entry(world, loop, after, name, new)
            after = waiting(with_step(after, step), place(instance, name, part.item), entry)
    if not moved:
        what = place(instance, fact.step, fact.item) if fact.step else instance.id
        return f"nothing of {what} is in a state for {fact.choice}"
    about = told(fact, person)
    before = world.instance(instance.id)
    go_on = proceed if instance.phase == "undoing" else advance
    go_on(world, loop, world.put(before, replace(after, touched=True), kind, **about))
    return ""


def _named(step: Step, fact: PersonDecided) -> list[Obligation]:
    return [part for part in step.obligations if not fact.item or part.item == fact.item]


def _entry(world: World, loop: CompiledLoop, instance: Instance, step: str, part: Obligation) -> Waiting | None:
    if part.awaits:
        return until.entry(world, loop, place(instance, step, part.item), part)
    if part.state is not StepState.FAILED:
        return None
    kind = part.reason.partition(":")[0]
    return Waiting(kind, place(instance, step, part.item), world.now, loop.definition.owner, part.reason)
