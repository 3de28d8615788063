"""What a target holds against what we know we made there: doubles, strays, finds, drift. Pure, repairs nothing.

One *document* of ours is all calls of one action, which share a reference. Somebody's edit in the target is shown
with three values (meant, confirmed, now), never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from hub.connector.answers import Carried, Found
from hub.effect.readback import call_of, is_done
from hub.model.action import ActionSpec
from hub.model.compare import equal
from hub.model.effect import Effect, EffectState
from hub.model.finding import Finding
from hub.model.record import Json

_S = EffectState
SETTLED = frozenset({_S.CONFIRMED, _S.SENT})
"""States whose document should stand in the target as we left it."""
OPEN = frozenset({_S.PLANNED, _S.UNKNOWN, _S.REJECTED, _S.HUMAN})
"""States that a document found in the target answers."""
_MAY_COME = OPEN | {_S.SENDING}
SHORTEST = 16
"""Some targets show only the beginning of our reference, never less than this."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """An effect whose document exists already: it is ours, not to be made again."""

    effect: Effect
    found: Found


def documents_of(effects: Iterable[Effect]) -> dict[str, list[Effect]]:
    """Reference -> the effects of its calls, in the order they were planned."""
    ordered = sorted(effects, key=lambda one: (one.reference, one.planned_at, one.step))
    return {reference: list(calls) for reference, calls in groupby(ordered, key=lambda one: one.reference)}


def owner_of(carried: str, references: Mapping[str, object]) -> str | None:
    """The reference a document's mark stands for, None for one we never made."""
    if carried in references:
        return carried
    if len(carried) < SHORTEST:
        return None
    return next((one for one in references if one.startswith(carried)), None)


def doubles_and_strays(
    connection: str, action: str, carried: Sequence[Carried], references: Mapping[str, object]
) -> list[Finding]:
    """More than one live document for a reference (I3), and live documents whose reference nobody here knows."""
    live: dict[str, list[Carried]] = {}
    for one in carried:
        if one.live:
            live.setdefault(owner_of(one.reference, references) or one.reference, []).append(one)
    found = []
    for reference, each in sorted(live.items()):
        names = tuple(sorted(one.found.number or one.found.remote_id for one in each))
        if reference not in references:
            found.append(Finding("stray", connection, action, reference, names))
        elif len(each) > 1:
            found.append(Finding("double", connection, action, reference, names))
    return found


def unclaimed(calls: Sequence[Effect], carried: Sequence[Carried]) -> list[Finding]:
    """A live document under a reference whose effects are over and name another one, or none: it came after its
    obligation was given up, corrected or met by hand."""
    live = [one.found for one in carried if one.live]
    known = {one.remote_id for one in calls}
    last = calls[-1]
    if len(live) != 1 or live[0].remote_id in known or any(one.state in _MAY_COME for one in calls):
        return []
    name = live[0].number or live[0].remote_id
    return [Finding("stray", last.connection, last.action, last.reference, (name,), last.key)]


def adoptable(calls: Sequence[Effect], spec: ActionSpec, found: Found) -> Adoption | None:
    """The first call still open that the document shows to be done."""
    for effect in calls:
        if effect.state in OPEN and is_done(spec, effect, found):
            return Adoption(effect, found)
    return None


def drifted(calls: Sequence[Effect], spec: ActionSpec, found: Found | None, *, live: bool = True) -> list[Finding]:
    """How a settled document differs today from what we meant and read back. ``live``: not taken back there."""
    last = calls[-1]
    if last.state not in SETTLED:
        return []
    name = last.number or last.remote_id
    head = (last.connection, last.action, last.reference)
    if found is None:
        return [Finding("gone", *head, (name,), last.key)]
    now, before = found.document or {}, last.read_back or {}
    fields = _fields(last, spec)
    changed = [
        Finding("changed", *head, (name,), last.key, field, meant, before.get(field, meant), now.get(field))
        for field, (meant, shape) in fields.items()
        if not equal(before.get(field, meant), now.get(field), shape)
    ]
    return [*changed, *_state(last, spec, found, live, head, name)]


def _fields(effect: Effect, spec: ActionSpec) -> dict[str, tuple[Json, Mapping[str, Json]]]:
    """What we asked for that a document shows: field -> (meant, its schema)."""
    shapes = spec.document.get("properties", {})
    meant = {**effect.payload, **effect.expect}
    return {name: (value, shapes[name]) for name, value in sorted(meant.items()) if name in shapes}


def _state(
    last: Effect, spec: ActionSpec, found: Found, live: bool, head: tuple[str, str, str], name: str
) -> list[Finding]:
    """A document somebody took back. States that follow ours (received, paid) are the target's own business."""
    call = call_of(spec, last)
    if live and (not call.done_in or found.state in call.done_in):
        return []
    meant = " | ".join(sorted(call.done_in)) or last.document_state
    return [Finding("changed", *head, (name,), last.key, "state", meant, last.document_state, found.state)]
