"""Two re-executions of the same deliveries -> what ends differently: entities, values, outcomes, loops, documents.

Everything is counted once per thing and once in exactly one group, so the groups add up to the totals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hub.history.counted import FieldGroup, StepGroup, Tally, add
from hub.history.memory import Memory
from hub.history.pairs import Pairs
from hub.mapping.catalog import Catalog
from hub.model.action import ActionSpec
from hub.model.effect import Effect
from hub.model.entity import Entity
from hub.model.instance import Instance
from hub.model.record import Json

GONE = "(none)"
_ABSENT: Any = object()


def compare(pairs: Pairs, before: Memory, after: Memory, tally: Tally) -> None:
    """Add every difference between the two to the tally."""
    _entities(pairs, before, after, tally)
    _outcomes(before, after, tally)
    _loops(pairs, before, after, tally)
    _documents(pairs, before, after, tally)


# --- entities


def _entities(pairs: Pairs, before: Memory, after: Memory, tally: Tally) -> None:
    for place in sorted({*before.entities, *after.entities}):
        one, other = before.entities.get(place), after.entities.get(place)
        change = _change(one, other)
        if not change:
            continue
        tally.entities[change] += 1
        tally.by_kind[place[0], change] += 1
        for name, old, new in _values(one, other):
            told = other or one
            if told is not None:
                tally.values += 1
                add(tally.by_field, _field(pairs, told, name), _shown(told, old, new))


def _change(one: Entity | None, other: Entity | None) -> str:
    if one is None:
        return "added"
    if other is None:
        return "removed"
    alike = one.state == other.state and one.label == other.label and one.deleted == other.deleted
    return "" if alike else "changed"


def _values(one: Entity | None, other: Entity | None) -> Iterator[tuple[str, Json, Json]]:
    """(field, before, after) of every value that differs; an entity one side lacks has no values there."""
    old = {} if one is None else {**one.state, "label": one.label, "deleted": one.deleted or None}
    new = {} if other is None else {**other.state, "label": other.label, "deleted": other.deleted or None}
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


def _field(pairs: Pairs, entity: Entity, name: str) -> FieldGroup:
    """The row that fills the field, and who owns it."""
    for catalog in (pairs.after, pairs.before):
        for integration in _own_first(catalog, pairs.integration):
            for table in catalog.integrations[integration].tables:
                definition = table.definition
                row = next((each for each in definition.rows if each.field == name), None)
                if definition.entity == entity.kind and (row or name in ("label", "deleted")):
                    owner = (row or definition).governance.owner
                    return FieldGroup(f"{definition.name}.{name}", owner, entity.kind)
    return FieldGroup(f"{entity.kind}.{name}", "", entity.kind)


def _own_first(catalog: Catalog, integration: str) -> list[str]:
    return sorted(catalog.integrations, key=lambda name: (name != integration, name))


def _shown(entity: Entity, old: Json, new: Json) -> dict[str, Any]:
    return {"kind": entity.kind, "key": entity.key, "label": entity.label, "before": old, "after": new}


# --- outcomes


def _outcomes(before: Memory, after: Memory, tally: Tally) -> None:
    for place in {*before.outcomes, *after.outcomes}:
        old, new = _said(before, place), _said(after, place)
        if old != new:
            tally.outcomes[old, new] += 1


def _said(memory: Memory, place: tuple[int, int, str]) -> str:
    one = memory.outcomes.get(place)
    if one is None:
        return GONE
    return f"{one.verdict}({one.reason})" if one.reason else one.verdict


# --- loops


def _loops(pairs: Pairs, before: Memory, after: Memory, tally: Tally) -> None:
    for name in sorted({*before.loops, *after.loops}):
        one, other = before.loops.get(name), after.loops.get(name)
        old, new = _state(one), _state(other)
        told = other or one
        if told is None:
            continue
        if old != new:
            tally.loops += 1
            group = StepGroup(told.loop, "", _owner(pairs, told), f"{old} → {new}")
            add(tally.by_loop, group, {"loop": name, "subject": told.subject, "before": old, "after": new})
        _steps(pairs, one, other, told, tally)


def _state(one: Instance | None) -> str:
    return GONE if one is None else one.state.value


def _steps(pairs: Pairs, one: Instance | None, other: Instance | None, told: Instance, tally: Tally) -> None:
    old, new = _states(one), _states(other)
    for step in sorted({*old, *new}):
        was, will = old.get(step, GONE), new.get(step, GONE)
        if was != will:
            tally.steps += 1
            group = StepGroup(told.loop, step, _owner(pairs, told), f"{was} → {will}")
            add(tally.by_step, group, {"loop": told.id, "subject": told.subject, "before": was, "after": will})


def _states(one: Instance | None) -> dict[str, str]:
    return {} if one is None else {step.name: step.state.value for step in one.steps}


def _owner(pairs: Pairs, instance: Instance) -> str:
    for catalog in (pairs.after, pairs.before):
        found = catalog.integrations.get(instance.integration)
        for loop in found.loops if found else ():
            if loop.definition.name == instance.loop:
                return loop.definition.owner
    return ""


# --- documents


@dataclass(frozen=True, slots=True)
class Document:
    """One intended write, whatever calls it takes: what it says and what it is worth."""

    loop: str
    step: str
    item: str
    action: str
    payload: Mapping[str, Json]
    expect: Mapping[str, Json]
    amount: tuple[Decimal, str] | None


def documents(memory: Memory, catalog: Catalog) -> dict[str, Document]:
    """By the key both versions share (``Effect.reference``): what was planned, and what still asks a person."""
    calls: dict[str, list[Effect]] = {}
    for effect in memory.effects.values():
        calls.setdefault(effect.reference, []).append(effect)
    found = {reference: _document(catalog, sorted(of, key=_call)) for reference, of in calls.items()}
    for name in memory.asking:
        ask = memory.asks[name]
        given = (ask.payload, ask.expect, _money(ask.amount))
        found[f"ask {ask.id}"] = Document(ask.loop, ask.step, ask.item, "(asked)", *given)
    return found


def _document(catalog: Catalog, calls: list[Effect]) -> Document:
    first, last = calls[0], calls[-1]
    action = catalog.action(first.connection, first.action)
    amount = amount_of(action, first.payload, last.expect)
    name = f"{first.connection}.{first.action}"
    return Document(first.loop, first.step.partition("/")[0], first.item, name, first.payload, last.expect, amount)


def _call(effect: Effect) -> str:
    return effect.step


def amount_of(
    action: ActionSpec, payload: Mapping[str, Json], expect: Mapping[str, Json]
) -> tuple[Decimal, str] | None:
    """What a document is worth: the first money field its connector names that payload or expectation fills."""
    for name in action.money_fields:
        if found := _money(payload.get(name)) or _money(expect.get(name)):
            return found
    values = (_money(value) for said in (expect, payload) for _, value in sorted(said.items()))
    return next((value for value in values if value), None)


def _money(value: Json) -> tuple[Decimal, str] | None:
    if isinstance(value, Mapping) and set(value) == {"amount", "currency"}:
        return Decimal(value["amount"]), str(value["currency"])
    return None


def _documents(pairs: Pairs, before: Memory, after: Memory, tally: Tally) -> None:
    old, new = documents(before, pairs.before), documents(after, pairs.after)
    for key in sorted({*old, *new}):
        one, other = old.get(key), new.get(key)
        told = other or one
        if told is None or one == other:
            continue
        change = "added" if one is None else "removed" if other is None else "changed"
        instance = after.loops.get(told.loop) or before.loops[told.loop]
        group = StepGroup(instance.loop, told.step, _owner(pairs, instance), change)
        tally.documents[change] += 1
        add(tally.by_document, group, _told(key, instance, told, one, other))
        for currency in {part.amount[1] for part in (one, other) if part and part.amount}:
            tally.money(group, currency, _worth(one, currency), _worth(other, currency))


def _worth(one: Document | None, currency: str) -> Decimal:
    return one.amount[0] if one and one.amount and one.amount[1] == currency else Decimal(0)


def _told(
    key: str, instance: Instance, told: Document, one: Document | None, other: Document | None
) -> dict[str, Any]:
    return {
        "document": key,
        "loop": instance.id,
        "subject": instance.subject,
        "item": told.item or None,
        "action": told.action,
        "before": None if one is None else dict(one.payload),
        "after": None if other is None else dict(other.payload),
    }
