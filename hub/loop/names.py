"""Names an entity goes by in other entities' ref fields: its key, its bare id, its labels."""

from __future__ import annotations

from hub.loop.world import World
from hub.model.entity import Entity


def resolve(world: World, kind: str, value: str) -> str | None:
    """The key of the entity a ref value names; None while nobody goes by that name.

    A connector's table may hand over a key (``jira:10041``), an id with its connection where only the visible
    name is known (``jira:OPS-41``), or a bare label.
    """
    connection, _, bare = value.partition(":")
    if connection in world.catalog.linked_kinds.get(kind, ()) and (linked := _linked(world, connection, kind, bare)):
        return linked
    if world.entity(kind, value) is not None:
        return value
    known = world.key_of_label(kind, value)
    if known is not None:
        return known
    return world.key_of_label(kind, bare) if bare else None


def _linked(world: World, connection: str, kind: str, object_id: str) -> str | None:
    """The one living entity of another system that object was put on; its own of before has given way."""
    found = [key for key in world.linked(connection, kind, object_id) if key != f"{connection}:{object_id}"]
    living = [key for key in found if (entity := world.entity(kind, key)) is not None and not entity.deleted]
    return living[0] if len(living) == 1 else None


def names_of(entity: Entity) -> tuple[str, ...]:
    """Every value by which a ref field may name this entity today, its key first."""
    connection = entity.key.partition(":")[0]
    labels = () if entity.label is None else (entity.label, f"{connection}:{entity.label}")
    return (entity.key, *labels)
