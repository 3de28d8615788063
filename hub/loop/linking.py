"""Links that follow from what the hub did itself: a document made for an entity is that entity over there. Pure.

Only where a table reads that document's stream with ``key: {link: …}`` for the entity's kind; an effect that makes
something else (a requisition of a project) links nothing.
"""

from __future__ import annotations

from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop, CompiledStep
from hub.model.changes import Reading
from hub.model.effect import Effect, EffectState
from hub.model.instance import Instance

_MADE = frozenset({EffectState.SENT, EffectState.CONFIRMED})


def link_of_document(world: World, loop: CompiledLoop, instance: Instance, effect: Effect) -> tuple[str, str] | None:
    """Link the entity an effect's document stands for; (kind, key) where that is new."""
    if effect.state not in _MADE or not effect.remote_id or effect.undoes:
        return None
    kind, key = _about(loop, instance, effect)
    stream = effect.action.partition(".")[0]
    if kind not in world.catalog.linking.get((effect.connection, stream), ()):
        return None
    if world.link(effect.connection, kind, key) == effect.remote_id:
        return None
    tie(world, effect.connection, stream, kind, key, effect.remote_id)
    return kind, key


def tie(world: World, connection: str, stream: str, kind: str, key: str, object_id: str) -> None:
    """Link an entity to an object. One the object has of its own already gives way: the object is read again."""
    world.put_link(connection, kind, key, object_id)
    own = world.entity(kind, f"{connection}:{object_id}")
    facts = world.catalog.connections.get(connection)
    if own is not None and not own.deleted and own.key != key and facts is not None and facts.refetch:
        world.ask_reading(Reading(connection, stream, object_id, "", world.now, world.now))


def _about(loop: CompiledLoop, instance: Instance, effect: Effect) -> tuple[str, str]:
    """The entity an effect is for: the element of its step's ``each``, else the loop's subject."""
    step = next((one for one in loop.steps if one.definition.name == effect.step.partition("/")[0]), None)
    if not effect.item:
        return instance.subject_kind, instance.subject
    return ("" if step is None else _kind_of_items(loop, step)), effect.item


def _kind_of_items(loop: CompiledLoop, step: CompiledStep) -> str:
    """The kind an ``each`` runs over; empty where it declares its own key, which names no entity."""
    each = step.definition.each
    if each is None or step.definition.key is not None:
        return ""
    found = (one.definition for one in loop.related if one.definition.name == each[1].steps[0])
    return next((related.entity for related in found), "")
