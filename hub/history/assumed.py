"""What the outside would have said, assumed the same way every time: a read answers what is known, people approve
what asks them, targets accept and confirm each document. Nothing leaves the process; the facts go to the hub's own
decisions.

``hub mapping impact`` runs whole histories over it, ``hub preflight`` one closing that has not happened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from hub.engine.facts import conclude_fact, guarded
from hub.history.memory import Memory
from hub.loop.start import was_read
from hub.loop.world import World
from hub.mapping.catalog import Catalog
from hub.model.action import ActionSpec
from hub.model.changes import WATCHING, Approval, Reading, Timer
from hub.model.clock import Micros
from hub.model.effect import Effect, EffectState
from hub.model.fact import EffectMoved, Fact, PersonDecided, TimerDue
from hub.model.record import Json

ROUNDS_MAX = 10_000
"""A loop that still plans new documents after so many rounds would never end."""


class Assumed:
    """Brings to ``memory`` the facts an outside without trouble would bring."""

    why = "assumed by hub mapping impact"

    def __init__(self, catalog: Catalog, memory: Memory, now: Micros = 0) -> None:
        self.catalog, self.memory, self.now = catalog, memory, now
        self._answering: Collection[str] = frozenset()
        """Loops whose readings a recorded delivery will answer."""

    def _settle(self) -> None:
        for _ in range(ROUNDS_MAX):
            if not (self._readings() or self._asks() or self._documents()):
                return
        raise RuntimeError(f"a loop still plans documents after {ROUNDS_MAX} rounds")

    def _timers(self, until: Micros | None) -> None:
        """What falls due up to then; without an end what only watches the time is left out, it never ends."""
        while timers := [one for one in self.memory.timers.values() if until is not None or one.kind not in WATCHING]:
            timer = min(timers, key=lambda one: (one.due, one.id))
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
        asked = [self.memory.asks[name] for name in self.memory.asking]
        return sum(self._approved(ask) for ask in asked) > 0

    def _approved(self, ask: Approval) -> bool:
        """Somebody who holds the role agrees; where nobody may, the ask stays open."""
        about = (ask.loop, "approve")
        people = self.catalog.people.with_role(ask.role)
        decided = (
            PersonDecided(f"impact/{ask.id}", *about, one.code, self.why, ask.step, ask.item)  # type: ignore[arg-type]
            for one in people
        )
        return any(self._fact(decision) for decision in decided)

    def _documents(self) -> bool:
        planned = [self.memory.effects[key] for key in self.memory.planned]
        for effect in planned:
            self._confirm(effect, self.catalog.action(effect.connection, effect.action))
        return bool(planned)

    def _confirm(self, effect: Effect, action: ActionSpec) -> None:
        """The target takes the document and shows it as expected."""
        known = self._numbered(effect, action)
        self._fact(EffectMoved(effect.key, effect.version, EffectState.SENDING))
        self._fact(EffectMoved(effect.key, effect.version + 1, EffectState.SENT, **known))
        if action.readable:
            read = EffectMoved(effect.key, effect.version + 2, EffectState.CONFIRMED, read_back=self._shown(effect))
            self._fact(replace(read, document_state=known["document_state"]))
        self.memory.planned.pop(effect.key, None)

    def _numbered(self, effect: Effect, action: ActionSpec) -> dict[str, Any]:
        """What the target calls the document: a number that says which obligation it is for."""
        number = f"<{effect.step.partition('/')[0]}{effect.item and ' ' + effect.item}>"
        return {"remote_id": number, "number": number, "document_state": _state_after(action, effect.call)}

    def _shown(self, effect: Effect) -> Mapping[str, Json]:
        """What reading the document back gives."""
        return dict(effect.expect)


def _state_after(action: ActionSpec, call: str) -> str:
    """A document state in which that call is done and the next is not."""
    names = [one.name for one in action.calls]
    if call not in names:
        return ""
    at = names.index(call)
    later = action.calls[at + 1].done_in if at + 1 < len(names) else frozenset()
    return next(iter(sorted(action.calls[at].done_in - later)), "")
