"""The hub takes a value of a two-way field that no record brings just now: a person chose it, or a late word did.

It is a change of the entity like any other: an event, loops that may fire, lists that look again. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from hub.loop import decide
from hub.loop.world import World
from hub.model.entity import Entity
from hub.model.frozen import replace
from hub.model.record import Json


def hold(world: World, before: Entity, values: Mapping[str, Json], integration: str) -> Entity:
    """The entity with these values, told as an event of its own; the entity itself where nothing changes."""
    changed = {name: value for name, value in values.items() if before.state.get(name) != value}
    if not changed:
        return before
    catalog = world.catalog
    after = replace(before, version=before.version + 1, state={**before.state, **changed})
    world.changes.entities[after.kind, after.key] = after
    indexed = catalog.indexed(after.kind)
    if any(name in changed for name in indexed):
        refs = {name: value for name in indexed if isinstance(value := after.state.get(name), str)}
        world.changes.refs[after.kind, after.key] = refs
    schema = catalog.schemas.get(after.kind)
    name = schema.name if schema else after.kind
    data = orjson.dumps({"key": after.key, "label": after.label, "set": changed}, option=orjson.OPT_SORT_KEYS)
    logic = catalog.logic(integration)
    event = world.parent = world.emit(after.stream, after.version, f"{after.kind}.changed", data, name, logic)
    decide.changed(world, integration, before, after, world.time, event)
    return after
