"""What a rehearsed closing comes to, as plain JSON: steps, documents, amounts, asks, what is missing, whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hub.history.compare import amount_of
from hub.history.overlay import Overlay
from hub.history.rehearsal import Foreseen, starts_by
from hub.mapping.catalog import Catalog
from hub.model.action import ActionSpec
from hub.model.changes import Approval
from hub.model.clock import iso
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.instance import Instance, LoopState, StepState
from hub.model.record import Json
from hub.model.values import Money


@dataclass(frozen=True, slots=True)
class Document:
    """One write the closing would ask for, all its calls together; ``ask`` where a person agrees first."""

    step: str
    item: str
    connection: str
    action: str
    payload: Mapping[str, Json]
    expect: Mapping[str, Json]
    amount: Money | None
    ask: Approval | None

    @property
    def place(self) -> tuple[str, str]:
        return self.step, self.item


def documents(found: Foreseen, catalog: Catalog) -> list[Document]:
    """In the order of the loop's steps; what nobody may approve is a document too, its ask is open."""
    if found.memory is None or found.ended is None:
        return []
    order = {step.definition.name: n for n, step in enumerate(found.loop.steps)}
    asks = {(ask.step, ask.item): ask for ask in found.memory.asks.values() if ask.loop == found.ended.id}
    made = {one.place: one for one in _planned(found.ended, found.memory, catalog, asks)}
    for place, ask in asks.items():
        if place not in made and (known := _asked(found, catalog, ask)) is not None:
            made[place] = known
    return sorted(made.values(), key=lambda one: (order.get(one.step, len(order)), one.item))


def _planned(
    ended: Instance, memory: Overlay, catalog: Catalog, asks: Mapping[tuple[str, str], Approval]
) -> Iterator[Document]:
    calls: dict[str, list[Effect]] = {}
    for effect in memory.effects.values():
        if effect.loop == ended.id:
            calls.setdefault(effect.reference, []).append(effect)
    for of in calls.values():
        first, last = of[0], of[-1]
        step = first.step.partition("/")[0]
        action = catalog.action(first.connection, first.action)
        ask = asks.get((step, first.item))
        amount = worth(action, first.payload, last.expect, ask)
        yield Document(step, first.item, first.connection, first.action, first.payload, last.expect, amount, ask)


def _asked(found: Foreseen, catalog: Catalog, ask: Approval) -> Document | None:
    definition = next((one.definition for one in found.loop.steps if one.definition.name == ask.step), None)
    if definition is None:
        return None
    action = catalog.action(definition.connection, definition.action)
    amount = worth(action, ask.payload, ask.expect, ask)
    about = (ask.step, ask.item, definition.connection, definition.action)
    return Document(*about, ask.payload, ask.expect, amount, ask)


def worth(
    action: ActionSpec, payload: Mapping[str, Json], expect: Mapping[str, Json], ask: Approval | None
) -> Money | None:
    """What the approval is about, else the document's own amount; a note is worth nothing."""
    if ask is not None and ask.amount is not None:
        return Money(Decimal(ask.amount["amount"]), ask.amount["currency"])
    if action.weight not in ("money", "asset"):
        return None
    found = amount_of(action, payload, expect)
    return None if found is None else Money(*found)


# --- as JSON


def closing_json(found: Foreseen, catalog: Catalog) -> dict[str, Any]:
    """One loop's answer."""
    made = documents(found, catalog)
    return {
        "loop": found.loop.definition.name,
        "integration": found.loop.integration,
        "logic": found.loop.logic,
        "title": dict(found.loop.definition.title),
        "owner": found.loop.definition.owner,
        "when": found.loop.definition.when.text,
        "starts_by": starts_by(found.loop),
        "would": would(found),
        "id": found.stands.id if found.stands else None,
        "closing": found.stands.number if found.stands else None,
        "sets": _sets(found),
        "settle_seconds": found.loop.definition.settle // 1_000_000,
        "reads_again": list(found.read_again),
        "missing": [*_waits(found, "missing"), *_failed(found)],
        "quarantine": _quarantined(found),
        "links": _links(found),
        "asks_owner": found.stands is not None and found.stands.phase == "asking",
        "steps": _steps(found, made),
        "documents": [_document(one, found, catalog) for one in made],
        "approvals": [_approval(one, catalog) for one in made if one.ask is not None],
        "amounts": totals(made),
    }


