"""Fields whose value is another entity's (``lookup:``): found as of the decision, under its locks, and recorded.

What was read (kind, key, version) goes into the event, so that running it again uses the same and not what the
other entity has become since. Pure: it reads the world it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hub.loop.world import World
from hub.mapping.lookups import Looked, fill
from hub.model.changes import Touched
from hub.model.entity import Entity
from hub.model.record import Lookup, Mapped, Refused
from hub.model.schema import Schema


def looked_up(world: World, mapped: Mapped, schema: Schema | None) -> tuple[Mapped | Refused, Looked]:
    """The record with its lookups filled in, or refused by the first that cannot be; and what was read."""
    world.together([partial(_candidates, world, one) for one in mapped.lookups])
    return fill(mapped, partial(_candidates, world), schema)


def touched(lookups: Sequence[Lookup]) -> Touched:
    """The heads these lookups read, as far as they can be named before anything is loaded."""
    keys = {(one.entity, one.value) for one in lookups if one.by == "key"}
    labels = {(one.entity, one.value) for one in lookups if one.by == "label"}
    found = {(one.entity, one.by, one.value) for one in lookups if one.by not in ("key", "label")}
    return Touched(entities=frozenset(keys), labels=frozenset(labels), referring=frozenset(found))


def _candidates(world: World, one: Lookup) -> list[Entity]:
    """The entities that are meant; one that was deleted is none."""
    if one.by in ("key", "label"):
        key = one.value if one.by == "key" else world.key_of_label(one.entity, one.value)
        entity = None if key is None else world.entity(one.entity, key)
        found = [] if entity is None else [entity]
    else:
        every = world.referring(one.entity, one.by, one.value)
        found = [entity for entity in every if entity.state.get(one.by) == one.value]
    return [entity for entity in found if not entity.deleted]
