"""An effect: one intended outside write with its key; its state machine (design §7, reliability §2)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256

from hub.model.clock import Micros
from hub.model.frozen import value
from hub.model.record import Json


class EffectState(StrEnum):
    PLANNED = "PLANNED"
    SENDING = "SENDING"
    SENT = "SENT"
    CONFIRMED = "CONFIRMED"
    MISMATCH = "MISMATCH"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    HUMAN = "HUMAN"
    CANCELLED = "CANCELLED"
    SUPERSEDED = "SUPERSEDED"


_S = EffectState
TRANSITIONS: Mapping[EffectState, frozenset[EffectState]] = {
    _S.PLANNED: frozenset({_S.SENDING, _S.CANCELLED, _S.SUPERSEDED}),
    _S.SENDING: frozenset({_S.SENT, _S.PLANNED, _S.REJECTED, _S.UNKNOWN}),
    _S.SENT: frozenset({_S.CONFIRMED, _S.MISMATCH}),
    _S.UNKNOWN: frozenset({_S.SENT, _S.PLANNED, _S.HUMAN}),
    _S.REJECTED: frozenset({_S.PLANNED, _S.SUPERSEDED, _S.SENT, _S.CANCELLED}),
    _S.HUMAN: frozenset({_S.PLANNED, _S.SUPERSEDED, _S.SENT, _S.CANCELLED}),
    _S.MISMATCH: frozenset({_S.SUPERSEDED, _S.SENT, _S.CANCELLED}),
    _S.CONFIRMED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.SUPERSEDED: frozenset(),
}
"""Design §7. MISMATCH never goes back to PLANNED: a document exists, it is never sent again."""


POSTPONABLE = frozenset({_S.PLANNED, _S.SENT, _S.UNKNOWN})
"""States the executor may renew: it looked, or may not send yet; only ``due`` and ``reason`` change."""


class IllegalTransition(ValueError):
    """A bug: an effect was asked to go where its state machine has no arrow."""


def check_transition(before: EffectState, after: EffectState) -> None:
    """Raise ``IllegalTransition`` unless design §7 has that arrow, or the effect is only put off."""
    if after is before and before in POSTPONABLE:
        return
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(f"{before} -> {after}")


@value(frozen=True, slots=True)
class Effect:
    """One intended write. ``payload`` and ``expect`` are canonical JSON, frozen when it was planned.

    ``step`` is the step's name, with the call behind a slash for multi-call actions (``purchase/1-create``);
    ``item`` the key of the related entity it is for, or empty. ``reference`` is what travels in the target's
    document: the key of the *first* call of the action, so all calls of one action share one document.
    ``due`` is when the executor may next touch it; ``claimed_until`` fences a paused worker.
    """

    key: str
    reference: str
    integration: str
    loop: str
    step: str
    item: str
    subject: str
    connection: str
    action: str
    call: str
    target: str
    state: EffectState
    payload: Mapping[str, Json]
    expect: Mapping[str, Json]
    logic: str
    planned_at: Micros
    due: Micros
    version: int = 0
    attempts: int = 0
    revision: int = 0
    first_sent_at: Micros | None = None
    settled_at: Micros | None = None
    claimed_until: Micros | None = None
    claimed_by: str = ""
    remote_id: str = ""
    number: str = ""
    url: str = ""
    document_state: str = ""
    read_back: Mapping[str, Json] | None = None
    reason: str = ""
    undoes: str = ""
    """Of an undo: the key of the effect whose document it takes back (of one made by hand: the document's id)."""
    doubtful: bool = False
    """An answer was lost once: whatever was looked up since, the target may still commit what was sent."""

    @property
    def stream(self) -> str:
        return f"effect/{self.key}"

    @property
    def is_update(self) -> bool:
        """Whether it writes two-way fields: no loop wants it, its step is ``sync/<entity kind>``."""
        return not self.loop and self.step.startswith("sync/")


def effect_key(
    integration: str, loop: str, subject: str, occurrence: str, step: str, item: str, mark: str = "do"
) -> str:
    """Design §5: sha256(integration, loop, subject, occurrence, step, item key, do | undo | revision n).

    Never a list index, an attempt or a clock (I4). Parts are length-prefixed, so no two lists collide.
    """
    digest = sha256()
    for part in (integration, loop, subject, occurrence, step, item, mark):
        data = part.encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.hexdigest()
