"""One closing that has not happened, run to its end on an overlay: the same decisions, an outside without trouble.

``foresee`` runs it twice where something is missing: once as things stand, which says what is missing, and once as if
that were mended, which says what would then be made. Nothing is written and nobody outside is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hub.history.assumed import Assumed
from hub.history.overlay import Overlay
from hub.loop.elsewhere import is_of
from hub.loop.hypothesis import Wish, supposed
from hub.loop.judging import holds
from hub.loop.start import begin, fire, gather
from hub.loop.world import World
from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledIntegration, CompiledLoop
from hub.model.action import ActionSpec
from hub.model.changes import Reading, Timer, View
from hub.model.clock import Micros
from hub.model.effect import Effect
from hub.model.entity import Entity, typed_view
from hub.model.fact import PersonDecided
from hub.model.instance import Instance, LoopState
from hub.model.record import Json

OPEN_PHASES = frozenset({"asking", "settling", "reading", "gathering"})


class Rehearsal(Assumed):
    """``recorded``: effects that really were sent, by key; their documents answer instead of placeholders."""

    why = "assumed by hub preflight"
    memory: Overlay

    def __init__(self, catalog: Catalog, below: Overlay, now: Micros, recorded: Mapping[str, Effect]) -> None:
        super().__init__(catalog, below, now)
        self.recorded = recorded
        self.read: dict[str, None] = {}
        """Objects the closing reads again before money moves."""

    def run(self) -> None:
        """Until nothing more would happen by itself; times to answer within are not waited for."""
        self._settle()
        while settling := [one for one in self.memory.timers.values() if one.kind == "settle"]:
            self._fire(min(settling, key=lambda one: (one.due, one.id)))
            self._settle()

    def allow(self, instance: Instance) -> None:
        """The owner lets a re-close start."""
        people = self.catalog.people
        loop = self.catalog.loop(instance.integration, instance.loop, instance.logic)
        owner = loop.definition.owner if loop else ""
        named = people.find(owner)
        for person in (*people.with_role(owner), *([named] if named else people.all)):
            if self._fact(PersonDecided(f"preflight/{instance.id}", instance.id, "approve", person.code, self.why)):
                break
        self.run()

    def _read(self, reading: Reading) -> None:
        self.read[reading.id] = None
        super()._read(reading)

    def _numbered(self, effect: Effect, action: ActionSpec) -> dict[str, Any]:
        real = self.recorded.get(effect.key)
        if real is None or not real.remote_id:
            return super()._numbered(effect, action)
        names = ("remote_id", "number", "url", "document_state")
        return {name: getattr(real, name) for name in names}

    def _shown(self, effect: Effect) -> Mapping[str, Json]:
        real = self.recorded.get(effect.key)
        return super()._shown(effect) if real is None or real.read_back is None else real.read_back


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the subject, closed at ``at``; ``given`` fields are set whatever ``when`` names."""

    subject: Entity
    at: Micros
    now: Micros
    given: Wish
    recorded: Mapping[str, Effect]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """``stands``: the closing as far as it gets as things are; None where ``when`` does not turn true, or where it
    is true and no closing of it is open. ``ended`` and ``memory``: where it gets once what is missing is mended."""

    loop: CompiledLoop
    subject: Entity
    after: Entity | None
    already: bool
    stands: Instance | None = None
    ended: Instance | None = None
    memory: Overlay | None = None
    read_again: tuple[str, ...] = ()


def starts_by(loop: CompiledLoop) -> str:
    """``change``: the subject closes; ``crossing``: a limit is crossed; ``clock``: a period or moment comes."""
    if loop.definition.schedule is not None or loop.definition.due is not None:
        return "clock"
    return "crossing" if loop.definition.once == "crossing" else "change"


Begin = Callable[[Rehearsal, CompiledLoop], str]
"""Start or go on with a closing; gives its id."""


