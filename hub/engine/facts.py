"""One fact -> one transaction: lock, conclude, write. Outcomes of effects, timers, people, reads that failed.

``conclude_fact`` is pure. A bug in a loop's decision never hides an effect's outcome: the effect moves, and the
instance asks a person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hub.engine.transaction import Guard, again, decide_in
from hub.loop import decide, field_choices, policy, twoway, updates
from hub.loop.world import World
from hub.mapping.catalog import Catalog
from hub.model.changes import Changes, NotLoaded, Quarantine, Touched, View
from hub.model.clock import Micros
from hub.model.effect import Effect, EffectState, check_transition
from hub.model.fact import (
    EffectMoved,
    Fact,
    FieldResolved,
    LinkDecided,
    PersonAccepted,
    PersonDecided,
    ReadFailed,
    TimerDue,
)
from hub.model.frozen import replace
from hub.model.instance import LoopState, Waiting
from hub.store.port import Store, Transaction

_S = EffectState
AboutEntity = TypeVar("AboutEntity", FieldResolved, LinkDecided)
_SETTLED = frozenset({_S.CONFIRMED, _S.MISMATCH, _S.REJECTED, _S.CANCELLED, _S.SUPERSEDED})


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a fact; true when it was written. ``slug`` and ``message`` say why not."""

    ok: bool
    slug: str = ""
    message: str = ""

    def __bool__(self) -> bool:
        return self.ok


DONE = Answer(True)
FENCED = Answer(False, "fenced", "another process has taken this work over")


async def apply(store: Store, catalog: Catalog, fact: Fact, now: Micros, guard: Guard | None = None) -> Answer:
    """Conclude and write one fact. False: refused, nothing was written. ``guard`` says whether it may be."""

    def work(transaction: Transaction) -> Answer:
        return _in(transaction, catalog, fact, now) if guard is None or guard(transaction) else FENCED

    return await again(lambda: store.write(work))


def apply_now(store: Store, catalog: Catalog, fact: Fact, now: Micros) -> Answer:
    """The same, blocking, for callers without an event loop."""
    return store.write_now(lambda transaction: _in(transaction, catalog, fact, now))


def _in(transaction: Transaction, catalog: Catalog, fact: Fact, now: Micros) -> Answer:
    def decided(view: View) -> tuple[Changes, Answer]:
        return conclude_fact(fact, view, now, catalog)

    changes, answer = decide_in(transaction, touched_by(fact), decided)
    if answer:
        transaction.write(changes, now)
    return answer


def touched_by(fact: Fact) -> Touched:
    """The heads a fact names itself; the rest is found while deciding."""
    match fact:
        case EffectMoved():
            return Touched(effects=frozenset({fact.effect}), loops=frozenset({fact.loop} if fact.loop else ()))
        case TimerDue() | ReadFailed():
            return Touched(loops=frozenset({fact.loop}))
        case PersonDecided():
            return Touched(loops=frozenset({fact.loop}), approvals=frozenset({fact.loop}))
        case PersonAccepted():
            return Touched()
        case FieldResolved() | LinkDecided():
            place = frozenset({(fact.kind, fact.key)})
            return Touched(entities=place, twoways=place)


def conclude_fact(fact: Fact, view: View, now: Micros, catalog: Catalog) -> tuple[Changes, Answer]:
    """What a fact changes, and what to answer whoever brought it."""
    world = World(view, catalog, now)
    match fact:
        case EffectMoved():
            return _effect(world, fact)
        case TimerDue():
            world.because(fact.timer)
            world.drop_timer(fact.timer)  # whatever the decision runs into: a timer comes once
            world = guarded(world, fact.loop, lambda inner: decide.timer_due(inner, fact))
        case ReadFailed():
            world.because(f"{fact.loop}/{fact.object}", now)
            world = guarded(world, fact.loop, lambda inner: _read_failed(inner, fact))
        case PersonDecided():
            return _person(world, fact)
        case FieldResolved():
            return _choice(world, fact, field_choices.resolve)
        case LinkDecided():
            return _choice(world, fact, field_choices.link)
        case PersonAccepted():
            return world.changes, Answer(False, "usage", "a quarantined record is given up by drop()")
    return world.changes, DONE


def guarded(world: World, loop: str, piece: Callable[[World], None]) -> World:
    """Run a loop's decision; a bug in it leaves the world as it was, with the instance asking a person."""
    saved = world.copy()
    try:
        piece(world)
    except NotLoaded:
        raise
    except Exception as bug:  # noqa: BLE001 - a bug of one loop must not stop timers, outcomes and other loops
        _ask_person(saved, loop, f"{type(bug).__name__}: {bug}")
        return saved
    return world


def _ask_person(world: World, loop: str, words: str) -> None:
    instance = world.instance(loop)
    if instance is None:
        world.audit("hub", "loop", loop, words, "failed")
        return
    entry = Waiting("person", loop, world.now, "", f"the hub failed to go on: {words}")
    kept = tuple(one for one in instance.waiting if one.ref != loop)
    after = replace(instance, state=LoopState.NEEDS_PERSON, waiting=(*kept, entry))
    world.put(instance, after, "loop.needs_person")


# --- effects


