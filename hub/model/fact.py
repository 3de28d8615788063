"""Facts: what may advance a loop besides a source's records. Outcomes of effects, timers, people, failed reads.

Each goes through ``engine.facts``: one fact -> lock, conclude, write, in one transaction (design §1, §6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hub.model.clock import Micros
from hub.model.effect import EffectState
from hub.model.record import Json


@dataclass(frozen=True, slots=True)
class EffectMoved:
    """The executor moved an effect. ``expected_version`` fences zombies: another version means refuse.

    Only the fields that the transition sets are given; None leaves a field as it is. ``due`` is the next time
    the executor may touch it (retry after back-off, look-up after quiesce).
    """

    effect: str
    expected_version: int
    to: EffectState
    reason: str = ""
    due: Micros | None = None
    remote_id: str | None = None
    number: str | None = None
    url: str | None = None
    document_state: str | None = None
    read_back: Mapping[str, Json] | None = None
    attempts: int | None = None
    claimed_by: str = ""
    claimed_until: Micros | None = None
    loop: str = ""
    """The effect's closing, where the caller knows it: it is loaded with the effect, not one look later."""


@dataclass(frozen=True, slots=True)
class TimerDue:
    timer: str
    kind: str
    loop: str
    step: str = ""


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """A read a loop asked for has failed for good (``gone``) or will be tried again (``retry``)."""

    loop: str
    object: str
    outcome: Literal["gone", "refused"]
    reason: str


Choice = Literal["approve", "waive", "retry", "fix", "done", "cancel"]


@dataclass(frozen=True, slots=True)
class PersonDecided:
    """``hub loop approve|waive|retry|done LOOP[/STEP[/ITEM]] --as PERSON --why TEXT``.

    ``number`` is the document a person says stands for the step (``done``); it is read before it counts:
    the rim reads it and gives ``document``/``remote_id``. ``decision`` is a unique id made at the rim.
    """

    decision: str
    loop: str
    choice: Choice
    who: str
    why: str
    step: str = ""
    item: str = ""
    number: str = ""
    remote_id: str = ""
    url: str = ""
    document_state: str = ""
    document: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class PersonAccepted:
    """A quarantined record is released or given up by a person (``hub quarantine release|drop``)."""

    decision: str
    quarantine: str
    choice: Literal["drop", "release"]
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class FieldResolved:
    """``hub entity resolve KIND KEY FIELD --take CONNECTION``: whose value of a field holds (``hub``: ours)."""

    decision: str
    kind: str
    key: str
    field: str
    take: str
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class LinkDecided:
    """``hub entity link|unlink``: which object of a connection an entity is; ``object`` empty: none."""

    decision: str
    kind: str
    key: str
    connection: str
    object: str
    who: str
    why: str


Fact = EffectMoved | TimerDue | ReadFailed | PersonDecided | PersonAccepted | FieldResolved | LinkDecided
