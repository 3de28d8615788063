"""One step of an entity's schema: how a state of ``project/v1`` reads as ``project/v2``. Declarative and pure.

``schemas/project/v2.upcast.json`` says it: fields that are named otherwise, values that are called otherwise, fields
that are new, fields that are gone on purpose. Every field of the new version that the step does not name keeps its
name and value. A step works on whole states and on what one record or event said, field by field, so that old events
read as new ones without being touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hub.model.entity import SourceMarks
from hub.model.record import Json
from hub.model.values import decimal_text

_KEYS = frozenset({"from", "fields", "drops", "title", "$schema", "description"})
_FIELD_KEYS = frozenset({"from", "values", "otherwise", "const"})
_NONE: Mapping[str, Json] = {}


@dataclass(frozen=True, slots=True)
class FieldStep:
    """One field of the new version: taken from an old one (``values`` translate), or a constant."""

    source: str = ""
    values: Mapping[str, Json] = field(default_factory=dict)
    otherwise: Json = "keep"
    """What a value outside ``values`` becomes: ``keep``, ``null`` or ``{const: x}``."""
    const: Json = None

    def of(self, value: Json) -> Json:
        """The new value of an old one."""
        if value is None or not self.values:
            return value
        text = value_text(value)
        if text in self.values:
            return self.values[text]
        if self.otherwise == "keep":
            return value
        return self.otherwise.get("const") if isinstance(self.otherwise, Mapping) else None

    def back(self, value: Json) -> Json:
        """The old value that gave this one; the value itself where the step says nothing of it."""
        return next((_plain(old) for old, new in self.values.items() if new == value), value)


@dataclass(frozen=True, slots=True)
class Upcast:
    """The step to ``kind/version`` from the version before it."""

    kind: str
    version: int
    fields: Mapping[str, FieldStep]
    """Every field of the new version."""
    before: tuple[str, ...]
    """The fields of the old version."""

    def state(self, old: Mapping[str, Json]) -> dict[str, Json]:
        """A whole state: every field of the new version."""
        return {name: step.of(old.get(step.source)) if step.source else step.const for name, step in self._steps}

    def said(self, old: Mapping[str, Json]) -> dict[str, Json]:
        """What one record or event said: fields it did not mention stay unmentioned. ``label`` is no field."""
        found = {name: step.of(old[step.source]) for name, step in self._steps if step.source in old}
        return {**found, "label": old["label"]} if "label" in old and "label" not in self.fields else found

    def names(self, old: str) -> tuple[str, ...]:
        """What a field of the old version is called now; nothing where it is gone."""
        return tuple(name for name, step in self._steps if step.source == old)

    def marks(self, old: Mapping[str, SourceMarks]) -> dict[str, SourceMarks]:
        """Who said what last, under the new names."""
        return {source: self._renamed(one) for source, one in old.items()}

    def _renamed(self, one: SourceMarks) -> SourceMarks:
        kept = {name: mark for name, mark in one.fields.items() if name.startswith("@")}
        fields = {new: mark for name, mark in one.fields.items() for new in self.names(name)}
        return SourceMarks(one.base, {**kept, **fields}, self.said(one.said) if one.said else _NONE)

    def back(self, new: Mapping[str, Json]) -> dict[str, Json]:
        """The state as the old version would have it, as far as it can be told: what was dropped is null."""
        sources: dict[str, tuple[str, FieldStep]] = {}
        for name, step in self._steps:
            if step.source:
                sources.setdefault(step.source, (name, step))
        found = dict.fromkeys(self.before)
        for old, (name, step) in sources.items():
            found[old] = step.back(new.get(name))
        return {**{name: value for name, value in new.items() if name in ("key", "label")}, **found}

    @property
    def _steps(self) -> tuple[tuple[str, FieldStep], ...]:
        return tuple(self.fields.items())


def value_text(value: Json) -> str:
    """A value as ``values`` compares it: as in a mapping table."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return decimal_text(value)
    return str(value)


def _plain(text: str) -> Json:
    return {"true": True, "false": False}.get(text, text)


