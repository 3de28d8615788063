"""What deciding needs (``View``) and what it wants written (``Changes``): the engine's two sides, as data.

``conclude`` is a pure function from a view to changes. Whatever it looks up that the transaction has not
loaded raises ``NotLoaded``; the transaction adds those keys, locks them in the fixed order and runs it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from operator import attrgetter
from typing import Any, Protocol

from hub.model.clock import Micros
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.event import Event
from hub.model.frozen import value
from hub.model.instance import Instance
from hub.model.record import Json
from hub.model.twoway import TwoWay


@value(frozen=True, slots=True)
class Touched:
    """Heads a decision reads or writes. Locked in this order, each sorted: entities, loops, effects."""

    entities: frozenset[tuple[str, str]] = frozenset()
    """(kind, key)"""
    labels: frozenset[tuple[str, str]] = frozenset()
    """(kind, label): past and present labels -> key"""
    links: frozenset[tuple[str, str, str]] = frozenset()
    """(connection, kind, key) -> object id"""
    objects: frozenset[tuple[str, str, str]] = frozenset()
    """(connection, kind, object id) -> keys of the entities linked to that object"""
    referring: frozenset[tuple[str, str, str]] = frozenset()
    """(kind, ref field, target key or label) -> entities of that kind whose field names it, loaded whole"""
    subjects: frozenset[tuple[str, str]] = frozenset()
    """(subject kind, subject key) -> all loop instances of that subject"""
    loops: frozenset[str] = frozenset()
    effects: frozenset[str] = frozenset()
    quarantined: frozenset[tuple[str, str]] = frozenset()
    """(kind, key) -> open quarantine rows of that entity, and rows whose refs name it"""
    approvals: frozenset[str] = frozenset()
    """loop ids -> their approvals"""
    waiting: frozenset[tuple[str, str]] = frozenset()
    """(kind, key or label) -> instances with a step that waits for that entity's link"""
    takers: frozenset[tuple[str, str]] = frozenset()
    """(kind, key) -> instances whose lists took that entity"""
    pages: frozenset[tuple[str, str]] = frozenset()
    """(kind, key) -> the next entities of that kind after the key, at most ``PAGE``, loaded whole"""
    twoways: frozenset[tuple[str, str]] = frozenset()
    """(kind, key) -> what is known of its two-way fields"""

    def __or__(self, other: Touched) -> Touched:
        return union((self, other))

    def __bool__(self) -> bool:
        return any(_parts(self))


_parts: Callable[[Touched], tuple[frozenset[Any], ...]] = attrgetter(*(one.name for one in fields(Touched)))


def union(parts: Sequence[Touched]) -> Touched:
    """Everything those name."""
    if len(parts) == 1:
        return parts[0]
    return Touched(*map(frozenset().union, *map(_parts, parts)))


class NotLoaded(Exception):
    """A pure decision looked at something the view does not hold yet."""

    def __init__(self, touched: Touched) -> None:
        super().__init__()
        self.touched = touched

    def __str__(self) -> str:
        return f"not loaded: {self.touched}"


@value(frozen=True, slots=True)
class Quarantine:
    """A set-aside record. ``id`` is stable (delivery ref, record, table); ``refs`` are those it could map."""

    id: str
    connection: str
    delivery: str
    position: int
    record: int
    table: str
    """Empty for an undecodable delivery."""
    kind: str
    key: str
    at: Micros
    reason: str
    row: str
    owner: str
    message: str
    since: Micros
    refs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    source: str = ""
    closed_at: Micros | None = None
    closed_by: str = ""


@value(frozen=True, slots=True)
class Outcome:
    """One row per record × table that accepted it (table empty for none). Reasons are slugs."""

    position: int
    record: int
    table: str
    verdict: str
    """applied unchanged stale skipped held quarantined"""
    reason: str = ""


PAGE = 200
"""How many entities one decision looks through at most."""
WATCHING = frozenset({"within", "remind", "expire", "schedule", "due"})
"""Kinds of timers that only watch the time: the hub has nothing left to do while they run."""


@value(frozen=True, slots=True)
class Timer:
    """Something due. ``id`` is unique and derived, so a clock that goes back never fires it twice."""

    id: str
    kind: str
    """settle, or one of ``WATCHING``"""
    loop: str
    due: Micros
    step: str = ""


