"""How a closing starts: fires, settles, reads again what money depends on, takes its list once, starts its steps.

``asking`` (a re-close waits for the owner) -> ``settling`` -> ``reading`` -> ``gathering`` -> ``taken``. Until the
list is taken nothing is planned, so a closing that stops being true is cancelled without a trace outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.loop.conditions import note
from hub.loop.crossing import crossed
from hub.loop.judging import Was, judged, scope_of
from hub.loop.late import late_check
from hub.loop.limits import begin_loop, tidy
from hub.loop.related import in_the_way, loaded, matching, occurrences, related_lists, taken_keys
from hub.loop.steps import BROKEN, action_of, advance
from hub.loop.waits import SUBJECT, place, settled, waiting_all
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop, ExpressionError
from hub.model.changes import Reading, Timer
from hub.model.clock import Micros, iso
from hub.model.entity import Entity, typed_view
from hub.model.frozen import replace
from hub.model.instance import Instance, LoopState, Step, Waiting, instance_id

OPEN = frozenset({LoopState.RUNNING, LoopState.BLOCKED, LoopState.NEEDS_PERSON, LoopState.DONE})
_START_WAITS = frozenset({"timer", "retry", "quarantine", "missing", "person", "paused"})
NO_LONGER = "no longer true"
"""Why a closing ended by itself: only such a one is revived when it turns true again."""
_HEAVY = frozenset({"money", "asset"})


def fire(world: World, loop: CompiledLoop, subject: Entity, was: Was, at: Micros, event: str) -> None:
    """``when`` has turned true: start an occurrence, revive the one that was cancelled, or ask the owner."""
    known = occurrences(world, loop, subject)
    scope = scope_of(world, subject, was)
    closed_at, problem = _closed_at(loop, scope, at)
    note(world, loop, subject, "starts.of", problem)
    history, asks = closed_at < loop.starts_at, False
    last = known[-1] if known else None
    if loop.definition.once == "closing":
        occurrence = _occurrence(loop, scope) or event
        same = [one for one in known if one.occurrence == occurrence or one.occurrence.startswith(f"{occurrence}#")]
        last = same[-1] if same else None
        if last is not None and last.state is not LoopState.CANCELLED:
            return
        number, again = len(known) + 1, last is not None and (last.taken is not None or "#" in last.occurrence)
        if last is not None and last.taken is None:
            number, occurrence = last.number, last.occurrence
        elif last is not None:  # it was taken back: what comes now is a closing of its own
            last, occurrence = None, f"{occurrence}#{number}"
        asks = again and not history
    else:
        if last is not None and _still_open(last, history):
            return
        if loop.definition.once == "crossing" and last is not None and not crossed(world, loop, last):
            return
        revived = last is not None and last.state is LoopState.CANCELLED and last.taken is None
        number = last.number if last and revived else len(known) + 1
        last = last if revived else None
        occurrence, asks = str(number), number > 1 and not history and loop.definition.once == "life"
    begin(world, loop, subject, was, last, (occurrence, number, asks), closed_at, history)


def _still_open(last: Instance, history: bool) -> bool:
    """Whether this closing is the one we already have: not taken yet, or history told again."""
    if last.state is LoopState.HISTORY:
        return history
    held = any(entry.ref == f"{last.id}/{SUBJECT}" for entry in last.waiting)  # it was opened again meanwhile
    return last.state is not LoopState.CANCELLED and (last.taken is None or held)


def _closed_at(loop: CompiledLoop, scope: Mapping[str, Any], at: Micros) -> tuple[Micros, str]:
    """The closing's own time; the record's version time where ``starts.of`` is absent, empty or (in words) none."""
    try:
        own, problem = loop.starts_of(scope), ""
    except ExpressionError as error:
        own, problem = None, str(error)
    return at if own is None else own, problem


def _occurrence(loop: CompiledLoop, scope: Mapping[str, Any]) -> str | None:
    try:
        return loop.occurrence_of(scope)
    except ExpressionError:
        return None


def begin(
    world: World,
    loop: CompiledLoop,
    subject: Entity,
    was: Was,
    before: Instance | None,
    which: tuple[str, int, bool],
    closed_at: Micros,
    history: bool,
) -> None:
    """``which``: the occurrence, its number, and whether the owner must allow it."""
    occurrence, number, asks = which
    state = LoopState.HISTORY if history else LoopState.NEEDS_PERSON if asks else LoopState.RUNNING
    name = before.id if before else instance_id(loop.integration, loop.definition.name, subject.key, occurrence)
    made = Instance(
        id=name,
        integration=loop.integration,
        loop=loop.definition.name,
        subject_kind=subject.kind,
        subject=subject.key,
        occurrence=occurrence,
        number=number,
        logic=loop.logic,
        state=state,
        phase="asking" if asks else "settling",
        closed_at=closed_at,
        started_at=world.now,
        steps=() if history else tuple(Step(step.definition.name) for step in loop.steps),
        finished_at=world.now if history else None,
        was=was,
    )
    if history:
        world.put(before, made, "loop.history")
        world.measures[loop.integration, "loops_history"] += 1
        return
    world.measures[loop.integration, "loops_started"] += 1
    made = begin_loop(world, loop, made)
    if asks:
        _ask_owner(world, made, before, loop.definition.owner)
    else:
        settle(world, loop, made, before, "loop.started")


def _ask_owner(world: World, made: Instance, before: Instance | None, owner: str) -> None:
    said = Waiting("person", made.id, world.now, owner, f"closing number {made.number}: allow it to start?")
    world.put(before, replace(made, waiting=(said,)), "loop.started")


def settle(
    world: World, loop: CompiledLoop, instance: Instance, before: Instance | None, kind: str, **about: str
) -> None:
    """Wait for stragglers; with ``settle: 0s`` go on at once."""
    pause = loop.definition.settle
    if pause <= 0:
        world.put(before, replace(instance, phase="settling", state=LoopState.RUNNING, waiting=()), kind, **about)
        read_again(world, loop, instance.id)
        return
    timer = f"{instance.id}/settle/{(before.version if before else 0) + 1}"
    world.put_timer(Timer(timer, "settle", instance.id, world.now + pause))
    entry = Waiting("timer", timer, world.now)
    after = replace(instance, phase="settling", state=LoopState.RUNNING, waiting=(entry,))
    world.put(before, after, kind, **about)


def read_again(world: World, loop: CompiledLoop, name: str) -> None:
    """Settled: ask for fresh reads of what money depends on, or go straight on."""
    instance = world.instance(name)
    subject = None if instance is None else world.entity(instance.subject_kind, instance.subject)
    if instance is None or instance.phase not in ("settling", "reading"):
        return
    true, problem = judged(loop, world, subject, instance.was)
    if subject is None or not (true or problem):
        cancel(world, instance, NO_LONGER)
        return
    loaded(world, loop, subject)
    wanted = _to_read(world, loop, subject)
    for reading in wanted:
        world.ask_reading(replace(reading, cause=name))
    objects = tuple(reading.id for reading in wanted)
    entries = [Waiting("retry", one, world.now, "", "reading it again before money moves") for one in objects]
    after = replace(instance, phase="reading", state=LoopState.RUNNING, reading=objects)
    world.put(instance, waiting_all(after, _START_WAITS, entries), "loop.reading")
    if not objects:
        gather(world, loop, name)


def _to_read(world: World, loop: CompiledLoop, subject: Entity) -> list[Reading]:
    """The subject and every related entity that feeds a money or asset action, where its source can be read."""
    heavy = [step for step in loop.steps if (action := action_of(world, step)) and action.weight in _HEAVY]
    if not heavy:
        return []
    found = [subject]
    for related in loop.related:
        if any(related.definition.name in step.uses for step in heavy):
            try:
                found += matching(world, related, subject)
            except ExpressionError:
                continue  # gather() meets the same problem and asks a person about it
    readings = {one.id: one for entity in found for one in readings_of(world, loop.integration, entity)}
    return [readings[name] for name in sorted(readings)]


def readings_of(world: World, integration: str, entity: Entity) -> list[Reading]:
    """Where an entity can be read again: one reading per source object whose connection allows it."""
    tables = world.catalog.integrations[integration].tables if integration in world.catalog.integrations else ()
    found = []
    for mark in sorted(entity.marks):
        connection, _, object_id = mark.partition("/")
        facts = world.catalog.connections.get(connection)
        if facts is None or not facts.refetch:
            continue
        for table in tables:
            if table.definition.entity == entity.kind and table.definition.connection == connection:
                stream = table.definition.stream.removeprefix(f"{connection}.")
                found.append(Reading(connection, stream, object_id, "", world.now, world.now))
                break
    return found


def was_read(world: World, loop: CompiledLoop, name: str, object_id: str) -> None:
    """One of the objects an instance waited to read has been read and concluded."""
    instance = world.instance(name)
    world.drop_reading(object_id, name)
    if instance is None or object_id not in instance.reading:
        return
    left = tuple(one for one in instance.reading if one != object_id)
    waits = tuple(one for one in instance.waiting if one.ref != object_id)
    world.put(instance, replace(instance, reading=left, waiting=waits), "loop.read", object=object_id)
    if not left and instance.phase == "reading":
        gather(world, loop, name)


def gather(world: World, loop: CompiledLoop, name: str) -> None:
    """Everything is read: go on only if it still holds, nothing is in quarantine and every requirement is met."""
    instance = world.instance(name)
    subject = None if instance is None else world.entity(instance.subject_kind, instance.subject)
    if instance is None or instance.taken is not None or instance.reading:
        return
    true, problem = judged(loop, world, subject, instance.was)
    if subject is None or not (true or problem):
        cancel(world, instance, NO_LONGER)
        return
    if problem:
        unmet = [Waiting("missing", f"{name}/when", world.now, loop.definition.owner, problem)]
        _wait(world, instance, LoopState.BLOCKED, unmet, "loop.blocked")
        return
    loaded(world, loop, subject)
    quarantined = _quarantined(world, loop, instance, subject)
    if quarantined:
        _wait(world, instance, LoopState.RUNNING, quarantined, "loop.gathering")
        return
    earlier = [one for one in occurrences(world, loop, subject) if one.id != name]
    try:
        lists = related_lists(world, loop, subject, earlier)
        scope = taken_scope(world, loop, instance, subject, lists)
        unmet = _unmet(world, loop, instance, scope)
    except BROKEN as problem:
        unmet = [Waiting("missing", f"{name}/related", world.now, loop.definition.owner, str(problem))]
        scope = {}
    if unmet:
        _wait(world, instance, LoopState.BLOCKED, unmet, "loop.blocked")
        return
    take(world, loop, instance, subject, scope)


def _quarantined(world: World, loop: CompiledLoop, instance: Instance, subject: Entity) -> list[Waiting]:
    if not any((action := action_of(world, step)) and action.weight in _HEAVY for step in loop.steps):
        return []
    return [
        Waiting("quarantine", row.id, world.now, row.owner, f"{row.kind} {row.key}: {row.reason}")
        for row in in_the_way(world, loop, subject)
    ]


def taken_scope(
    world: World, loop: CompiledLoop, instance: Instance, subject: Entity, lists: Mapping[str, Any]
) -> dict[str, Any]:
    """What the closing's expressions see from now on, whatever happens to the entities later."""
    return {
        subject.kind: typed_view(subject),
        "was": instance.was,
        "closing": _closing(loop, instance),
        **lists,
        "@kinds": {related.definition.name: related.definition.entity for related in loop.related},
    }


