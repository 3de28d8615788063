"""Loops that a clock starts: once per period for every entity of a kind, or when a moment of one entity comes.

Their timers belong to a loop, not to an instance: ``Timer.loop`` is ``INTEGRATION/LOOP``, ``step`` says which period
or moment and which entity. Each occurrence is named by that period or moment, so it exists once, however often its
timer comes, whatever the clock does; a timer that is late does late what it is for, in the order of due times.
"""

from __future__ import annotations

from functools import partial

from hub.loop.judging import Was, holds, scope_of
from hub.loop.related import occurrences
from hub.loop.start import NO_LONGER, begin
from hub.loop.world import World
from hub.mapping.calendar import AT_ONCE
from hub.mapping.compiled import CompiledLoop, ExpressionError
from hub.mapping.periods import due_of, first_day, first_from, following
from hub.model.changes import PAGE, Timer
from hub.model.clock import Micros, iso
from hub.model.entity import Entity
from hub.model.fact import TimerDue
from hub.model.instance import LoopState

SCHEDULE, DUE, ADOPT = "schedule", "due", "adopt"
KINDS = frozenset({SCHEDULE, DUE, ADOPT})


def place_of(loop: CompiledLoop) -> str:
    return f"{loop.integration}/{loop.definition.name}"


def loop_at(world: World, place: str) -> CompiledLoop | None:
    """The active loop a timer belongs to; None when nobody wants it any more."""
    integration, _, name = place.partition("/")
    active = world.catalog.integrations.get(integration)
    return next((one for one in active.loops if one.definition.name == name), None) if active else None


def fell_due(world: World, fact: TimerDue) -> None:
    """A timer of a loop; what it was for may be gone, then nothing happens."""
    loop = loop_at(world, fact.loop)
    if loop is None:
        return
    word, _, key = fact.step.partition(" ")
    if fact.kind == SCHEDULE and loop.definition.schedule is not None:
        _start(world, loop, word, key[1:]) if key.startswith("=") else _scan(world, loop, word, key)
    elif fact.kind == DUE and loop.definition.due is not None:
        _moment_came(world, loop, int(word), key, fact.timer)
    elif fact.kind == ADOPT:
        _adopt(world, loop, key, fact.timer)


# --- schedules


def seeded(loop: CompiledLoop, known: Timer | None, since: Micros) -> Timer | None:
    """The timer a schedule should have now: of the first period from ``since`` on, or the one it waits for already,
    at the time its present definition gives that."""
    plan = loop.definition.schedule
    if plan is None:
        return None
    if known is None:
        return _timer(loop, first_from(plan, since, loop.calendar))
    waiting = known.step.partition(" ")[0]
    try:
        first_day(plan, waiting)
    except ValueError:  # the schedule counts other periods now: the first that was not due yet
        return _timer(loop, first_from(plan, known.due, loop.calendar))
    return _timer(loop, waiting)


def _timer(loop: CompiledLoop, period: str, key: str = "") -> Timer:
    plan = loop.definition.schedule
    assert plan is not None
    name = f"{SCHEDULE}/{place_of(loop)}/{period}"
    due = due_of(plan, period, loop.calendar)
    return Timer(f"{name}/{key}" if key else name, SCHEDULE, place_of(loop), due, f"{period} {key}".strip())


def _scan(world: World, loop: CompiledLoop, period: str, after: str) -> None:
    """Go through the entities, a page at a time; each that fits gets a timer of its own. Then the next period."""
    plan = loop.definition.schedule
    assert plan is not None
    try:
        first_day(plan, period)
    except ValueError:
        return  # the schedule counts other periods now; those have timers of their own
    entities = world.page(loop.definition.entity, after)
    for entity in entities:
        if holds(loop, world, entity, None):
            world.put_timer(_timer(loop, period, f"={entity.key}"))
    if len(entities) == PAGE:
        world.put_timer(_timer(loop, period, entities[-1].key))
    else:
        world.put_timer(_timer(loop, following(plan, period, loop.calendar)))


def _start(world: World, loop: CompiledLoop, period: str, key: str) -> None:
    """One entity's turn in a period."""
    subject = world.entity(loop.definition.entity, key)
    plan = loop.definition.schedule
    if subject is None or plan is None or not holds(loop, world, subject, None):
        return
    known = occurrences(world, loop, subject)
    if all(one.occurrence != period for one in known):
        due = due_of(plan, period, loop.calendar)
        begin(world, loop, subject, None, None, (period, len(known) + 1, False), due, False)


