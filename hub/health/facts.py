"""What the measures are computed from: plain rows of one integration, gathered once by ``store.queries.health``.

Nothing here is a judgement. Times are ``Micros``; amounts keep their currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.model.clock import Micros
from hub.model.effect import EffectState
from hub.model.halt import Halt
from hub.model.instance import LoopState, Waiting
from hub.model.values import Money


@dataclass(frozen=True, slots=True)
class DocumentFact:
    """One intended document (all calls of one action share it): the state of its last call.

    ``asked_at`` is when its loop started, ``settled_at`` when the document was read back equal.
    """

    reference: str
    loop: str
    step: str
    subject: str
    connection: str
    action: str
    title: Mapping[str, str]
    weight: str
    state: EffectState
    number: str
    url: str
    amount: Money | None
    asked_at: Micros
    planned_at: Micros
    settled_at: Micros | None
    unknown_since: Micros | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LoopFact:
    """One closing. ``touched``: a person had to mend it (approvals by policy do not count)."""

    id: str
    loop: str
    subject: str
    label: str
    state: LoopState
    started_at: Micros
    finished_at: Micros | None
    touched: bool
    open_obligations: int
    waiting: tuple[Waiting, ...]
    steps: Mapping[str, str]
    limited: int = 0
    """Steps with a limit that are over, or open past it."""
    in_time: int = 0
    """Those that were over within their limit."""


@dataclass(frozen=True, slots=True)
class QuarantineFact:
    reason: str
    row: str
    owner: str
    since: Micros
    closed_at: Micros | None
    message: str
    record: str


@dataclass(frozen=True, slots=True)
class DriftFact:
    """A document that is not as we left it. Its values are not told here: the field may be private."""

    kind: str
    documents: tuple[str, ...]
    field: str
    owner: str
    since: Micros


@dataclass(frozen=True, slots=True)
class SourceFact:
    """A connection this integration reads: last contact of any kind, oldest delivery not yet concluded."""

    connection: str
    newest_delivery: Micros | None
    newest_poll: Micros | None
    oldest_waiting: Micros | None
    refetch: bool
    paused_since: Micros | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """I2, as ``hub status`` gives it; ``skipped`` and ``quarantined`` by reason."""

    received: int
    applied: int
    unchanged: int
    stale: int
    skipped: Mapping[str, int]
    held: int
    quarantined: Mapping[str, int]
    in_flight: int
    unaccounted: int


@dataclass(frozen=True, slots=True)
class IntegrationFacts:
    """Everything the report of one integration needs; ``window`` is how far back measures look."""

    name: str
    title: Mapping[str, str]
    owner: str
    logic: str
    activated_at: Micros
    now: Micros
    window: Micros
    balance: Balance
    documents: tuple[DocumentFact, ...] = ()
    loops: tuple[LoopFact, ...] = ()
    quarantine: tuple[QuarantineFact, ...] = ()
    sources: tuple[SourceFact, ...] = ()
    slo_fresh: Micros | None = None
    slo_consistent: float | None = None
    slo_done_within: Micros | None = None
    slo_done_share: float | None = None
    hourly: tuple[tuple[Micros, int, int], ...] = field(default=())
    """(hour, records, documents confirmed), oldest first"""
    halt: Halt | None = None
    drift: tuple[DriftFact, ...] = ()
    """What reconciliation sees different in a target, open"""
    updates: tuple[DocumentFact, ...] = ()
    """Updates of two-way fields: they change objects people made, so they are no documents of ours."""
    conflicts: int = 0
    """Two-way fields that wait for a person."""
    said: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """A message as it was written down -> the same in every language the table has"""