def _closing(loop: CompiledLoop, instance: Instance) -> dict[str, Any]:
    said: dict[str, Any] = {"at": iso(instance.closed_at), "number": instance.number}
    return said if loop.definition.schedule is None else {**said, "period": instance.occurrence}


def _unmet(world: World, loop: CompiledLoop, instance: Instance, scope: Mapping[str, Any]) -> list[Waiting]:
    """Requirements that do not hold; one that gives no value does not hold either."""
    found = []
    seen = {**scope, "now": world.now_text}
    for number, require in enumerate(loop.require):
        try:
            met, words = require.check(seen), require.definition.otherwise
        except BROKEN as problem:
            met, words = False, {world.catalog.language: str(problem)}
        if not met:
            text = words.get(world.catalog.language) or next(iter(words.values()), "")
            ref = f"{instance.id}/require/{number + 1}"
            found.append(Waiting("missing", ref, world.now, require.definition.owner, text))
    return found


def _wait(world: World, instance: Instance, state: LoopState, entries: list[Waiting], kind: str) -> None:
    after = replace(instance, phase="gathering", state=state)
    world.put(instance, waiting_all(after, _START_WAITS, entries), kind)


def take(world: World, loop: CompiledLoop, instance: Instance, subject: Entity, scope: Mapping[str, Any]) -> None:
    """Take the lists, once, and start the steps. What another subject's closing holds asks, as what is late does."""
    after = replace(instance, phase="taken", state=LoopState.RUNNING, taken=scope, waiting=())
    world.took(after, taken_keys(after))
    _no_longer_late(world, loop, after)
    started = advance(world, loop, world.put(instance, after, "loop.taken"))
    late_check(world, loop, started, subject)


