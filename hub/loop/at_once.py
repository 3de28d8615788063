"""A person has what only waits for its next attempt done now: sent, looked up or read back at once, no rule skipped.

A target that is known to be down, paused or told us to wait is still left alone by the executor; an unknown result
of a target that cannot refuse a second one keeps its quiesce time.
"""

from __future__ import annotations

from hub.loop.choosing import told
from hub.loop.waits import step_of
from hub.loop.world import World
from hub.model.clock import iso
from hub.model.effect import Effect, EffectState
from hub.model.fact import PersonDecided
from hub.model.frozen import replace
from hub.model.instance import Instance, StepState
from hub.model.people import Person

_S = EffectState


def hurried(world: World, instance: Instance, fact: PersonDecided, person: Person) -> tuple[bool, str]:
    """Whether anything is tried at once, and else why it cannot be (empty: nothing waits for its next attempt)."""
    waiting = [effect for effect in _under_way(world, instance, fact) if effect.due > world.now]
    may = [effect for effect in waiting if effect.state is not _S.UNKNOWN or effect.target == "A"]
    for effect in may:
        world.put_effect(effect, replace(effect, due=world.now), who=person.code, why=fact.why)
    if may:
        about = told(fact, person)
        if instance.touched:
            world.say(instance, "loop.retried", **about)
        else:
            world.put(instance, replace(instance, touched=True), "loop.retried", **about)
        return True, ""
    return False, _quiet(waiting[0]) if waiting else ""


def _under_way(world: World, instance: Instance, fact: PersonDecided) -> list[Effect]:
    """The last effect of each running obligation that the decision names."""
    names = [fact.step] if fact.step else [step.name for step in instance.steps]
    steps = [step for name in names if (step := step_of(instance, name)) is not None]
    parts = [
        part
        for step in steps
        for part in step.obligations
        if part.state is StepState.RUNNING and part.effects and fact.item in ("", part.item)
    ]
    found = [world.effect(part.effects[-1]) for part in parts]
    return [one for one in found if one is not None and one.state in (_S.PLANNED, _S.SENT, _S.UNKNOWN)]


def _quiet(effect: Effect) -> str:
    step = effect.step.partition("/")[0]
    return (
        f"nobody knows yet what became of {step}: {effect.connection} may still be doing it; it is looked up at"
        f" {iso(effect.due)}, and sent again only if it is not there"
    )
