"""``once: crossing``: whether a warning is about another crossing, or the same one still. Pure."""

from __future__ import annotations

from hub.loop.conditions import note
from hub.loop.judging import Was, holds, scope_of
from hub.loop.related import occurrences
from hub.loop.steps import BROKEN
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.entity import Entity
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState


def crossed(world: World, loop: CompiledLoop, last: Instance) -> bool:
    """Whether this is another crossing: what must hold in between did, and for longer than the loop settles."""
    if last.state is LoopState.CANCELLED and last.taken is None:
        return True
    if last.fell_at is None:
        return False
    if world.now - last.fell_at < loop.definition.settle:
        world.put(last, replace(last, fell_at=None), "loop.same_crossing")
        return False
    return True


def rearm(world: World, loop: CompiledLoop, before: Entity | None, after: Entity, was: Was) -> None:
    """See whether what must hold between two crossings has begun to hold."""
    last = next(iter(occurrences(world, loop, after)[-1:]), None)
    if last is None or not _rearmed(world, loop, after, was):
        return
    if last.fell_at is None or (before is not None and not _rearmed(world, loop, before, was)):
        world.put(last, replace(last, fell_at=world.now), "loop.rearmed")


def _rearmed(world: World, loop: CompiledLoop, subject: Entity, was: Was) -> bool:
    if loop.rearm is None:
        return not holds(loop, world, subject, was)
    met, problem = False, ""
    try:
        met = loop.rearm(scope_of(world, subject, was))
    except BROKEN as error:
        problem = str(error)
    note(world, loop, subject, "rearm", problem)
    return met