def _effect(world: World, fact: EffectMoved) -> tuple[Changes, Answer]:
    before = world.effect(fact.effect)
    if before is None:
        return world.changes, Answer(False, "not-found", f"there is no effect {fact.effect}")
    if before.version != fact.expected_version:
        words = f"effect {fact.effect} is at version {before.version}, not {fact.expected_version}"
        return world.changes, Answer(False, "moved", words)
    if fact.to is not before.state:
        check_transition(before.state, fact.to)
    world.because(fact.effect, before.version + 1, "effect")
    after = world.put_effect(before, _moved(before, fact, world.now))
    if after.is_update:
        return _update(world, after).changes, DONE
    world = guarded(world, after.loop, lambda inner: decide.effect_moved(inner, after))
    return world.changes, DONE


def _update(world: World, effect: Effect) -> World:
    """What follows for two-way fields; a bug in it hides no outcome either, a person sees it at the entity."""
    saved = world.copy()
    try:
        updates.effect_moved(world, effect)
    except NotLoaded:
        raise
    except Exception as bug:  # noqa: BLE001 - a bug of one entity must not stop the outcomes of others
        updates.broken(saved, effect, f"{type(bug).__name__}: {bug}")
        return saved
    return world


def _moved(before: Effect, fact: EffectMoved, now: Micros) -> Effect:
    """The effect after the move: what the fact does not name stays; a claim lives in SENDING only."""
    first = before.first_sent_at
    if fact.to is _S.SENDING and first is None:
        first = now
    return replace(
        before,
        state=fact.to,
        reason=fact.reason,
        due=before.due if fact.due is None else fact.due,
        remote_id=_kept(before.remote_id, fact.remote_id),
        number=_kept(before.number, fact.number),
        url=_kept(before.url, fact.url),
        document_state=_kept(before.document_state, fact.document_state),
        read_back=before.read_back if fact.read_back is None else fact.read_back,
        attempts=before.attempts if fact.attempts is None else fact.attempts,
        claimed_by=fact.claimed_by,
        claimed_until=fact.claimed_until,
        first_sent_at=first,
        settled_at=now if fact.to in _SETTLED else None,
        doubtful=before.doubtful or fact.to is _S.UNKNOWN,
    )


def _kept(before: str, after: str | None) -> str:
    return before if after is None else after


# --- people and reads


def _person(world: World, fact: PersonDecided) -> tuple[Changes, Answer]:
    world.because(fact.decision)
    problem = decide.person_decided(world, fact)
    if problem:
        return Changes(), Answer(False, "refused", problem)
    return world.changes, DONE


def _choice(
    world: World, fact: AboutEntity, carry_out: Callable[[World, AboutEntity], str]
) -> tuple[Changes, Answer]:
    world.because(fact.decision)
    problem = carry_out(world, fact)
    return (Changes(), Answer(False, "refused", problem)) if problem else (world.changes, DONE)


def _read_failed(world: World, fact: ReadFailed) -> None:
    """``gone``: the source says the object does not exist, so neither does the entity any more."""
    if twoway.is_reading(fact.loop):
        connection, _, source = fact.object.split("/", 2)
        world.drop_reading(fact.object, fact.loop)
        reason = "" if fact.outcome == "gone" else fact.reason or "refused"
        twoway.not_read(world, fact.loop, f"{connection}/{source}", reason)
        return
    if fact.outcome == "refused":
        decide.read_refused(world, fact)
        return
    instance = world.instance(fact.loop)
    loop = None if instance is None else decide.loop_of(world, instance)
    if instance is None or loop is None:
        world.drop_reading(fact.object, fact.loop)
        return
    decide.object_gone(world, loop, instance, fact.object)


# --- quarantine


async def drop(store: Store, catalog: Catalog, fact: PersonAccepted, row: Quarantine, now: Micros) -> Answer:
    """A person gives up a quarantined record: loops that waited for it go on without it."""

    def work(transaction: Transaction) -> Answer:
        touched = Touched(quarantined=frozenset({(row.kind, row.key)}))
        changes, answer = decide_in(transaction, touched, lambda view: conclude_drop(fact, row, view, now, catalog))
        if answer:
            transaction.write(changes, now)
        return answer

    return await again(lambda: store.write(work))


def conclude_drop(
    fact: PersonAccepted, row: Quarantine, view: View, now: Micros, catalog: Catalog
) -> tuple[Changes, Answer]:
    """Close the row with who and why; whoever waited for it looks again."""
    world = World(view, catalog, now)
    world.because(fact.decision)
    person = catalog.people.find(fact.who)
    if person is None:
        return Changes(), Answer(False, "refused", f"nobody in people.yaml is called {fact.who}")
    if not fact.why.strip():
        return Changes(), Answer(False, "refused", "say why: --why TEXT")
    if problem := policy.of_record(catalog, row, person, "drop", now):
        return Changes(), Answer(False, "refused", problem)
    if row.closed_at is not None or (
        row.kind and all(one.id != row.id for one in world.quarantined(row.kind, row.key))
    ):
        return Changes(), Answer(False, "refused", f"{row.id} is closed already: {row.closed_by or 'just now'}")
    world.put_quarantine(replace(row, closed_at=now, closed_by=person.code))
    world.audit(person.code, "quarantine drop", row.id, fact.why, "closed")
    if row.kind:
        decide.quarantine_closed(world, [(row.kind, row.key), *row.refs.values()])
    return world.changes, DONE
