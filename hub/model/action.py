"""What a connector can do in its system, described once: the pure half of a connector's SPEC that loops read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

import jsonschema_rs
import orjson

Weight = Literal["money", "asset", "record", "note"]


class TargetClass(StrEnum):
    """Reliability §2: what may be done after an ambiguous answer."""

    A = "A"
    """Honours our idempotency key, or enforces a unique external reference: resend the same bytes."""
    B = "B"
    """No key, but a consistent read by reference: wait the quiesce time, look, create only if absent."""
    C = "C"
    """Neither: never resend; a person or reconciliation decides."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an action. ``done_in``: the document states in which this call need not be made (again)."""

    name: str
    done_in: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action of a system, e.g. ``purchase_requisition.create``.

    ``payload`` is a JSON Schema 2020-12 of canonical JSON (money as {"amount","currency"}, decimals as text),
    the same for every connector that offers the action. ``document`` is the JSON Schema of what reading back
    returns (``expect`` names its fields). ``calls`` are made in order, each its own effect; a single-call
    action has one call named like its verb. ``carrier`` says where our reference travels. ``undo`` names the
    action that takes it back and ``undo_from`` the document states it works from. ``readable`` is False where
    the system cannot be asked; such an effect ends SENT.
    """

    name: str
    title: Mapping[str, str]
    weight: Weight
    target: TargetClass
    payload: Mapping[str, Any]
    document: Mapping[str, Any]
    calls: tuple[Call, ...]
    carrier: str
    undo: str = ""
    undo_from: frozenset[str] = frozenset()
    readable: bool = True
    key_life_seconds: int = 24 * 3600
    """Class A only: how long the target remembers our key."""
    quiesce_seconds: int = 300
    """Class B only: request deadline + the longest time the target may still commit after we hung up."""
    money_fields: tuple[str, ...] = field(default=())
    """Payload or document fields that carry the document's amount, for reports (first that is filled)."""


def next_call(action: ActionSpec, state: str | None) -> Call | None:
    """The call to make next, given the state read back (None: no document yet); None when all are done."""
    for call in action.calls:
        if state is None or state not in call.done_in:
            return call
    return None


def call_after(action: ActionSpec, done: str, state: str) -> Call | None:
    """The call after ``done``: the one the document's state asks for; where the system tells no state, the next."""
    if len(action.calls) == 1:
        return None
    if state:
        return next_call(action, state)
    at = [call.name for call in action.calls].index(done) + 1
    return action.calls[at] if at < len(action.calls) else None


@lru_cache(maxsize=512)
def _validator(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    """Compiling one costs a hundred times what encoding the schema to find it again does."""
    return jsonschema_rs.Draft202012Validator(orjson.loads(schema))


def payload_problem(action: ActionSpec, payload: Mapping[str, Any]) -> str:
    """The first way a payload breaks the action's schema, as ``path: text``; empty when it is valid."""
    for error in _validator(orjson.dumps(action.payload)).iter_errors(dict(payload)):
        return f"{'.'.join(map(str, error.instance_path)) or 'payload'}: {error.message}"
    return ""