def upcast_of(kind: str, version: int, document: Any, old: Fields, new: Fields) -> tuple[Upcast, list[str]]:
    """The step a file says, and everything wrong with it in words."""
    said = document if isinstance(document, Mapping) else {}
    steps = {name: _step(one) for name, one in _mapping(said, "fields").items()}
    drops = said.get("drops", [])
    whole = {name: steps.get(name) or FieldStep(name if name in old else "") for name in new}
    problems = list(_problems(kind, version, said, steps, drops, old, new))
    return Upcast(kind, version, whole, tuple(old)), problems


Fields = Mapping[str, Mapping[str, Any]]


def _mapping(of: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = of.get(key, {})
    return found if isinstance(found, Mapping) else {}


def _step(said: Any) -> FieldStep:
    one = said if isinstance(said, Mapping) else {}
    values = {str(key): value for key, value in _mapping(one, "values").items()}
    return FieldStep(str(one.get("from", "")), values, one.get("otherwise", "keep"), one.get("const"))


def _problems(
    kind: str,
    version: int,
    said: Mapping[str, Any],
    steps: Mapping[str, FieldStep],
    drops: Any,
    old: Fields,
    new: Fields,
) -> Iterator[str]:
    if said.get("from") != f"{kind}/v{version - 1}":
        yield f'it must say "from": "{kind}/v{version - 1}"'
    yield from (f'unknown key "{key}"' for key in sorted(set(said) - _KEYS))
    for name, one in _mapping(said, "fields").items():
        yield from _field_problems(name, one, steps[name], old, new)
    used = {step.source for step in steps.values()} | (old.keys() & new.keys() - steps.keys())
    gone = drops if isinstance(drops, list) else []
    for name in old:
        if name not in used and name not in gone:
            yield f'v{version - 1} has "{name}", which goes nowhere: take it over, or name it in "drops"'
    yield from (f'drops "{name}", which v{version - 1} has not' for name in gone if name not in old)
    yield from (f'drops "{name}", which is taken over' for name in gone if name in used)
    for name in sorted(old.keys() & new.keys() - steps.keys()):
        yield from _change(name, old[name], new[name], FieldStep(name))


def _field_problems(name: str, said: Any, step: FieldStep, old: Fields, new: Fields) -> Iterator[str]:
    if not isinstance(said, Mapping):
        yield f'"{name}" takes {{"from": FIELD}} or {{"const": VALUE}}'
        return
    yield from (f'"{name}": unknown key "{key}"' for key in sorted(set(said) - _FIELD_KEYS))
    if name not in new:
        yield f'the new version has no field "{name}"'
    if ("from" in said) == ("const" in said):
        yield f'"{name}" takes exactly one of "from" and "const"'
    if step.source and step.source not in old:
        yield f'"{name}" is from "{step.source}", which the version before has not'
    if step.otherwise not in ("keep", "null") and not (
        isinstance(step.otherwise, Mapping) and "const" in step.otherwise
    ):
        yield f'"{name}": otherwise is "keep", "null" or {{"const": VALUE}}'
    if name in new and step.source in old:
        yield from _change(name, old[step.source], new[name], step)
    if name in new and "const" in said:
        yield from _outside(name, [step.const], new[name])


def _change(name: str, old: Mapping[str, Any], new: Mapping[str, Any], step: FieldStep) -> Iterator[str]:
    """Whether every value of the old field is one of the new."""
    if not step.values and _kind(old) != _kind(new):
        yield f'"{name}" was {_kind(old)} and is {_kind(new)}: say how its values translate'
    given = list(step.values.values())
    if isinstance(step.otherwise, Mapping):
        given.append(step.otherwise.get("const"))
    if step.otherwise == "keep" and "enum" in new:
        if "enum" in old:
            given += [value for value in old["enum"] if value is not None and value_text(value) not in step.values]
        else:
            yield f'"{name}" could be anything before: say what a value outside its list becomes (otherwise)'
    yield from _outside(name, given, new)


def _outside(name: str, given: list[Any], new: Mapping[str, Any]) -> Iterator[str]:
    for value in given:
        if "enum" in new and value not in new["enum"]:
            yield f'"{name}": "{value}" is none of: {", ".join(map(str, new["enum"]))}'


def _kind(schema: Mapping[str, Any]) -> str:
    if "x-type" in schema:
        return f"{schema['x-type']} {schema.get('x-entity', '')}".strip()
    kinds = schema.get("type", "string")
    return next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else str(kinds)
