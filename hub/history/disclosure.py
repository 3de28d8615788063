"""What a reader of a certificate may see: a field with a privacy column, if he holds that role or owns the row.

Rows of a payload carry no privacy of their own: what they read decides. Expressions are judged by the field names
they mention, whatever they hang on, so that doubt hides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hub.mapping.catalog import Catalog
from hub.mapping.compiled import CompiledLoop
from hub.mapping.expression import Node, parse
from hub.mapping.expression.tree import Index, Literal, Select, walk
from hub.mapping.table import Expression, Path, Row, StepDef, flat
from hub.model.event import Event
from hub.model.record import Json

SAFE = frozenset({"id", "number", "reference", "external_ref", "state", "status", "url", "version"})
"""Fields of a document that say which it is, not what is in it."""
_PRIVATE_OF_LOOPS = ("taken", "was")
Labels = frozenset[tuple[str, str]]
"""(privacy, owner) of the rows something is made of."""


@dataclass(frozen=True)
class Disclosure:
    """``roles`` of the reader; ``fields``: entity kind -> field -> why it is private."""

    roles: frozenset[str]
    fields: Mapping[str, Mapping[str, Labels]]

    def hidden(self, labels: Iterable[tuple[str, str]]) -> str:
        """The privacy that hides it from this reader; empty when it may be seen."""
        found = sorted(label for label, owner in labels if label not in self.roles and owner not in self.roles)
        return found[0] if found else ""

    def of_field(self, kind: str, name: str) -> str:
        return self.hidden(self.fields.get(kind, {}).get(name, ()))

    def of_name(self, name: str) -> Labels:
        """Why a field of that name is private, whatever kind of thing has it."""
        return frozenset().union(*(fields.get(name, frozenset()) for fields in self.fields.values()))

    @property
    def anything(self) -> bool:
        """Whether some field is hidden from this reader."""
        return any(self.hidden(labels) for fields in self.fields.values() for labels in fields.values())


def disclosure(catalog: Catalog, roles: frozenset[str]) -> Disclosure:
    fields: dict[str, dict[str, Labels]] = {}
    for integration in catalog.integrations.values():
        for table in integration.tables:
            for row in flat(table.definition.rows):
                privacy = row.governance.privacy or table.definition.governance.privacy
                if privacy:
                    known = fields.setdefault(table.definition.entity, {})
                    known[row.field] = known.get(row.field, frozenset()) | {(privacy, row.governance.owner)}
    return Disclosure(roles, fields)


@dataclass(frozen=True, slots=True)
class StepPrivacy:
    """Of one step: which fields of payload and expectation are hidden, and by what."""

    payload: Mapping[str, str]
    expect: Mapping[str, str]

    @property
    def anything(self) -> bool:
        return any((*self.payload.values(), *self.expect.values()))

    def of_document(self, name: str) -> str:
        """A field read back: hidden like its namesake; one nobody named is hidden where anything is."""
        named = self.payload.get(name) or self.expect.get(name)
        if named or name in self.payload or name in self.expect or name in SAFE:
            return named or ""
        return next((why for why in (*self.payload.values(), *self.expect.values()) if why), "")


def step_privacy(step: StepDef, disclosed: Disclosure) -> StepPrivacy:
    payload = {row.field: disclosed.hidden(_of_row(row, disclosed)) for row in step.payload}
    expect = {name: disclosed.hidden(_of_expression(one, disclosed)) for name, one in step.expect.items()}
    return StepPrivacy(payload, expect)


def loop_privacy(loop: CompiledLoop, disclosed: Disclosure) -> dict[str, StepPrivacy]:
    return {step.definition.name: step_privacy(step.definition, disclosed) for step in loop.steps}


def _of_row(row: Row, disclosed: Disclosure) -> Labels:
    own = {(row.governance.privacy, row.governance.owner)} if row.governance.privacy else set()
    found = frozenset(own)
    for path in (*row.sources, *([row.each[1]] if row.each else [])):
        found |= _of_path(path, disclosed)
    if row.value is not None:
        found |= _of_expression(row.value, disclosed)
    return found.union(*(_of_row(inner, disclosed) for inner in row.rows))


def _of_path(path: Path, disclosed: Disclosure) -> Labels:
    return frozenset().union(*(_of_word(str(step), disclosed) for step in path.steps[1:]))


def _of_expression(expression: Expression, disclosed: Disclosure) -> Labels:
    words = (word for node in walk(parse(expression)) for word in _words(node))
    return frozenset().union(*(_of_word(word, disclosed) for word in words))


def _of_word(word: str, disclosed: Disclosure) -> Labels:
    """``read`` is a whole document of an earlier step: as private as anything."""
    if word == "read":
        return frozenset().union(*(one for fields in disclosed.fields.values() for one in fields.values()))
    return disclosed.of_name(word)


def _words(node: Node) -> Iterator[str]:
    match node:
        case Select(name=name):
            yield name
        case Index(index=Literal(value=str() as name)):
            yield name


# --- what of recorded things may be shown


def masked(values: Mapping[str, Json] | None, hidden: Mapping[str, str]) -> dict[str, Json] | None:
    """The values with what is hidden replaced by why."""
    if values is None:
        return None
    return {name: {"hidden": why} if (why := hidden.get(name, "")) else value for name, value in values.items()}


def shows(event: Event, disclosed: Disclosure, steps: Mapping[str, StepPrivacy], step: str) -> bool:
    """Whether the reader may see an event's data. ``step``: of which step it is, where it is an effect's."""
    said: dict[str, Any] = orjson.loads(event.data)
    told = said.get("set", {})
    kind = event.stream.partition("/")[0]
    if kind == "effect":
        private = step not in steps or steps[step].anything
        return not (private and any(told.get(name) for name in ("payload", "expect", "read_back", "reason")))
    if kind == "loop":
        return not (disclosed.anything and _private_loop(told))
    return not any(disclosed.of_field(kind, name) for name in told)


def _private_loop(told: Mapping[str, Any]) -> bool:
    if any(told.get(name) for name in _PRIVATE_OF_LOOPS):
        return True
    steps = told.get("steps", ())
    parts = (part for step in steps for name in ("obligations", "parts") for part in step.get(name, ()))
    return any(part.get("scope") or part.get("read") for part in parts)
