"""What may advance a loop, each with its entry here: a subject, a related entity, a quarantine, a timer, an effect,
a read that failed, a person. Pure: the World in, changes in the World out. Nothing else starts an action.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from hub.loop import clocked, outcome, person, until, withdrawn
from hub.loop.asking import KINDS, out_of_time
from hub.loop.conditions import note
from hub.loop.crossing import rearm
from hub.loop.judging import holds, judged
from hub.loop.late import late_check
from hub.loop.limits import KIND, fell_due
from hub.loop.linking import link_of_document
from hub.loop.names import resolve
from hub.loop.related import candidates
from hub.loop.start import NO_LONGER, OPEN, cancel, fire, gather, read_again, was_read
from hub.loop.steps import advance
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.model.clock import Micros
from hub.model.effect import Effect
from hub.model.entity import Entity, fold, typed_view
from hub.model.fact import PersonDecided, ReadFailed, TimerDue
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState, StepState, Waiting
from hub.model.record import Mapped


def changed(world: World, integration: str, before: Entity | None, after: Entity, at: Micros, event: str) -> None:
    """An entity has changed, whoever changed it: its loops, the lists it may be on, the steps that wait for it."""
    if after.kind in world.catalog.subjects:
        subject_changed(world, integration, before, after, at, event)
    if after.kind in world.catalog.relating:
        related_changed(world, before, after)
    if after.kind in world.catalog.awaited:
        arrived(world, after)


def subject_changed(
    world: World, integration: str, before: Entity | None, after: Entity, at: Micros, event: str
) -> None:
    """An entity has changed: loops ``for`` its kind may fire, and what waits on it looks again.

    ``integration`` is the one whose table the record came through: a loop listens to its own integration's
    tables, and to anybody's where its own has none for that kind.
    """
    for loop in world.catalog.loops(after.kind):
        if not _listens(world, loop, integration, after.kind):
            continue
        was = None if before is None else typed_view(before)
        if loop.definition.schedule is not None:
            continue
        if loop.definition.due is not None:
            clocked.watch(world, loop, before, after, was)
            continue
        if loop.definition.once == "crossing":
            rearm(world, loop, before, after, was)
        true, problem = judged(loop, world, after, was)
        note(world, loop, after, "when", problem)
        if true and not (before is not None and holds(loop, world, before, was)):
            fire(world, loop, after, was, at, event)
    look_again(world, after.kind, after.key)


def _listens(world: World, loop: CompiledLoop, integration: str, kind: str) -> bool:
    if loop.integration == integration:
        return True
    own = world.catalog.integrations.get(loop.integration)
    return own is not None and all(table.definition.entity != kind for table in own.tables)


def look_again(world: World, kind: str, key: str) -> None:
    """Re-decide the closings of a subject that wait for its data."""
    for instance in world.instances(kind, key):
        loop = loop_of(world, instance)
        if loop is None or instance.state in (LoopState.HISTORY, LoopState.CANCELLED):
            continue
        if instance.phase == "gathering":
            gather(world, loop, instance.id)
        elif instance.phase == "asking":
            _still_asks(world, loop, instance)
        elif instance.phase == "taken":
            withdrawn.subject_seen(world, loop, instance)
            current = world.instance(instance.id)
            if current is not None and _waits_for_link(current):
                advance(world, loop, current)


def _still_asks(world: World, loop: CompiledLoop, instance: Instance) -> None:
    subject = world.entity(instance.subject_kind, instance.subject)
    if not any(judged(loop, world, subject, instance.was)):  # what gives no value is no reason to end it
        cancel(world, instance, NO_LONGER)


def _waits_for_link(instance: Instance) -> bool:
    return any(part.state is StepState.WAITING for step in instance.steps for part in step.obligations)


def linked(world: World, kind: str, names: Iterable[str]) -> None:
    """An entity got a link, or a name by which it can be found: whose steps wait for it go on."""
    for instance in world.waiting(kind, names):
        loop = loop_of(world, instance)
        if loop is not None and instance.phase == "taken":
            advance(world, loop, instance)


def related_changed(world: World, before: Entity | None, after: Entity) -> None:
    """An entity that loops may take has changed: the subjects it names, now and before, look at their lists."""
    for subject_kind, subject in subjects_of(world, before, after):
        for instance in world.instances(subject_kind, subject):
            loop = loop_of(world, instance)
            if loop is None or instance.state not in OPEN:
                continue
            if instance.phase == "gathering":
                gather(world, loop, instance.id)
            elif instance.phase == "taken":
                entity = world.entity(subject_kind, subject)
                if entity is not None:
                    late_check(world, loop, instance, entity)
                current = world.instance(instance.id)
                if current is not None and _waits_for_link(current):
                    advance(world, loop, current)
    if after.deleted != (before is not None and before.deleted):
        for instance in world.takers(after.kind, after.key):
            loop = loop_of(world, instance)
            if loop is not None:
                withdrawn.item_seen(world, loop, instance, after)


def subjects_of(world: World, *states: Entity | None) -> list[tuple[str, str]]:
    """(kind, key) of every subject these states of an entity name through a ``related`` ref field."""
    found: set[tuple[str, str]] = set()
    for entity in states:
        for field, kind in world.catalog.relating.get(entity.kind, ()) if entity is not None else ():
            value = entity.state.get(field) if entity is not None else None
            key = resolve(world, kind, value) if isinstance(value, str) else None
            if key is not None:
                found.add((kind, key))
    return sorted(found)


def quarantine_closed(world: World, places: Iterable[tuple[str, str]]) -> None:
    """Rows about these entities were closed: their closings, and those of the subjects they name, look again."""
    for kind, name in sorted(set(places)):
        key = resolve(world, kind, name)
        if key is None:
            continue
        look_again(world, kind, key)
        entity = world.entity(kind, key)
        if entity is not None:
            for subject_kind, subject in subjects_of(world, entity):
                look_again(world, subject_kind, subject)


def arrived(world: World, entity: Entity) -> None:
    """An entity that steps may wait for (``until``) has come or changed: what waited for it is done."""
    for instance in until.seen_by(world, entity):
        loop = loop_of(world, instance)
        if loop is not None and instance.phase == "taken":
            after = until.arrived(world, loop, instance, entity)
            if after != instance:
                advance(world, loop, after)


def effect_moved(world: World, effect: Effect) -> None:
    """The executor moved an effect."""
    instance = world.instance(effect.loop)
    loop = None if instance is None else loop_of(world, instance)
    if instance is not None and loop is not None:
        outcome.effect_moved(world, loop, instance, effect)
        if (made := link_of_document(world, loop, instance, effect)) is not None:
            linked(world, made[0], [made[1]])


def timer_due(world: World, fact: TimerDue) -> None:
    """A timer has fallen due. One that nobody waits for any more does nothing."""
    world.drop_timer(fact.timer)
    if fact.kind in clocked.KINDS:
        clocked.fell_due(world, fact)
        return
    instance = world.instance(fact.loop)
    loop = None if instance is None else loop_of(world, instance)
    if instance is None or loop is None:
        return
    if fact.kind == KIND:
        fell_due(world, loop, instance, fact)
    elif fact.kind in KINDS:
        if out_of_time(world, loop, instance, fact):
            outcome.after_failure(world, loop, world.instance(fact.loop) or instance)
    elif instance.phase == "settling" and any(entry.ref == fact.timer for entry in instance.waiting):
        read_again(world, loop, instance.id)


def read_refused(world: World, fact: ReadFailed) -> None:
    """A source will not let us read what money depends on: a person decides, nothing is paid on hearsay."""
    instance = world.instance(fact.loop)
    world.drop_reading(fact.object, fact.loop)
    if instance is None or fact.object not in instance.reading:
        return
    loop = loop_of(world, instance)
    owner = "" if loop is None else loop.definition.owner
    entry = Waiting("person", fact.object, world.now, owner, f"{fact.object} cannot be read: {fact.reason}")
    kept = tuple(one for one in instance.waiting if one.ref != fact.object)
    after = replace(instance, state=LoopState.NEEDS_PERSON, waiting=(*kept, entry))
    world.put(instance, after, "loop.needs_person")


def object_gone(world: World, loop: CompiledLoop, instance: Instance, object_id: str) -> None:
    """What had to be read again does not exist any more: its entities are deleted, then the loop goes on."""
    connection, _, source = object_id.split("/", 2)
    for entity in _entities_of(world, loop, instance, object_id):
        _delete(world, instance, entity, f"{connection}/{source}")
    was_read(world, loop, instance.id, object_id)


def _entities_of(world: World, loop: CompiledLoop, instance: Instance, object_id: str) -> list[Entity]:
    connection, _, source = object_id.split("/", 2)
    subject = world.entity(instance.subject_kind, instance.subject)
    if subject is None:
        return []
    found = [subject]
    for related in loop.related:
        found += candidates(world, related, subject)
    return [one for one in found if f"{connection}/{source}" in one.marks]


def _delete(world: World, instance: Instance, before: Entity, source: str) -> None:
    after = fold(before, Mapped(before.kind, before.key, None, {}), source, world.now, "delete", {}).entity
    if after.version == before.version:
        return
    world.changes.entities[after.kind, after.key] = after
    schema = world.catalog.schemas.get(after.kind)
    said = {"deleted": True, "key": after.key, "label": after.label, "set": {}}
    data = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    name = schema.name if schema else after.kind
    verb = f"{after.kind}.deleted"
    event = world.parent = world.emit(after.stream, after.version, verb, data, name, instance.logic)
    changed(world, instance.integration, before, after, world.time, event)


def person_decided(world: World, fact: PersonDecided) -> str:
    """A person's decision; gives the problem, empty when it is done."""
    instance = world.instance(fact.loop)
    if instance is None:
        return f"there is no loop {fact.loop}"
    loop = loop_of(world, instance)
    if loop is None:
        return f"the mapping version {instance.logic[:12]} of {instance.integration} is not in this workspace"
    return person.decided(world, loop, instance, fact)


def loop_of(world: World, instance: Instance) -> CompiledLoop | None:
    """The loop in exactly the version the instance started under (I10)."""
    return world.catalog.loop(instance.integration, instance.loop, instance.logic)


__all__ = [
    "arrived",
    "changed",
    "effect_moved",
    "linked",
    "look_again",
    "loop_of",
    "object_gone",
    "person_decided",
    "quarantine_closed",
    "read_refused",
    "related_changed",
    "subject_changed",
    "subjects_of",
    "timer_due",
]