def would(found: Foreseen) -> str:
    """One word: not_now, already, history, asks_owner, blocked, waits, cancelled, incomplete or done."""
    if found.stands is None:
        return "already" if found.already else "not_now"
    if found.memory is None:
        return "already"
    if found.stands.state is LoopState.HISTORY:
        return "history"
    if found.stands.state is LoopState.BLOCKED:
        return "blocked"
    if found.stands.state is LoopState.CANCELLED:
        return "cancelled"
    if found.stands.phase == "asking":
        return "asks_owner"
    if found.stands.phase == "gathering":
        return "waits"
    return "done" if found.stands.state is LoopState.DONE else "incomplete"


def _sets(found: Foreseen) -> dict[str, Json]:
    """The fields the supposed change sets."""
    if found.after is None:
        return {}
    old = found.subject.state
    return {name: value for name, value in found.after.state.items() if old.get(name) != value}


def _waits(found: Foreseen, kind: str) -> list[dict[str, Any]]:
    if found.stands is None or found.stands.phase == "taken":
        return []
    return [
        {"message": one.message, "owner": one.who or found.loop.definition.owner, "step": None, "item": None}
        for one in found.stands.waiting
        if one.kind == kind
    ]


def _failed(found: Foreseen) -> list[dict[str, Any]]:
    """Obligations whose payload cannot be made of what is known."""
    if found.ended is None or found.memory is None:
        return []
    return [
        {
            "message": part.reason.removeprefix("missing: "),
            "owner": found.loop.definition.owner,
            "step": step.name,
            "item": part.item or None,
        }
        for step in found.ended.steps
        for part in step.obligations
        if part.state is StepState.FAILED
    ]


def _quarantined(found: Foreseen) -> list[dict[str, Any]]:
    if found.stands is None:
        return []
    return [
        {"id": one.ref, "message": one.message, "owner": one.who}
        for one in found.stands.waiting
        if one.kind == "quarantine"
    ]


def _links(found: Foreseen) -> list[dict[str, Any]]:
    if found.ended is None or found.memory is None:
        return []
    connections = {step.definition.name: step.definition.connection for step in found.loop.steps}
    return [
        {
            "kind": part.needs.partition(" ")[0],
            "key": part.needs.partition(" ")[2],
            "connection": connections.get(step.name, ""),
            "step": step.name,
            "item": part.item or None,
            "owner": found.loop.definition.owner,
        }
        for step in found.ended.steps
        for part in step.obligations
        if part.state is StepState.WAITING and part.needs
    ]


def _steps(found: Foreseen, made: list[Document]) -> list[dict[str, Any]]:
    if found.ended is None:
        return []
    numbers: dict[str, int] = {}
    for one in made:
        numbers[one.step] = numbers.get(one.step, 0) + 1
    after = {step.definition.name: list(step.definition.after) for step in found.loop.steps}
    return [
        {
            "step": step.name,
            "state": step.state.value,
            "documents": numbers.get(step.name, 0),
            "after": after.get(step.name, []),
        }
        for step in found.ended.steps
    ]


def _document(one: Document, found: Foreseen, catalog: Catalog) -> dict[str, Any]:
    action = catalog.action(one.connection, one.action)
    return {
        "step": one.step,
        "item": one.item or None,
        "label": _label(found, one.item),
        "action": f"{one.connection}.{one.action}",
        "title": dict(action.title),
        "weight": action.weight,
        "amount": None if one.amount is None else one.amount.json(),
        "approval": None if one.ask is None else one.ask.role,
        "payload": dict(one.payload),
        "expect": dict(one.expect),
    }


def _label(found: Foreseen, item: str) -> str | None:
    """What people call the related entity a document is for."""
    taken = (found.ended.taken if found.ended else None) or {}
    lists = (taken.get(name, ()) for name in taken.get("@kinds", {}))
    return next((one.get("label") for some in lists for one in some if one.get("key") == item), None)


def _approval(one: Document, catalog: Catalog) -> dict[str, Any]:
    role = one.ask.role if one.ask else ""
    return {
        "step": one.step,
        "item": one.item or None,
        "role": role,
        "who": [person.code for person in catalog.people.with_role(role)],
        "amount": one.ask.amount if one.ask else None,
    }


def totals(made: list[Document]) -> dict[str, str]:
    """Per currency, everything the closing would spend or book."""
    found: dict[str, Money] = {}
    for one in made:
        if one.amount is not None:
            currency = one.amount.currency
            found[currency] = found[currency] + one.amount if currency in found else one.amount
    return {currency: money.json()["amount"] for currency, money in sorted(found.items())}


def subject_json(subject: Entity, now: int) -> dict[str, Any]:
    return {"kind": subject.kind, "key": subject.key, "label": subject.label, "as_of": iso(now)}
