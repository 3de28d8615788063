"""What a closing rests on is withdrawn while it runs: its subject opened again or deleted, an item it took deleted.

Nothing is taken back by itself, and nothing new is started: the closing holds and asks its owner. ``approve`` goes on
as it began, ``cancel`` undoes what was done, ``waive ID/gone/KEY`` leaves a deleted item out of what is not made yet.
Put right at the source, the question falls away. Pure.
"""

from __future__ import annotations

from hub.loop.choosing import drop_ask
from hub.loop.judging import judged
from hub.loop.policy import owners, refused
from hub.loop.steps import advance
from hub.loop.waits import GONE, OVER, SUBJECT, graded, place, waiting, with_obligation, with_step
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.entity import Entity
from hub.model.fact import PersonDecided
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState, Obligation, StepState, Waiting
from hub.model.people import Person

_OPEN = (LoopState.RUNNING, LoopState.NEEDS_PERSON)
_AGAIN = "it is as it was again"


def subject_seen(world: World, loop: CompiledLoop, instance: Instance) -> None:
    """The subject of a begun closing has changed: ask where it no longer stands, go on where it does again."""
    subject = world.entity(instance.subject_kind, instance.subject)
    name = instance.subject if subject is None else subject.label or subject.key
    words = ""
    if subject is None or subject.deleted:
        words = f"{instance.subject_kind} {name} was deleted in its source; go on all the same?"
    elif loop.definition.once in ("life", "closing") and not any(judged(loop, world, subject, instance.was)):
        words = f"{instance.subject_kind} {name} is open again; go on all the same?"
    _say(world, loop, instance, f"{instance.id}/{SUBJECT}", words)


def item_seen(world: World, loop: CompiledLoop, instance: Instance, entity: Entity) -> None:
    """An item the closing took was deleted, or is there again."""
    words = f"{entity.kind} {entity.label or entity.key} was deleted after it was taken; go on all the same?"
    _say(world, loop, instance, place(instance, GONE, entity.key), words if entity.deleted else "")


def _say(world: World, loop: CompiledLoop, instance: Instance, ref: str, words: str) -> None:
    if instance.phase != "taken" or instance.state not in _OPEN or ref in instance.accepted:
        return
    entry = Waiting("person", ref, world.now, loop.definition.owner, words) if words else None
    after = waiting(instance, ref, entry)
    if after != instance:
        about = {"why": words or _AGAIN}
        advance(world, loop, world.put(world.instance(instance.id), after, "loop.withdrawn", **about))


def asked(instance: Instance) -> list[str]:
    """The refs of what is withdrawn and not decided about."""
    refs = (entry.ref for entry in instance.waiting if entry.kind == "person")
    return [one for one in refs if one == f"{instance.id}/{SUBJECT}" or one.startswith(f"{instance.id}/{GONE}/")]


def go_on(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    """``hub loop approve ID``: the owner says to go on as it began."""
    if problem := refused(world, loop, person, "let this closing go on", owners(world, loop)):
        return problem
    refs = asked(instance)
    after = replace(instance, accepted=(*instance.accepted, *refs), touched=True)
    for ref in refs:
        after = waiting(after, ref, None)
    about = {"who": person.code, "why": fact.why}
    advance(world, loop, world.put(world.instance(instance.id), after, "loop.approved", **about))
    return ""


def leave_out(world: World, loop: CompiledLoop, instance: Instance, fact: PersonDecided, person: Person) -> str:
    """``hub loop waive ID/gone/KEY``: what is not made yet is made without the deleted item."""
    ref = place(instance, GONE, fact.item)
    if ref not in asked(instance):
        return f"{fact.item} is not gone in {instance.id}"
    taken = dict(instance.taken or {})
    names = [name for name, kind in taken.get("@kinds", {}).items() if _has(taken.get(name, ()), fact.item)]
    for name in names:
        taken[name] = [one for one in taken[name] if one["key"] != fact.item]
    after = waiting(replace(instance, taken=taken, accepted=(*instance.accepted, ref), touched=True), ref, None)
    for compiled in loop.steps:
        if compiled.uses & set(names):
            after = _without(world, after, compiled.definition.name, fact)
    about = {"who": person.code, "why": fact.why, "item": fact.item}
    advance(world, loop, world.put(world.instance(instance.id), after, "loop.waived", **about))
    return ""


def _has(listed: list[dict[str, object]], key: str) -> bool:
    return any(one["key"] == key for one in listed)


def _without(world: World, instance: Instance, name: str, fact: PersonDecided) -> Instance:
    """A step with the item's own part let go, and what asks for the whole list asking anew."""
    step = next(one for one in instance.steps if one.name == name)
    for part in step.obligations:
        new = _part_without(part, fact)
        if new != part:
            drop_ask(world, instance, step, part, fact)
            step = graded(with_obligation(step, new), world.now)
            instance = waiting(with_step(instance, step), place(instance, name, part.item), None)
    return instance


def _part_without(part: Obligation, fact: PersonDecided) -> Obligation:
    if part.effects or part.state in OVER:
        return part
    if part.item == fact.item:
        return replace(part, state=StepState.WAIVED, reason=fact.why)
    whole = not part.item and part.state is StepState.ASKING
    return replace(part, state=StepState.WAITING, reason="asked anew") if whole else part
