"""Rows proposed from recorded samples: names alike, types that fit, each with its hit rate on samples held out.

A candidate is compiled and applied like any row, so a hit is a record it really maps. What has no name in common with
a field is not proposed, nor is what would first need a value map. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from hub.mapping.build import build
from hub.mapping.compile import CompileContext, compile_integration
from hub.model.record import Json, Mapped, Record

DEPTH_MAX = 5
PATHS_MAX = 400
ALIKE = 0.8
"""How much of the names must agree; below it a proposal is noise more often than help."""
_AS = {"instant": ("instant",), "date": ("date",), "decimal": ("decimal",), "person": ("person",)}
_INNER = ("name", "value", "key", "id", "displayName")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^\W\da-zA-Z_]+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One proposed row: ``hit`` of ``of`` held-out records that have the path are mapped by it."""

    field: str
    source: str
    convert: str
    hit: int
    of: int

    @property
    def row(self) -> str:
        """The row as it stands in a mapping file."""
        convert = f", as: {self.convert}" if self.convert else ""
        return f"- {{field: {self.field}, from: {self.source}{convert}}}"


def suggest(
    records: Sequence[Record], kind: str, connection: str, context: CompileContext, currency: str = "CNY"
) -> list[Suggestion]:
    """The best row for each field of the entity; learnt on every other record, measured on the rest."""
    schema = context.schemas.get(kind)
    if schema is None:
        return []
    paths = sorted({path for record in records[::2] for path in _paths(record.data)})[:PATHS_MAX]
    held_out = records[1::2]
    found = []
    for field in schema.fields:
        offers = [
            _measured(held_out, field, path, convert, (kind, connection), context)
            for path in sorted(paths, key=lambda one: -_alike(field, one))[:3]
            if _alike(field, path) >= ALIKE
            for convert in _converters(schema.x_type(field), currency)
        ]
        hits = [one for one in offers if one.hit]
        if hits:
            found.append(max(hits, key=lambda one: (one.hit / one.of, _alike(field, one.source))))
    return found


def _converters(x_type: str | None, currency: str) -> tuple[str, ...]:
    if x_type == "money":
        return (f"money {currency}",)
    return _AS.get(x_type or "", ("",) if x_type != "ref" else ())


def _paths(value: Json, above: str = "", depth: int = 0) -> Iterator[str]:
    """Paths to plain values; names that need quotes are left to people."""
    if isinstance(value, dict) and depth < DEPTH_MAX:
        for name, part in value.items():
            if re.fullmatch(r"[A-Za-z_]\w*", name):
                yield from _paths(part, f"{above}.{name}" if above else name, depth + 1)
        if "accountId" in value:
            yield above
    elif value is not None and not isinstance(value, (list, dict)):
        yield above


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text)).lower()


def _alike(field: str, path: str) -> float:
    """How much a path's last name (the one before a plain ``name``, ``value`` …) agrees with a field's."""
    parts = path.split(".")
    inner = parts[-1] in _INNER and len(parts) > 1
    return SequenceMatcher(None, _words(field), _words(parts[-2] if inner else parts[-1])).ratio()


def _measured(
    records: Sequence[Record], field: str, path: str, convert: str, about: tuple[str, str], context: CompileContext
) -> Suggestion:
    """The candidate compiled and applied to the records that have the path."""
    kind, connection = about
    row = Suggestion(field, path, convert, 0, 0).row
    text = (
        f"integration: proposed\nowner: nobody\nsystems: {{pm: {connection}}}\ntables:\n"
        f"- entity: {kind}\n  source: pm.sample\n  key: id\n  fields:\n  {row}\n"
    )
    definition = build(text, "proposed.yaml", context.schemas.newest).definition
    if definition is None:
        return Suggestion(field, path, convert, 0, 0)
    table = compile_integration(definition, context).tables[0]
    having = [record for record in records if path in set(_paths(record.data))]
    schema = context.schemas.get(kind)
    seen = [table.apply(record) for record in having]
    hit = sum(
        isinstance(one, Mapped)
        and one.fields.get(field) is not None
        and (schema is None or schema.is_valid({**schema.empty, **one.fields}))
        for one in seen
    )
    return Suggestion(field, path, convert, hit, len(having))
