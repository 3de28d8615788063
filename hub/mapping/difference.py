"""Two versions of an integration compared by meaning, part by part: rows, values, conditions, steps, owners.

What differs only in layout, comments or quoting does not differ. What only people see (owners, meanings, frequencies)
is marked as such: it changes the table hash and no output. Pure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import orjson

from hub.mapping.meaning import for_people
from hub.mapping.table import (
    Convert,
    Expression,
    Governance,
    IntegrationDef,
    LoopDef,
    Otherwise,
    Path,
    RelatedDef,
    RequireDef,
    Row,
    StepDef,
    TableDef,
)
from hub.model.diagnostic import Place
from hub.model.values import Money, canonical

Change = Literal["added", "removed", "changed"]
_HIDDEN = frozenset({"logic", "table", "source", "name", "place", "stream"})
"""Hashes and texts that follow from the rest, and what a part is called."""
_ORDER = "order of "
_EMPTY: tuple[object, ...] = (None, "", (), {}, False)


@dataclass(frozen=True, slots=True)
class Detail:
    """One attribute of a part: ``values.done``, ``from``, ``owner``. ``governance``: only people see it."""

    name: str
    before: str | None
    after: str | None
    governance: bool


@dataclass(frozen=True, slots=True)
class PartChange:
    """One part that differs. ``part`` names it as people do: ``row project.status``, ``step close-out/purchase``."""

    part: str
    change: Change
    details: tuple[Detail, ...]
    place: Place | None = None

    @property
    def governance(self) -> bool:
        """Whether nothing but what people see differs."""
        return all(detail.governance for detail in self.details)


@dataclass(slots=True)
class _Part:
    place: Place | None
    leaves: dict[str, tuple[str, bool]]


def difference(before: IntegrationDef, after: IntegrationDef) -> tuple[PartChange, ...]:
    """Every part that differs, in the order of the file (removed ones where they stood)."""
    if before.table == after.table:
        return ()
    old, new = _parts(before), _parts(after)
    names = [*new, *(name for name in old if name not in new)]
    found = (_changed(name, old.get(name), new.get(name)) for name in names)
    return tuple(one for one in found if one is not None)


def _changed(name: str, old: _Part | None, new: _Part | None) -> PartChange | None:
    was, will = dict(old.leaves) if old else {}, dict(new.leaves) if new else {}
    for leaf in [one for one in was if one.startswith(_ORDER)]:
        if leaf in will and sorted(was[leaf][0].split(", ")) != sorted(will[leaf][0].split(", ")):
            del was[leaf], will[leaf]  # something came or went, which says it already
    details = tuple(
        Detail(leaf, _text(was.get(leaf)), _text(will.get(leaf)), (will.get(leaf) or was[leaf])[1])
        for leaf in dict.fromkeys([*was, *will])
        if _text(was.get(leaf)) != _text(will.get(leaf))
    )
    if old is None or new is None:
        told = new or old
        return PartChange(name, "added" if old is None else "removed", details, told.place if told else None)
    return PartChange(name, "changed", details, new.place) if details else None


def _text(leaf: tuple[str, bool] | None) -> str | None:
    return None if leaf is None else leaf[0]


# --- an integration as parts with attributes


def _parts(definition: IntegrationDef) -> dict[str, _Part]:
    parts: dict[str, _Part] = {}
    _part(parts, f"integration {definition.name}", definition, "", None)
    return parts


def _part(parts: dict[str, _Part], name: str, value: Any, inside: str, above: Governance | None) -> None:
    """One part and, after it, those below it; ``above`` is what its governance columns inherit."""
    if name in parts:
        name = f"{name} (again)"
    part = parts[name] = _Part(value.place, {})
    hidden = for_people(type(value))
    below: list[tuple[str, Any, str, Governance | None]] = []
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        if field.name in _HIDDEN or field.name.endswith(("place", "places")) or content in _EMPTY:
            continue
        if field.name == "governance":
            part.leaves.update(_governance(content, above))
        elif _holds_parts(content):
            below += [(_name_of(one, inside), one, _inside(one, inside), _above(value, above)) for one in content]
            part.leaves[_ORDER + field.name] = (", ".join(_short(one) for one in content), False)
        else:
            said = _leaves(_word(field.name), content)
            part.leaves.update((leaf, (text, field.name in hidden)) for leaf, text in said)
    for one in below:
        _part(parts, *one)


def _holds_parts(content: Any) -> bool:
    return isinstance(content, tuple) and isinstance(
        content[0], (TableDef, Row, LoopDef, RelatedDef, RequireDef, StepDef)
    )


def _above(value: Any, above: Governance | None) -> Governance | None:
    if isinstance(value, IntegrationDef):
        return Governance(value.owner, value.every, "", value.review)
    return value.governance if isinstance(value, (TableDef, Row)) else above


def _governance(said: Governance, above: Governance | None) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Columns that say something else than what stands around them."""
    for field in dataclasses.fields(said):
        content = getattr(said, field.name)
        if field.name != "means" and above is not None and content == getattr(above, field.name):
            continue
        if content not in _EMPTY:
            yield from ((leaf, (text, True)) for leaf, text in _leaves(field.name, content))


