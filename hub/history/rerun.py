"""Run recorded deliveries again under one catalog: the engine's own prepare, conclude and facts, on memory.

Nothing leaves the process. What the outside would have said is assumed, the same way for every version: targets
accept and confirm each document, people approve what asks them, a read answers what is known (recorded answers count
where there are any). Time is the deliveries' own; timers fall due between them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from hub.engine.conclude import conclude
from hub.engine.facts import conclude_fact, guarded
from hub.engine.prepare import Decode, Prepared, Work, prepare
from hub.history.memory import Memory
from hub.loop.start import was_read
from hub.loop.world import World
from hub.mapping.catalog import Catalog
from hub.model.action import ActionSpec
from hub.model.changes import Reading, Timer, Touched
from hub.model.clock import Micros
from hub.model.delivery import Delivery
from hub.model.effect import Effect, EffectState
from hub.model.fact import EffectMoved, Fact, PersonDecided, TimerDue
from hub.model.record import Record

BATCH = 256
ROUNDS_MAX = 10_000
"""A loop that still plans new documents after so many rounds would never end."""
WHY = "assumed by hub mapping impact"
Wanted = Callable[[Delivery, Record], bool]


class Rerun:
    """One version's run over the deliveries of one group of objects, in the order of their positions."""

    def __init__(self, catalog: Catalog, decode: Decode, wanted: Wanted) -> None:
        self.catalog, self.decode, self.wanted = catalog, decode, wanted
        self.memory = Memory()
        self.now: Micros = 0
        self._answering: Collection[str] = frozenset()

    def run(self, deliveries: Sequence[Delivery]) -> Memory:
        """All of them, then everything that was still due."""
        self._answering = {one.cause for one in deliveries if one.origin == "read" and one.cause}
        for start in range(0, len(deliveries), BATCH):
            for work in prepare(deliveries[start : start + BATCH], self.catalog, self.decode).works:
                self._work(work)
        self._answering = frozenset()
        self._settle()
        while self.memory.timers:
            self._timers(until=None)
        return self.memory

    def _work(self, work: Work) -> None:
        self._timers(until=work.delivery.received_at)
        self.now = max(self.now, work.delivery.received_at)
        self._narrow(work)
        changes = conclude(Prepared([work], _NOTHING), self.memory, self.now, self.catalog)
        self.memory.take(changes)
        if changes.loops or self.memory.readings:
            self._settle()

    def _narrow(self, work: Work) -> None:
        """Keep the records of the objects in question; the delivery's others run in their own group."""
        if len(work.records) > 1:
            delivery, records = work.delivery, work.records
            work.items = [item for item in work.items if self.wanted(delivery, item.record)]
            work.alone = [
                one for one in work.alone if one[0] < len(records) and self.wanted(delivery, records[one[0]])
            ]

    # --- what the outside is assumed to say

    def _settle(self) -> None:
        for _ in range(ROUNDS_MAX):
            if not (self._readings() or self._asks() or self._documents()):
                return
        raise RuntimeError(f"a loop still plans documents after {ROUNDS_MAX} rounds")

    def _timers(self, until: Micros | None) -> None:
        while self.memory.timers:
            timer = min(self.memory.timers.values(), key=lambda one: (one.due, one.id))
            if until is not None and timer.due > until:
                return
            self._fire(timer)
            self._settle()

    def _fire(self, timer: Timer) -> None:
        self.now = max(self.now, timer.due)
        self._fact(TimerDue(timer.id, timer.kind, timer.loop, timer.step))
        self.memory.timers.pop(timer.id, None)

    def _fact(self, fact: Fact) -> bool:
        changes, answer = conclude_fact(fact, self.memory, self.now, self.catalog)
        if answer:
            self.memory.take(changes)
        return bool(answer)

    def _readings(self) -> bool:
        """What a loop wants to read again is as known, unless a recorded answer is still to come."""
        due = [one for one in self.memory.readings.values() if one.cause not in self._answering]
        for reading in due:
            self._read(reading)
        return bool(due)

    def _read(self, reading: Reading) -> None:
        self.memory.readings.pop((reading.id, reading.cause), None)
        instance = self.memory.instance(reading.cause)
        loop = instance and self.catalog.loop(instance.integration, instance.loop, instance.logic)
        if loop:
            world = World(self.memory, self.catalog, self.now)
            world.because(f"{reading.cause}/{reading.id}", self.now)
            done = guarded(world, reading.cause, lambda inner: was_read(inner, loop, reading.cause, reading.id))
            self.memory.take(done.changes)

    def _asks(self) -> bool:
        moved = False
        for ask in [self.memory.asks[name] for name in self.memory.asking]:
            who = next((person.code for person in self.catalog.people.with_role(ask.role)), "")
            decision = PersonDecided(f"impact/{ask.id}", ask.loop, "approve", who, WHY, ask.step, ask.item)
            moved = (bool(who) and self._fact(decision)) or moved
        return moved

    def _documents(self) -> bool:
        planned = [self.memory.effects[key] for key in self.memory.planned]
        for effect in planned:
            self._confirm(effect, self.catalog.action(effect.connection, effect.action))
        return bool(planned)

    def _confirm(self, effect: Effect, action: ActionSpec) -> None:
        """The target takes the document and shows it as expected, under a number both versions share."""
        number = f"<{effect.step.partition('/')[0]}{effect.item and ' ' + effect.item}>"
        known = {"remote_id": number, "number": number, "document_state": _state_after(action, effect.call)}
        self._fact(EffectMoved(effect.key, effect.version, EffectState.SENDING))
        self._fact(EffectMoved(effect.key, effect.version + 1, EffectState.SENT, **known))  # type: ignore[arg-type]
        if action.readable:
            read = EffectMoved(effect.key, effect.version + 2, EffectState.CONFIRMED, read_back=dict(effect.expect))
            self._fact(replace(read, document_state=known["document_state"]))
        self.memory.planned.pop(effect.key, None)


_NOTHING = Touched()


def _state_after(action: ActionSpec, call: str) -> str:
    """A document state in which that call is done and the next is not."""
    names = [one.name for one in action.calls]
    if call not in names:
        return ""
    at = names.index(call)
    later = action.calls[at + 1].done_in if at + 1 < len(names) else frozenset()
    return next(iter(sorted(action.calls[at].done_in - later)), "")