def foresee(view: View, catalog: Catalog, loop: CompiledLoop, question: Question) -> Foreseen:
    """What closing the subject would do under one loop."""
    subject = question.subject
    world = World(view, catalog, question.now)
    known = [one for one in view.instances(subject.kind, subject.key) if is_of(catalog, loop, one)]
    newest = max(known, key=lambda one: one.number, default=None)
    if starts_by(loop) == "clock":
        if not holds(loop, world, subject, None):
            return Foreseen(loop, subject, None, False)
        number = len(known) + 1
        return _run(view, catalog, loop, question, None, partial(_come_due, subject=subject, number=number))
    if holds(loop, world, subject, newest.was if newest else None):
        if newest is None or newest.phase not in OPEN_PHASES or newest.finished_at is not None:
            return Foreseen(loop, subject, None, True, newest, newest)
        return _run(view, catalog, loop, question, None, partial(_go_on, instance=newest))
    after = supposed(world, loop, subject, question.given, question.at, catalog.schemas.get(subject.kind))
    if after is None:
        return Foreseen(loop, subject, None, False)
    return _run(view, catalog, loop, question, after, partial(_close, subject=subject, after=after, at=question.at))


def _run(
    view: View, catalog: Catalog, loop: CompiledLoop, question: Question, after: Entity | None, start: Begin
) -> Foreseen:
    first = Rehearsal(catalog, Overlay(view), question.now, question.recorded)
    name = start(first, loop)
    if not name:  # a crossing that is the same one still
        return Foreseen(loop, question.subject, after, True)
    first.run()
    last, stands = first, first.memory.loops[name]
    if stands.phase in ("asking", "gathering") and stands.state is not LoopState.HISTORY:
        last = Rehearsal(relaxed(catalog, loop), Overlay(view, hidden=True), question.now, question.recorded)
        start(last, replace(loop, require=()))
        last.run()
        if last.memory.loops[name].phase == "asking":
            last.allow(last.memory.loops[name])
    ended = last.memory.loops[name]
    return Foreseen(loop, question.subject, after, after is None, stands, ended, last.memory, tuple(first.read))


def _close(rehearsal: Rehearsal, loop: CompiledLoop, *, subject: Entity, after: Entity, at: Micros) -> str:
    """``when`` turns true: what the engine does when a record says so."""
    world = World(rehearsal.memory, rehearsal.catalog, rehearsal.now)
    cause = f"preflight/{after.stream}"
    world.because(cause, 0, "", at)
    world.changes.entities[after.kind, after.key] = after
    fire(world, loop, after, typed_view(subject), at, cause)
    before = {name: rehearsal.memory.instance(name) for name in world.changes.loops}
    rehearsal.memory.take(world.changes)
    return next((name for name, one in before.items() if one is None or one.taken is None), "")


def _come_due(rehearsal: Rehearsal, loop: CompiledLoop, *, subject: Entity, number: int) -> str:
    """The clock starts an occurrence for the subject as it is."""
    world = World(rehearsal.memory, rehearsal.catalog, rehearsal.now)
    world.because(f"preflight/{subject.stream}", 0, "", rehearsal.now)
    begin(world, loop, subject, None, None, ("preflight", number, False), rehearsal.now, False)
    rehearsal.memory.take(world.changes)
    return next(iter(world.changes.loops))


def _go_on(rehearsal: Rehearsal, loop: CompiledLoop, *, instance: Instance) -> str:
    """A closing that has begun and has not taken its lists: its timers and readings are due, or it looks again."""
    memory = rehearsal.memory
    memory.loops[instance.id] = instance
    for entry in instance.waiting:
        if entry.kind == "timer":
            memory.timers[entry.ref] = Timer(entry.ref, "settle", instance.id, rehearsal.now)
    for name in instance.reading:
        connection, stream, source = name.split("/", 2)
        memory.readings[name, instance.id] = Reading(connection, stream, source, instance.id)
    if instance.phase == "gathering":
        world = World(memory, rehearsal.catalog, rehearsal.now)
        world.because(f"preflight/{instance.id}")
        gather(world, loop, instance.id)
        memory.take(world.changes)
    return instance.id


def relaxed(catalog: Catalog, loop: CompiledLoop) -> Catalog:
    """The catalog with every requirement of that loop met."""

    def met(integration: CompiledIntegration | None) -> CompiledIntegration | None:
        if integration is None:
            return None
        loops = tuple(replace(o, require=()) if _same(o, loop) else o for o in integration.loops)
        return replace(integration, loops=loops)

    active = {name: met(one) or one for name, one in catalog.integrations.items()}
    older = catalog.older
    return replace(
        catalog, integrations=active, older=lambda name, logic: met(older(name, logic)), _tables={}, _loops={}
    )


def _same(one: CompiledLoop, other: CompiledLoop) -> bool:
    return one.integration == other.integration and one.definition.name == other.definition.name
