"""Rows proposed from recorded samples: names alike, types that fit, values that match what another system said of the
same things; each with its hit rate on samples held out.

A candidate is compiled and applied like any row, so a hit is a record it really maps; where entities of another
system are known, one that it maps to the very value the entity has. A field with fixed values gets a ``values:`` map:
learnt from the entities, else from source values that spell one of them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as filled
from difflib import SequenceMatcher

from hub.mapping.build import build
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.format_scalar import flow_text
from hub.mapping.paths import flat
from hub.mapping.suggest_join import Join, Pair, State, agreeing, join, translated
from hub.model.record import Json, Mapped, Record
from hub.model.schema import Schema

PATHS_MAX = 400
ALIKE = 0.8
"""How much of the names must agree; below it a proposal is noise more often than help."""
_AS = {"instant": ("instant",), "date": ("date",), "decimal": ("decimal",), "person": ("person",)}
_INNER = ("name", "value", "key", "id", "displayName")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^\W\da-zA-Z_]+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One proposed row: ``hit`` of ``of`` held-out records that have the path are mapped by it (``by`` names), or
    mapped to the value the joined entity has (``by`` values)."""

    field: str
    source: str
    convert: str
    hit: int
    of: int
    by: str = "name"
    values: Mapping[str, Json] = filled(default_factory=dict)

    @property
    def row(self) -> str:
        """The row as it stands in a mapping file."""
        convert = f", as: {self.convert}" if self.convert else ""
        entries = ", ".join(f"{flow_text(one)}: {flow_text(str(other))}" for one, other in self.values.items())
        values = f", values: {{{entries}}}, otherwise: quarantine" if entries else ""
        return f"- {{field: {self.field}, from: {self.source}{values}{convert}}}"


@dataclass(frozen=True, slots=True)
class _About:
    """What every candidate needs."""

    kind: str
    connection: str
    context: CompileContext
    schema: Schema
    currency: str


def suggest(
    records: Sequence[Record],
    kind: str,
    connection: str,
    context: CompileContext,
    currency: str = "CNY",
    states: Sequence[State] = (),
) -> list[Suggestion]:
    """The best row for each field of the entity; learnt on every other record, measured on the rest.

    ``states``: entities of that kind as other systems filled them.
    """
    schema = context.schemas.get(kind)
    if schema is None:
        return []
    about = _About(kind, connection, context, schema, currency)
    learnt, held_out = records[::2], records[1::2]
    found = join(records, states) if states else None
    proposed = (_best(about, name, learnt, held_out, found) for name in schema.fields)
    return [one for one in proposed if one is not None]


def _best(
    about: _About, name: str, learnt: Sequence[Record], held_out: Sequence[Record], found: Join | None
) -> Suggestion | None:
    """By values where they agree, else by name."""
    offers = _by_value(about, name, found) if found is not None else []
    offers = [one for one in offers if one.hit] or _by_name(about, name, learnt, held_out)
    hits = [one for one in offers if one.hit]
    return max(hits, key=lambda one: (one.hit / one.of, _alike(name, one.source)), default=None)


# --- by matching values


def _by_value(about: _About, name: str, found: Join) -> list[Suggestion]:
    learnt, held_out = found.pairs[::2], found.pairs[1::2]
    if about.schema.fields[name].get("enum"):
        told = translated(learnt, name)
        offer = told and Suggestion(name, told[0], "", 0, 0, "value", told[1])
        return [_agreement(about, offer, held_out)] if offer else []
    offers = [
        Suggestion(name, path, convert, 0, 0, "value")
        for path in agreeing(learnt, name)[:3]
        for convert in _converters(about.schema.x_type(name), about.currency)
    ]
    return [_agreement(about, one, held_out) for one in offers]


def _agreement(about: _About, offer: Suggestion, held_out: Sequence[Pair]) -> Suggestion:
    """On how many held-out pairs the row gives what the entity says."""
    told = [pair for pair in held_out if offer.source in pair.values and pair.state.get(offer.field) is not None]
    seen = _applied(about, offer, [pair.record for pair in told])
    hit = sum(value == pair.state[offer.field] for value, pair in zip(seen, told, strict=True))
    return _measured(offer, hit, len(told))


# --- by name


def _by_name(about: _About, name: str, learnt: Sequence[Record], held_out: Sequence[Record]) -> list[Suggestion]:
    paths = sorted({path for record in learnt for path in flat(record.data)})[:PATHS_MAX]
    alike = [path for path in sorted(paths, key=lambda one: -_alike(name, one))[:3] if _alike(name, path) >= ALIKE]
    allowed = about.schema.fields[name].get("enum")
    offers = [
        Suggestion(name, path, convert, 0, 0, values=_spelt(learnt, path, allowed) if allowed else {})
        for path in alike
        for convert in _converters(about.schema.x_type(name), about.currency)
    ]
    return [_hits(about, one, held_out) for one in offers]


def _spelt(records: Sequence[Record], path: str, allowed: Sequence[Json]) -> dict[str, Json]:
    """Source values that spell an allowed one; none where they are the allowed ones as they are."""
    seen = sorted({value for record in records if isinstance(value := flat(record.data).get(path), str)})
    if set(seen) <= set(allowed):
        return {}
    known = [one for one in allowed if isinstance(one, str)]
    found = {value: max(known, key=lambda one: _ratio(value, one), default="") for value in seen}
    return {value: one for value, one in found.items() if one and _ratio(value, one) >= ALIKE}


def _hits(about: _About, offer: Suggestion, held_out: Sequence[Record]) -> Suggestion:
    having = [record for record in held_out if offer.source in flat(record.data)]
    empty = about.schema.empty
    hit = sum(
        value is not None and about.schema.is_valid({**empty, offer.field: value})
        for value in _applied(about, offer, having)
    )
    return _measured(offer, hit, len(having))


# --- both


def _converters(x_type: str | None, currency: str) -> tuple[str, ...]:
    if x_type == "money":
        return (f"money {currency}",)
    return _AS.get(x_type or "", ("",) if x_type != "ref" else ())


def _measured(offer: Suggestion, hit: int, of: int) -> Suggestion:
    return Suggestion(offer.field, offer.source, offer.convert, hit, of, offer.by, offer.values)


def _applied(about: _About, offer: Suggestion, records: Sequence[Record]) -> list[Json]:
    """What the row, compiled, makes of each record; None where it refuses one."""
    text = (
        f"integration: proposed\nowner: nobody\nsystems: {{pm: {about.connection}}}\ntables:\n"
        f"- entity: {about.kind}\n  source: pm.sample\n  key: id\n  fields:\n  {offer.row}\n"
    )
    definition = build(text, "proposed.yaml", about.context.schemas.newest).definition
    if definition is None:
        return [None for _ in records]
    table = compile_integration(definition, about.context).tables[0]
    seen = (table.apply(record) for record in records)
    return [one.fields.get(offer.field) if isinstance(one, Mapped) else None for one in seen]


def _words(said: str) -> str:
    return " ".join(_WORD.findall(said)).lower()


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, _words(one), _words(other)).ratio()


def _alike(name: str, path: str) -> float:
    """How much a path's last name (the one before a plain ``name``, ``value`` …) agrees with a field's."""
    parts = path.split(".")
    inner = parts[-1] in _INNER and len(parts) > 1
    return _ratio(name, parts[-2] if inner else parts[-1])
