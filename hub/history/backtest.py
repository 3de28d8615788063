"""``hub preflight --backtest``: for every closing that happened, what a preflight just before it would have said.

One pass over the event log in its order. Right before the event that closed a subject the prediction is made, from
the state as of that place and nothing later; only numbers and read-backs that a target alone can give are taken from
what it gave. At the end each prediction is compared with the documents the closing really made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.history.asof import AsOf
from hub.history.preflight import Document, documents, worth, would
from hub.history.rehearsal import Question, foresee
from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledLoop
from hub.model.changes import Approval
from hub.model.clock import Micros
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.event import Event
from hub.model.instance import Instance, StepState

Place = tuple[str, str]
NOW = frozenset({"done", "incomplete"})
"""Predictions that make documents as things stand; all others wait for somebody first."""


@dataclass(frozen=True, slots=True)
class Started:
    """A closing that began: ``closed`` is the position of the subject's event that closed it, 0 where none did."""

    loop: str
    kind: str
    subject: str
    position: int
    closed: int
    recorded: Micros


@dataclass(frozen=True, slots=True)
class Became:
    """A closing as it stands now, with its effects in the order they were planned, and its asks."""

    instance: Instance
    effects: tuple[Effect, ...]
    asks: tuple[Approval, ...]


@dataclass(slots=True)
class Closing:
    """One prediction, and what has come in since that could touch it. ``seen``: events with the entity after each."""

    started: Started
    ended: Instance
    word: str = "unknown"
    sets: Mapping[str, Any] = field(default_factory=dict)
    predicted: dict[Place, Document] = field(default_factory=dict)
    since: list[tuple[Event, Entity]] = field(default_factory=list)
    decisions: list[Event] = field(default_factory=list)
    taken: bool = False
    real: dict[Place, Document] = field(default_factory=dict)
    earlier: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Step -> every step that is over before it starts."""


class Backtest:
    """``by_now``: loop id -> what has become of it."""

    def __init__(
        self, catalog: Catalog, past: AsOf, started: Iterable[Started], by_now: Callable[[str], Became]
    ) -> None:
        self.catalog, self.past, self.by_now = catalog, past, by_now
        self._due: dict[int, list[Started]] = {}
        for one in started:
            self._due.setdefault(one.closed or one.position, []).append(one)
        self._open: dict[Place, list[Closing]] = {}
        self._loops: dict[str, Closing] = {}

    def run(self, events: Iterable[Event]) -> list[Closing]:
        for event in events:
            for one in self._due.get(event.position, ()):
                self._predict(one, event)
            entity = self.past.apply(event)
            if entity is not None:
                self._tell(event, entity)
            elif event.stream.startswith("loop/"):
                self._moved(event)
        return list(self._loops.values())

    def _predict(self, started: Started, event: Event) -> None:
        became = self.by_now(started.loop)
        closing = self._loops[started.loop] = Closing(started, became.instance)
        closing.real = {one.place: one for one in _happened(became, self.catalog)}
        self._open.setdefault((started.kind, started.subject), []).append(closing)
        subject = self.past.entity(started.kind, started.subject)
        instance = became.instance
        loop = self.catalog.loop(instance.integration, instance.loop, instance.logic)
        if subject is None or loop is None:
            closing.word = "first_sight" if loop is not None else "unknown_version"
            return
        closing.earlier = _earlier(loop)
        self.past.now = event.recorded
        recorded = {effect.key: effect for effect in became.effects}
        question = Question(subject, instance.closed_at, event.recorded, {}, recorded)
        found = foresee(self.past, self.catalog, loop, question)
        closing.word = would(found)
        if found.after is not None:
            closing.sets = {n: v for n, v in found.after.state.items() if subject.state.get(n) != v}
        if closing.word in NOW:
            made = (one for one in documents(found, self.catalog) if _made(found.ended, one))
            closing.predicted = {one.place: one for one in made}

    def _tell(self, event: Event, entity: Entity) -> None:
        """What comes in about a subject or what points at it, until the closing has taken its lists."""
        for place in {(entity.kind, entity.key), *self._names(entity)}:
            for closing in self._open.get(place, ()):
                if not closing.taken:
                    closing.since.append((event, entity))

    def _names(self, entity: Entity) -> Iterator[Place]:
        for name, kind in self.catalog.relating.get(entity.kind, ()):
            value = entity.state.get(name)
            if isinstance(value, str):
                yield kind, self.past.key_of_label(kind, value) or value

    def _moved(self, event: Event) -> None:
        closing = self._loops.get(event.stream.removeprefix("loop/"))
        if closing is not None:
            closing.decisions.append(event)
            instance = self.past.loops[closing.started.loop]
            closing.taken = instance.taken is not None


def _earlier(loop: CompiledLoop) -> dict[str, frozenset[str]]:
    after = {step.definition.name: step.definition.after for step in loop.steps}
    found: dict[str, frozenset[str]] = {}

    def of(name: str) -> frozenset[str]:
        if name not in found:
            found[name] = frozenset()  # a circle is refused by the check; here it only must not hang
            found[name] = frozenset(after.get(name, ())).union(*(of(one) for one in after.get(name, ())))
        return found[name]

    return {name: of(name) for name in after}


def _made(ended: Instance | None, one: Document) -> bool:
    """Whether the rehearsal got to the document's end; one nobody may approve is not predicted."""
    parts = (part for step in (ended.steps if ended else ()) if step.name == one.step for part in step.obligations)
    return any(part.item == one.item and part.state is StepState.DONE for part in parts)


def _happened(became: Became, catalog: Catalog) -> Iterator[Document]:
    """The documents that stand: done obligations, each with what its newest effect said."""
    effects = {one.key: one for one in became.effects}
    asks = {(one.step, one.item): one for one in became.asks}
    for step in became.instance.steps:
        for part in step.obligations:
            sent = [effects[key] for key in part.effects if key in effects]
            if part.state is not StepState.DONE or not sent:
                continue
            first, last = sent[0], sent[-1]
            said = last.payload if last.revision else first.payload
            action = catalog.action(first.connection, first.action)
            ask = asks.get((step.name, part.item))
            amount = worth(action, said, last.expect, ask)
            yield Document(step.name, part.item, first.connection, first.action, said, last.expect, amount, ask)
