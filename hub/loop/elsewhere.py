"""Never pay twice across subjects: an entity that another subject's closing took, and still owes or has paid.

An expense moves from one project to another after the first one's closing took it. Effect keys name the subject, so
they would not notice. The ``taken`` index does; see docs/adr/0002.
"""

from __future__ import annotations

from functools import partial

from hub.loop.steps import action_of
from hub.loop.waits import step_of
from hub.loop.world import World
from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledLoop, CompiledStep
from hub.model.entity import Entity
from hub.model.instance import Instance, LoopState, Step, StepState

_LET_GO = frozenset({StepState.WAIVED, StepState.SKIPPED, StepState.UNDONE})


def taken_elsewhere(
    world: World, loop: CompiledLoop, subject: Entity, entities: list[Entity]
) -> dict[tuple[str, str], Instance]:
    """(kind, key) -> the closing of another subject that holds it; asked for at once."""
    world.together([partial(world.takers, one.kind, one.key) for one in entities])
    held = {(one.kind, one.key): holder(world, loop, subject, one, let_go=True) for one in entities}
    return {place: one for place, one in held.items() if one is not None}


def holder(
    world: World, loop: CompiledLoop, subject: Entity, entity: Entity, *, let_go: bool = False
) -> Instance | None:
    """Which closing of the same loop, for another subject, took the entity and has not let it go.

    ``let_go``: also one that a person let go of although a document for it stands: it is not taken here unasked.
    """
    for one in world.takers(entity.kind, entity.key):
        if (
            is_of(world.catalog, loop, one)
            and one.subject != subject.key
            and _holds(world, one, entity.kind, entity.key, let_go)
        ):
            return one
    return None


def is_of(catalog: Catalog, loop: CompiledLoop, instance: Instance) -> bool:
    """Whether the closing is one of this loop, whatever the loop was called when it began."""
    definition = loop.definition
    if instance.integration != loop.integration:
        return False
    if instance.loop in (definition.name, definition.renamed_from):
        return True
    then = catalog.loop(instance.integration, instance.loop, instance.logic)
    return then is not None and then.definition.first_name == definition.first_name


def _holds(world: World, instance: Instance, kind: str, key: str, let_go: bool) -> bool:
    """Whether any obligation that writes more than a note is, or may yet be, met for this entity."""
    return _owes_for(world, instance, kind, key, instance.state is LoopState.CANCELLED, let_go)


def still_stands(world: World, instance: Instance, kind: str, key: str) -> bool:
    """Whether a document for this entity stands although the closing was taken back: a person let it stay."""
    return _owes_for(world, instance, kind, key, True, True)


def _owes_for(world: World, instance: Instance, kind: str, key: str, ended: bool, let_go: bool) -> bool:
    if instance.taken is None:
        return False
    loop = world.catalog.loop(instance.integration, instance.loop, instance.logic)
    if loop is None:
        return True  # nobody can say what it owes: better ask than pay twice
    lists = {name for name, listed in (instance.taken or {}).get("@kinds", {}).items() if listed == kind}
    for compiled in loop.steps:
        step = step_of(instance, compiled.definition.name)
        concerned = step is not None and compiled.uses & lists and _weighs(world, compiled)
        if step is not None and concerned and _owes(step, key, ended, let_go):
            return True
    return False


def _weighs(world: World, compiled: CompiledStep) -> bool:
    action = action_of(world, compiled)
    return action is None or action.weight != "note"


def _owes(step: Step, key: str, ended: bool, let_go: bool) -> bool:
    """A step whose turn is still to come owes; else the parts for this entity alone, or for the whole list.

    Of a closing that has ended only what stands counts; with ``let_go`` a waived part's document stands too.
    """
    if not step.obligations:
        return not ended and step.state not in _LET_GO
    own = [part for part in step.obligations if part.item == key] or list(step.obligations)
    if let_go and any(part.state is StepState.WAIVED and part.remote_id for part in own):
        return True
    if ended:
        return any(part.state is StepState.DONE for part in own)
    return any(part.state not in _LET_GO for part in own)


def words(world: World, entity: Entity, closing: Instance) -> str:
    """Where it was taken, for the person who has to decide."""
    name = entity.label or entity.key
    other = world.entity(closing.subject_kind, closing.subject)
    whose = closing.subject if other is None else other.label or closing.subject
    return f"{entity.kind} {name} was taken by {closing.id} of {closing.subject_kind} {whose}"
