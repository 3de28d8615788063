"""A loop instance: one closing of one subject, as data. Folded from loop events, stored as one row.

Step and loop states are those of design §7. ``phase`` says how far the start has come, which the loop's
public ``state`` (``running``) does not: settling -> reading -> gathering -> taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from hashlib import sha256
from typing import Literal

from hub.model.clock import Micros
from hub.model.frozen import value
from hub.model.record import Json


class LoopState(StrEnum):
    HISTORY = "history"
    BLOCKED = "blocked"
    RUNNING = "running"
    DONE = "done"
    NEEDS_PERSON = "needs_person"
    CANCELLED = "cancelled"


class StepState(StrEnum):
    WAITING = "waiting"
    ASKING = "asking"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    WAIVED = "waived"
    UNDONE = "undone"


Phase = Literal["asking", "settling", "reading", "gathering", "taken", "undoing"]
"""``asking``: a re-close waits for the owner. ``gathering``: list not taken yet because something a money step
needs is in quarantine, or a requirement is not met (then the state is blocked). ``undoing``: what was done is taken
back, last step first; at its end the state is cancelled."""


@value(frozen=True, slots=True)
class Waiting:
    """One thing an instance waits for, as ``hub settle`` and ``hub loop show`` print it."""

    kind: str
    """approval, timer, unknown, quarantine, retry, paused, missing, mismatch, rejected, human, link, until, person"""
    ref: str
    since: Micros
    who: str = ""
    message: str = ""


@value(frozen=True, slots=True)
class Obligation:
    """One effect to be of a step: ``item`` is the related entity's key, empty for a step without ``each``.

    ``effects`` are the keys of its calls in order (one, unless the action is several calls or was revised).
    ``scope`` holds the ``each`` names frozen when the list was taken.
    """

    item: str
    state: StepState = StepState.WAITING
    scope: Mapping[str, Json] = field(default_factory=dict)
    effects: tuple[str, ...] = ()
    remote_id: str = ""
    number: str = ""
    url: str = ""
    read: Mapping[str, Json] | None = None
    reason: str = ""
    needs: str = ""
    """``KIND NAME`` of the entity whose link it waits for, while it is waiting."""
    awaits: str = ""
    """``KIND.FIELD VALUE`` of the entity whose arrival finishes it (``until``), while it waits for that."""
    met: str = ""
    """``KIND KEY`` of the entity that finished it."""
    revision: int = 0
    """How often a person had it planned anew from corrected data."""
    undo: tuple[str, ...] = ()
    """Keys of the effects that take its document back, in the order of their calls."""
    stays: bool = False
    """A person said that its document stays although the closing was taken back."""


@value(frozen=True, slots=True)
class Step:
    name: str
    state: StepState = StepState.WAITING
    obligations: tuple[Obligation, ...] = ()
    due: Micros | None = None
    done_at: Micros | None = None
    overdue_at: Micros | None = None
    """When it was seen that ``due`` had passed before the step was over."""
    escalated: int = 0
    """How many levels of ``escalate`` have been told."""


@value(frozen=True, slots=True)
class Instance:
    """One closing. ``occurrence`` goes into effect keys, ``number`` is ``closing.number``.

    ``reading`` are the objects still to be re-read (``connection/stream/id``), ``taken`` the scope frozen when
    ``related`` was taken, ``late`` the keys of entities that matched only afterwards.
    """

    id: str
    integration: str
    loop: str
    subject_kind: str
    subject: str
    occurrence: str
    number: int
    logic: str
    state: LoopState
    phase: Phase
    closed_at: Micros
    started_at: Micros
    version: int = 0
    steps: tuple[Step, ...] = ()
    reading: tuple[str, ...] = ()
    taken: Mapping[str, Json] | None = None
    late: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    touched: bool = False
    """A person retried, fixed, waived or did something by hand (approvals by policy do not count)."""
    finished_at: Micros | None = None
    reason: str = ""
    accepted: tuple[str, ...] = ()
    """Refs of what was withdrawn (subject opened again or deleted, item deleted) and a person let go on without."""
    was: Mapping[str, Json] | None = None
    """The subject's state before it closed, for expressions that name ``was``; None at first sight."""
    due: Micros | None = None
    """The end of the loop's own ``within``."""
    overdue_at: Micros | None = None
    escalated: int = 0
    fell_at: Micros | None = None
    """``once: crossing``: when what must hold in between (``rearm``) was seen to hold; then a new crossing counts."""

    @property
    def stream(self) -> str:
        return f"loop/{self.id}"


def instance_id(integration: str, loop: str, subject: str, occurrence: str) -> str:
    """A short stable id people can type: ``close-out-<10 hex>``."""
    text = "\0".join((integration, loop, subject, occurrence))
    return f"{loop}-{sha256(text.encode()).hexdigest()[:10]}"