# --- moments


def watch(world: World, loop: CompiledLoop, before: Entity | None, after: Entity, was: Was) -> None:
    """An entity has changed: the moment its loop is about may have moved, come or gone."""
    old = None if before is None else _moment(world, loop, before)
    new = None if after.deleted else _moment(world, loop, after)
    if old is not None and old != new:
        world.drop_timer(_timer_of(loop, after.key, old))
    if new is None:
        return
    if _fires_at(loop, new) > world.now:
        due = _fires_at(loop, new)
        world.put_timer(Timer(_timer_of(loop, after.key, new), DUE, place_of(loop), due, f"{new} {after.key}"))
    else:
        _occur(world, loop, after, was, new)


def _moment_came(world: World, loop: CompiledLoop, moment: Micros, key: str, timer: str) -> None:
    subject = world.entity(loop.definition.entity, key)
    if subject is not None and not subject.deleted and _moment(world, loop, subject) == moment:
        revived = max((one.version for one in occurrences(world, loop, subject)), default=0)
        world.because(f"{timer}/{revived}")
        _occur(world, loop, subject, None, moment)


def _occur(world: World, loop: CompiledLoop, subject: Entity, was: Was, moment: Micros) -> None:
    """The moment has come while ``when`` holds: once per moment."""
    if not holds(loop, world, subject, was):
        return
    known = occurrences(world, loop, subject)
    name = iso(moment)
    last = next((one for one in known if one.occurrence == name), None)
    if last is not None and (last.state is not LoopState.CANCELLED or last.reason != NO_LONGER):
        return
    if loop.definition.once == "life" and last is None and known:
        return
    number = last.number if last else len(known) + 1
    at = _fires_at(loop, moment)
    begin(world, loop, subject, was, last, (name, number, False), at, at < loop.starts_at)


def _moment(world: World, loop: CompiledLoop, entity: Entity) -> Micros | None:
    try:
        return loop.due_of(scope_of(world, entity, None))
    except ExpressionError:
        return None


def _fires_at(loop: CompiledLoop, moment: Micros) -> Micros:
    due = loop.definition.due
    assert due is not None
    early = loop.calendar.before(moment, due.lead) if due.lead != AT_ONCE else moment
    return loop.calendar.after(early, due.lag) if due.lag != AT_ONCE else early


def _timer_of(loop: CompiledLoop, key: str, moment: Micros) -> str:
    return f"{DUE}/{place_of(loop)}/{moment}/{key}"


# --- what was there before the loop


def adopting(loop: CompiledLoop, now: Micros) -> Timer:
    """The timer that looks once at everything that was there before this version of the loop."""
    name = f"{ADOPT}/{place_of(loop)}/{loop.logic[:16]}"
    return Timer(name, ADOPT, place_of(loop), now)


def _adopt(world: World, loop: CompiledLoop, after: str, timer: str) -> None:
    """What is true already is history; moments still to come get their timers."""
    if loop.definition.schedule is not None:
        return
    entities = world.page(loop.definition.entity, after)
    world.together([partial(world.instances, one.kind, one.key) for one in entities])
    for entity in entities:
        if not entity.deleted and _concerns(world, loop, entity):
            world.because(f"{timer.partition('@')[0]}/{entity.key}")
            _one(world, loop, entity)
    if len(entities) == PAGE:
        key = entities[-1].key
        name = timer.partition("@")[0]
        world.put_timer(Timer(f"{name}@{key}", ADOPT, place_of(loop), world.now, f"after {key}"))


def _one(world: World, loop: CompiledLoop, entity: Entity) -> None:
    if loop.definition.due is not None:
        watch(world, loop, None, entity, None)
    elif holds(loop, world, entity, None) and not occurrences(world, loop, entity):
        begin(world, loop, entity, None, None, ("1", 1, False), world.now, True)


def _concerns(world: World, loop: CompiledLoop, entity: Entity) -> bool:
    """Whether the loop listens to a source of the entity: its integration's own, anybody's where it has none."""
    own = world.catalog.integrations.get(loop.integration)
    connections = (
        {t.definition.connection for t in own.tables if t.definition.entity == entity.kind} if own else set()
    )
    return not connections or any(mark.partition("/")[0] in connections for mark in entity.marks)
