"""Related entities: who points at a subject, which of them a loop takes, and who came too late."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from hub.loop.conditions import REASON as CONDITION
from hub.loop.elsewhere import is_of, still_stands, taken_elsewhere
from hub.loop.names import names_of
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop, CompiledRelated
from hub.model.changes import Quarantine
from hub.model.entity import Entity, typed_view
from hub.model.instance import Instance, LoopState

LATE = "@late"
"""Key in ``taken`` for decisions about late entities ({entity key: approved | waived}); no scope name looks so."""


def loaded(world: World, loop: CompiledLoop, subject: Entity) -> None:
    """Ask for everything the lists need at once: one more pass instead of one per list and name."""
    lists = [related.definition for related in loop.related]
    names = names_of(subject)
    world.together(
        [partial(world.quarantined, subject.kind, name) for name in names]
        + [partial(world.referring, one.entity, one.by, name) for one in lists for name in names]
    )


def candidates(world: World, related: CompiledRelated, subject: Entity) -> list[Entity]:
    """Every living entity whose ref field names the subject, whatever ``where`` says, sorted by key."""
    definition = related.definition
    found: dict[str, Entity] = {}
    for name in names_of(subject):
        for entity in world.referring(definition.entity, definition.by, name):
            found[entity.key] = entity
    return [found[key] for key in sorted(found) if not found[key].deleted]


def matching(world: World, related: CompiledRelated, subject: Entity) -> list[Entity]:
    """The candidates that ``where`` accepts. Raises ``ExpressionError`` where it gives no value."""
    kind = related.definition.entity
    return [one for one in candidates(world, related, subject) if related.where({kind: typed_view(one)})]


def related_lists(
    world: World, loop: CompiledLoop, subject: Entity, earlier: list[Instance]
) -> dict[str, list[dict[str, Any]]]:
    """What a closing takes: the matching entities that no closing holds, of this subject or another."""
    found = {related.definition.name: matching(world, related, subject) for related in loop.related}
    gone = taken_before(world, earlier)
    gone.update(taken_elsewhere(world, loop, subject, [one for some in found.values() for one in some]))
    return {
        name: [typed_view(one) for one in some if (one.kind, one.key) not in gone] for name, some in found.items()
    }


def occurrences(world: World, loop: CompiledLoop, subject: Entity) -> list[Instance]:
    """All closings this loop has of the subject, oldest first."""
    found = [one for one in world.instances(subject.kind, subject.key) if is_of(world.catalog, loop, one)]
    return sorted(found, key=lambda one: one.number)  # a loop that was renamed has them under several names


def taken_before(world: World, instances: list[Instance]) -> set[tuple[str, str]]:
    """(kind, key) of what those closings took, late approvals included; not what was taken back."""
    gone: set[tuple[str, str]] = set()
    for instance in instances:
        keys = taken_keys(instance)
        if instance.state is LoopState.CANCELLED:
            keys = {(kind, key) for kind, key in keys if still_stands(world, instance, kind, key)}
        gone |= keys
    return gone


def taken_keys(instance: Instance) -> set[tuple[str, str]]:
    """(kind, key) of every related entity this closing took or a person decided about when it came late."""
    taken = instance.taken or {}
    kinds: Mapping[str, str] = taken.get("@kinds", {})
    lists = {(kind, one["key"]) for name, kind in kinds.items() for one in taken.get(name, ())}
    late = {(kind, key) for key in taken.get(LATE, {}) for kind in kinds.values()}
    return lists | late


def late_matches(
    world: World, loop: CompiledLoop, instance: Instance, subject: Entity, earlier: list[Instance]
) -> Iterator[tuple[str, Entity]]:
    """(list name, entity) of what matches now, was not taken and nobody has decided about."""
    loaded(world, loop, subject)
    decided = (instance.taken or {}).get(LATE, {})
    gone = taken_keys(instance) | taken_before(world, earlier)
    for related in loop.related:
        for one in matching(world, related, subject):
            if (related.definition.entity, one.key) not in gone and one.key not in decided:
                yield related.definition.name, one


def in_the_way(world: World, loop: CompiledLoop, subject: Entity) -> list[Quarantine]:
    """Open quarantine rows of the subject and of anything the loop could take."""
    fields = {(one.definition.entity, name) for one in loop.related for name in (one.definition.by, one.written_by)}
    rows = {row.id: row for row in world.quarantined(subject.kind, subject.key) if row.kind == subject.kind}
    for name in names_of(subject):
        for row in world.quarantined(subject.kind, name):
            if any((row.kind, field) in fields for field, to in row.refs.items() if to == (subject.kind, name)):
                rows[row.id] = row
    found = [one for related in loop.related for one in candidates(world, related, subject)]
    world.together([partial(world.quarantined, one.kind, one.key) for one in found])
    for one in found:
        rows.update((row.id, row) for row in world.quarantined(one.kind, one.key) if row.kind == one.kind)
    return [rows[name] for name in sorted(rows) if rows[name].reason != CONDITION]