def _name_of(one: Any, inside: str) -> str:
    match one:
        case TableDef():
            return f"table {one.entity} ← {one.alias}.{one.stream.partition('.')[2]}"
        case Row():
            return f"row {inside}.{one.field}" if not inside.startswith("step ") else f"{inside} with.{one.field}"
        case LoopDef():
            return f"loop {one.name}"
        case StepDef():
            return f"step {inside}/{one.name}"
        case RelatedDef():
            return f"related {inside}/{one.name}"
        case _:
            return f"require {inside}: {one.check.text}"


def _inside(one: Any, inside: str) -> str:
    match one:
        case TableDef():
            return str(one.entity)
        case Row():
            return f"{inside}.{one.field}" if not inside.startswith("step ") else f"{inside} with.{one.field}"
        case LoopDef():
            return str(one.name)
        case StepDef():
            return f"step {inside}/{one.name}"
        case _:
            return inside


def _short(one: Any) -> str:
    match one:
        case TableDef():
            return f"{one.entity} ← {one.alias}"
        case Row():
            return str(one.field)
        case RequireDef():
            return str(one.check.text)
        case _:
            return str(one.name)


_WORDS = {
    "sources": "from",
    "convert": "as",
    "only": "only",
    "applies": "if",
    "action": "do",
    "review": "change.review",
}


def _word(name: str) -> str:
    """The YAML key people know an attribute by."""
    return _WORDS.get(name, name)


def _leaves(name: str, content: Any) -> Iterator[tuple[str, str]]:
    """(attribute, text) of anything that is no part."""
    match content:
        case Path() | Expression():
            yield name, content.text
        case Convert():
            yield name, f"{content.name} {content.argument}".strip()
        case Otherwise():
            yield name, content.kind if content.kind != "const" else f"const {_json(content.const)}"
        case Money():
            yield name, f"{content.amount} {content.currency}"
        case Mapping():
            for key, one in content.items():
                yield from _leaves(f"{name}.{key}", one)
        case tuple() if all(isinstance(one, Path) for one in content):
            yield name, " | ".join(one.text for one in content)
        case _ if dataclasses.is_dataclass(content) and not isinstance(content, type):
            for field in dataclasses.fields(content):
                if not field.name.endswith(("place", "places")) and getattr(content, field.name) not in _EMPTY:
                    yield from _leaves(f"{name}.{field.name}", getattr(content, field.name))
        case tuple() if all(dataclasses.is_dataclass(one) for one in content):
            for number, one in enumerate(content, 1):
                yield from _leaves(name if number == 1 else f"{name}[{number}]", one)
        case tuple() if (
            content and isinstance(content[0], str) and len(content) == 2 and isinstance(content[1], Path)
        ):
            yield name, f"{content[0]}: {content[1].text}"
        case str():
            yield name, content
        case _:
            yield name, _json(content)


def _json(value: Any) -> str:
    if isinstance(value, float):
        return format(Decimal(str(value)), "f")
    return orjson.dumps(canonical(value), default=str, option=orjson.OPT_SORT_KEYS).decode()


# --- as JSON and as lines


def rows(changes: tuple[PartChange, ...]) -> list[dict[str, Any]]:
    """Plain JSON."""
    return [
        {
            "part": one.part,
            "change": one.change,
            "governance": one.governance,
            "line": one.place.line if one.place else None,
            "details": [
                {"name": d.name, "before": d.before, "after": d.after, "governance": d.governance}
                for d in one.details
            ],
        }
        for one in changes
    ]


_SIGNS: Mapping[str, str] = {"added": "+", "removed": "-", "changed": "~"}


def lines(changes: tuple[PartChange, ...]) -> Iterator[str]:
    """What people read: logic first, then what only people see."""
    for title, governance in (
        ("changes what comes out", False),
        ("changes who answers and how it is described", True),
    ):
        chosen = [one for one in changes if one.governance is governance]
        if chosen:
            yield f"{title}:"
        for one in chosen:
            yield f"{_SIGNS[one.change]} {one.part}"
            yield from (f"    {d.name}: {_side(d.before)} → {_side(d.after)}" for d in one.details)


def _side(text: str | None) -> str:
    return "(none)" if text is None else text