@value(frozen=True, slots=True)
class Approval:
    """One ask. The payload is frozen: what the person saw is what is sent."""

    id: str
    loop: str
    step: str
    item: str
    role: str
    state: str
    """asked | approved | dropped"""
    asked_at: Micros
    amount: Mapping[str, str] | None
    payload: Mapping[str, Json]
    expect: Mapping[str, Json]
    decided_at: Micros | None = None
    decided_by: str = ""
    why: str = ""
    level: int = 0
    """Which of the policy's levels asks; all of them must agree."""
    round: int = 0
    """How often the obligation had asked before."""
    reminded: int = 0

    @property
    def obligation(self) -> str:
        """``ID/STEP`` or ``ID/STEP/ITEM``: the same for every level."""
        return self.id.partition("#")[0]


@value(frozen=True, slots=True)
class Reading:
    """An object the hub wants to read: a partial first sight, or a loop's money re-read (``cause`` = loop id)."""

    connection: str
    stream: str
    object: str
    cause: str = ""
    since: Micros = 0
    due: Micros = 0
    attempts: int = 0
    reason: str = ""

    @property
    def id(self) -> str:
        return f"{self.connection}/{self.stream}/{self.object}"


@value(frozen=True, slots=True)
class Audit:
    """What a person did: who, when, what, on what, why, result (I13). Append-only."""

    at: Micros
    who: str
    action: str
    object: str
    why: str
    result: str


@dataclass(slots=True)
class Changes:
    """Everything one decision wants written, all of it or nothing. Later entries of a key replace earlier ones."""

    events: list[Event] = field(default_factory=list)
    entities: dict[tuple[str, str], Entity] = field(default_factory=dict)
    refs: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    """(kind, key) -> {ref field: key or unresolved label}; replaces that entity's ref rows"""
    labels: set[tuple[str, str, str]] = field(default_factory=set)
    """(kind, label, key); kept for ever"""
    links: set[tuple[str, str, str, str]] = field(default_factory=set)
    """(connection, kind, key, object id)"""
    loops: dict[str, Instance] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    timers: dict[str, Timer | None] = field(default_factory=dict)
    """None removes"""
    approvals: dict[str, Approval] = field(default_factory=dict)
    readings: dict[tuple[str, str], Reading | None] = field(default_factory=dict)
    """(Reading.id, cause); None removes"""
    outcomes: list[Outcome] = field(default_factory=list)
    quarantines: dict[str, Quarantine] = field(default_factory=dict)
    audits: list[Audit] = field(default_factory=list)
    measures: defaultdict[tuple[str, str], int] = field(default_factory=partial(defaultdict, int))
    """(integration, measure) -> increment, kept per hour"""
    expected: int = 0
    waits: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    """loop id -> the (kind, key or label) whose link its steps wait for now; replaces what was there"""
    taken: set[tuple[str, str, str]] = field(default_factory=set)
    """(kind, key, loop id); kept for ever"""
    withdrawn: set[tuple[int, int, str]] = field(default_factory=set)
    """(position, record, table) of outcomes that others replace: a delivery that can be decoded after all"""
    twoways: dict[tuple[str, str], TwoWay] = field(default_factory=dict)
    unlinked: set[tuple[str, str, str]] = field(default_factory=set)
    """(connection, kind, key) whose link a person took away; a row without an object stands in its place"""


class View(Protocol):
    """Locked state a decision may read. Every method raises ``NotLoaded`` for what was not asked for."""

    def entity(self, kind: str, key: str) -> Entity | None: ...
    def key_of_label(self, kind: str, label: str) -> str | None: ...
    def link(self, connection: str, kind: str, key: str) -> str | None: ...
    def linked(self, connection: str, kind: str, object_id: str) -> Sequence[str]: ...
    def referring(self, kind: str, field: str, target: str) -> Sequence[Entity]: ...
    def instances(self, subject_kind: str, subject: str) -> Sequence[Instance]: ...
    def instance(self, loop: str) -> Instance | None: ...
    def effect(self, key: str) -> Effect | None: ...
    def quarantined(self, kind: str, key: str) -> Sequence[Quarantine]: ...
    def approvals(self, loop: str) -> Sequence[Approval]: ...
    def waiting(self, kind: str, name: str) -> Sequence[Instance]: ...
    def takers(self, kind: str, key: str) -> Sequence[Instance]: ...
    def page(self, kind: str, after: str) -> Sequence[Entity]: ...
    def twoway(self, kind: str, key: str) -> TwoWay | None: ...


__all__ = [
    "PAGE",
    "WATCHING",
    "Approval",
    "Audit",
    "Changes",
    "NotLoaded",
    "Outcome",
    "Quarantine",
    "Reading",
    "Timer",
    "Touched",
    "View",
    "replace",
    "union",
]
