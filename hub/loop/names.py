"""Names an entity goes by in other entities' ref fields: its key, its bare id, its labels."""

from __future__ import annotations

from hub.loop.world import World
from hub.model.entity import Entity


def resolve(world: World, kind: str, value: str) -> str | None:
    """The key of the entity a ref value names; None while nobody goes by that name.

    A connector's table may hand over a key (``jira:10041``), an id with its connection where only the visible
    name is known (``jira:OPS-41``), or a bare label.
    """
    if world.entity(kind, value) is not None:
        return value
    known = world.key_of_label(kind, value)
    if known is not None:
        return known
    bare = value.partition(":")[2]
    return world.key_of_label(kind, bare) if bare else None


def names_of(entity: Entity) -> tuple[str, ...]:
    """Every value by which a ref field may name this entity today, its key first."""
    connection = entity.key.partition(":")[0]
    labels = () if entity.label is None else (entity.label, f"{connection}:{entity.label}")
    return (entity.key, *labels)