def _no_longer_late(world: World, loop: CompiledLoop, newest: Instance) -> None:
    """What came too late for an earlier closing and is taken by this one asks nobody any more."""
    subject = world.entity(newest.subject_kind, newest.subject)
    taken = {key for _, key in taken_keys(newest)}
    for one in occurrences(world, loop, subject) if subject is not None else ():
        left = tuple(key for key in one.late if key not in taken)
        if one.id != newest.id and len(left) < len(one.late):
            asked = {place(one, "late", key) for key in one.late if key in taken}
            waits = tuple(entry for entry in one.waiting if entry.ref not in asked)
            after = settled(replace(one, late=left, waiting=waits), world.now)
            world.put(one, after, "loop.late", late=list(left))


def cancel(world: World, instance: Instance, reason: str, **about: str) -> None:
    """End a closing that has planned nothing."""
    for entry in instance.waiting:
        if entry.kind == "timer":
            world.drop_timer(entry.ref)
    for object_id in instance.reading:
        world.drop_reading(object_id, instance.id)
    ended = {"state": LoopState.CANCELLED, "waiting": (), "reading": (), "finished_at": world.now}
    after = replace(instance, **ended, reason=reason)  # type: ignore[arg-type]
    tidy(world, world.instance(instance.id), after)
    world.put(world.instance(instance.id), after, "loop.cancelled", **about)
    hand_back(world, after)


def hand_back(world: World, ended: Instance) -> None:
    """What this closing would have taken is late for the one before it: asked for there, never forgotten."""
    subject = world.entity(ended.subject_kind, ended.subject)
    loop = world.catalog.loop(ended.integration, ended.loop, ended.logic)
    if subject is None or loop is None:
        return
    for one in reversed(occurrences(world, loop, subject)):
        own = world.catalog.loop(one.integration, one.loop, one.logic)
        if one.taken is not None and one.state in OPEN and own is not None:
            late_check(world, own, one, subject)
            return
