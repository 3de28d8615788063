"""Which entity a record of a ``key: {link: …}`` table belongs to: found by its link, else by ``match``. Pure.

Links come from our own effects, from a person, or from a match made here; once there is one, nobody asks ``match``
again. A record that belongs to nobody keeps an entity of its own (``crm:7``); when a link turns up later, its next
record goes to the linked entity and the own one is deleted with a word where it went.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from hub.engine.prepare import Item
from hub.loop import decide
from hub.loop.world import World
from hub.model.entity import Entity, replace
from hub.model.record import Rejected, Via

_SORTED = orjson.OPT_SORT_KEYS


def belongs(world: World, item: Item, own: str, via: Via) -> tuple[str, Rejected | None]:
    """The key of the record's entity, and why it must be set aside where several could be meant."""
    kind, connection = item.seen.kind, item.delivery.connection
    linked = _linked(world, connection, kind, via.id, own)
    if len(linked) > 1:
        return own, _ambiguous(item, f"{connection} {via.id} is linked to {_names(linked)}")
    if linked:
        return linked[0].key, None
    matching = _matching(world, kind, connection, own, via) if item.record.op != "delete" else []
    if len(matching) > 1:
        return own, _ambiguous(item, f"{_said(via)} matches {_names(matching)}")
    if not matching:
        return own, None
    taken = world.link(connection, kind, matching[0].key)
    if taken not in (None, via.id):
        return own, _ambiguous(item, f"{_said(via)} matches {matching[0].key}, which is linked to {taken} already")
    return matching[0].key, None


def link(world: World, item: Item, after: Entity, own: str, via: Via) -> None:
    """Keep the link a match found, and let the own entity of before give way."""
    connection, kind = item.delivery.connection, after.kind
    if world.link(connection, kind, after.key) != via.id:
        world.put_link(connection, kind, after.key, via.id)
        decide.linked(world, kind, [after.key])
    before = world.entity(kind, own)
    if before is not None and not before.deleted:
        _give_way(world, item, before, after.key)


def _give_way(world: World, item: Item, before: Entity, to: str) -> None:
    """The entity the record had of its own is no more; what was known of it is in the linked one now."""
    after = replace(before, version=before.version + 1, deleted=True)
    world.changes.entities[after.kind, after.key] = after
    said: dict[str, Any] = {"key": after.key, "label": after.label, "set": {}, "deleted": True, "merged_into": to}
    plan = item.plan
    data = orjson.dumps(said, option=_SORTED)
    event = world.emit(after.stream, after.version, f"{after.kind}.deleted", data, plan.schema_name, plan.logic)
    decide.changed(world, plan.integration, before, after, item.record.at, event)


def _linked(world: World, connection: str, kind: str, object_id: str, own: str) -> list[Entity]:
    """The entities linked to that object; deleted ones count only where no other is."""
    keys = [key for key in world.linked(connection, kind, object_id) if key != own]
    world.together([partial(world.entity, kind, key) for key in keys])
    found = [entity for key in keys if (entity := world.entity(kind, key)) is not None]
    return [entity for entity in found if not entity.deleted] or found


def _matching(world: World, kind: str, connection: str, own: str, via: Via) -> list[Entity]:
    """Living entities of other systems whose fields all hold what ``match`` says, and that nobody unlinked here."""
    if not via.match or not all(value for _, value in via.match):
        return []
    world.together([partial(world.referring, kind, field, value) for field, value in via.match])
    field, value = via.match[0]
    return [
        entity
        for entity in world.referring(kind, field, value)
        if not entity.deleted
        and entity.key != own
        and not entity.key.startswith(f"{connection}:")
        and all(entity.state.get(name) == text for name, text in via.match)
        and not world.is_unlinked(connection, kind, entity.key)
    ]


def _ambiguous(item: Item, words: str) -> Rejected:
    definition = item.plan.table.definition
    place = definition.places.get("key")
    return Rejected("ambiguous-link", f"key: {words}", f"{item.plan.name}.key", place, item.plan.owner)


def _said(via: Via) -> str:
    return ", ".join(f"{field} {value}" for field, value in via.match)


def _names(found: Sequence[Entity]) -> str:
    return ", ".join(entity.key for entity in found[:5])
