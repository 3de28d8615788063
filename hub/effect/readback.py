"""What a document read back says about its effect: as meant, not yet, or different. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hub.connector.answers import Found
from hub.connector.updates import same
from hub.model.action import ActionSpec, Call
from hub.model.clock import SECOND, Micros, iso, micros
from hub.model.compare import differences, shown
from hub.model.effect import Effect
from hub.model.record import Json
from hub.model.values import instant_of

GRACE: Micros = 60 * SECOND
"""A new document may not be readable, or not yet in its state, for a moment; after that it counts as wrong."""
_SHORTEST_REFERENCE = 16
_NOT_YET = "not yet since "


@dataclass(frozen=True, slots=True)
class Judgement:
    """``reason`` says each difference, or since when the document is not as it should be yet."""

    verdict: Literal["confirmed", "mismatch", "later"]
    reason: str = ""


def judge(effect: Effect, action: ActionSpec, found: Found | None, now: Micros) -> Judgement:
    """The verdict on a read-back."""
    if found is None:
        return _not_yet(effect, "not-found", now)
    if effect.remote_id and found.remote_id != effect.remote_id:
        return _not_yet(effect, f"wrong-document: asked for {effect.remote_id}, got {found.remote_id}", now)
    document = found.document or {}
    carried = document.get("external_ref")
    if isinstance(carried, str) and carried and not _is_ours(carried, effect.reference):
        return Judgement("mismatch", f"wrong-document: it carries the reference {carried}, not {effect.reference}")
    call = call_of(action, effect)
    if call.done_in and found.state not in call.done_in:
        return _not_yet(effect, f"state: expected {' or '.join(sorted(call.done_in))}, got {found.state}", now)
    if call != action.calls[-1]:
        return Judgement("confirmed")
    different = _differences(effect, action, document)
    return Judgement("mismatch", "; ".join(different)) if different else Judgement("confirmed")


def call_of(action: ActionSpec, effect: Effect) -> Call:
    """The call an effect stands for (an action whose calls were renamed: its first)."""
    return next((call for call in action.calls if call.name == effect.call), action.calls[0])


def is_done(action: ActionSpec, effect: Effect, found: Found) -> bool:
    """Whether a document found by reference shows that this very call was done."""
    call = call_of(action, effect)
    return not call.done_in or found.state in call.done_in


def _is_ours(carried: str, reference: str) -> bool:
    """Some systems show only the beginning of our reference."""
    return carried == reference or (len(carried) >= _SHORTEST_REFERENCE and reference.startswith(carried))


def _differences(effect: Effect, action: ActionSpec, document: Mapping[str, Json]) -> tuple[str, ...]:
    """Of an update: each field as its own record says it, where an empty text and nothing are the same."""
    if not effect.is_update:
        return differences(effect.expect, document, action.document)
    wanted, read = effect.expect["fields"], document.get("fields") or {}
    return tuple(
        f"{path}: expected {shown(value)}, got {shown(read.get(path))}"
        for path, value in sorted(wanted.items())
        if not same(value, read.get(path))
    )


def _not_yet(effect: Effect, what: str, now: Micros) -> Judgement:
    since = _since(effect.reason)
    if since is not None and now - since > GRACE:
        return Judgement("mismatch", what)
    return Judgement("later", f"{_NOT_YET}{iso(now if since is None else since)}: {what}")


def _since(reason: str) -> Micros | None:
    if not reason.startswith(_NOT_YET):
        return None
    when = instant_of(reason.removeprefix(_NOT_YET).partition("Z")[0] + "Z")
    return None if when is None else micros(when)
