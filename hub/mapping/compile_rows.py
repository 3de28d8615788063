"""Rows of a file into plans: expressions parsed, converters bound, value maps converted once.

Whatever is wrong in the file (an unknown converter, a value that never fits) is a finding with its place;
``ConfigError`` carries all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.mapping.apply import ABSENT, RowPlan, TablePlan
from hub.mapping.convert import CONVERTERS, Convert, ConvertContext, Unconvertible, converter, times
from hub.mapping.convert.make import zone_of
from hub.mapping.convert.money import code_of, of
from hub.mapping.convert.names import text_of_id
from hub.mapping.expression import ExpressionSyntaxError, TypeScope, infer, parse, record_scope
from hub.mapping.expression.evaluate import evaluator
from hub.mapping.rates import rated
from hub.mapping.table import Row, TableDef
from hub.model.diagnostic import Diagnostic, Place
from hub.model.record import Lookup
from hub.model.schema import Schema, x_type


@dataclass(slots=True)
class Findings:
    """Problems met while compiling."""

    all: list[Diagnostic] = field(default_factory=list)

    def add(self, place: Place, rule: str, message: str, fix: str = "") -> None:
        self.all.append(Diagnostic(place, rule, "error", message, "", fix))


@dataclass(frozen=True, slots=True)
class RowsContext:
    """What planning rows knows; ``schema`` describes the fields at this level (None: nobody does)."""

    convert: ConvertContext
    findings: Findings
    prefix: str


def plan_table(table: TableDef, schema: Schema | None, convert: ConvertContext, findings: Findings) -> TablePlan:
    """The table ready to run."""
    context = RowsContext(convert, findings, table.name)
    fields = schema.fields if schema is not None else {}
    return TablePlan(table, tuple(plan_rows(table.rows, fields, record_scope(()), context)))


def plan_rows(
    rows: Sequence[Row], fields: Mapping[str, Mapping[str, Any]], scope: TypeScope, context: RowsContext
) -> list[RowPlan]:
    return [_plan(row, fields.get(row.field), scope, context) for row in rows]


def _plan(row: Row, schema: Mapping[str, Any] | None, scope: TypeScope, context: RowsContext) -> RowPlan:
    convert = _convert(row, schema, context)
    evaluate = typing = None
    if row.value is not None:
        try:
            zone = zone_of(row.zone or context.convert.zone)
            typing = infer(parse(row.value), scope)
            evaluate, _ = evaluator(row.value, scope, zone)
            context.findings.all.extend(typing.findings)
        except ExpressionSyntaxError as error:
            context.findings.add(error.place, error.slug, error.message, error.fix)
    name = f"{context.prefix}.{row.field}"
    return RowPlan(
        row=row,
        name=name,
        convert=convert,
        mapped=_mapped(row, convert, context),
        constant=_constant(row, convert, context),
        evaluate=evaluate,
        typing=typing,
        currency_of=_with_currency if row.currency is not None else None,
        nested=tuple(
            plan_rows(row.rows, below(row, schema), scope, RowsContext(context.convert, context.findings, name))
        ),
        entity=_entity(row, schema),
        schema=schema,
        seek=_seek(row, name, schema, convert, context),
        rated=_rated(row, context),
    )


def _rated(row: Row, context: RowsContext) -> Callable[[Any, Any, Any], Any] | None:
    if row.rates is None or row.convert is None:
        return None
    return rated(row.rates, row.convert.argument, times.day(zone_of(row.zone or context.convert.zone)))


def _seek(
    row: Row, name: str, schema: Mapping[str, Any] | None, convert: Convert, context: RowsContext
) -> Callable[[Any], Any] | None:
    """What a lookup row makes of a source value."""
    if row.lookup is None:
        return None
    const = _constant(row, convert, context) if row.otherwise.kind == "const" else None
    about = (row.lookup.take, row.otherwise.kind, const, row.required, _entity(row, schema))
    governance = row.governance
    told = (bool(governance.privacy), name, row.place, governance.owner)
    field, entity, by = row.field, row.lookup.entity, row.lookup.by

    def seek(value: Any) -> Any:
        if value is None or value is ABSENT:
            return value
        words = text_of_id(value)
        if words is None:
            raise Unconvertible("bad-ref", value, f"a text or a whole number to find the {entity} by")
        return Lookup(field, entity, by, words, *about, *told) if words else None

    return seek


def _convert(row: Row, schema: Mapping[str, Any] | None, context: RowsContext) -> Convert:
    if row.convert is not None and row.convert.name not in CONVERTERS:
        message = f'there is no converter "{row.convert.name}"'
        context.findings.add(row.convert.place, "unknown-converter", message, f"one of: {', '.join(CONVERTERS)}")
        return lambda value: value
    return converter(row, schema, context.convert)


def _once(row: Row, value: Any, convert: Convert, place: Place, context: RowsContext) -> Any:
    """A literal of the file through the row's conversion, now rather than per record."""
    if value is None:
        return None
    try:
        return convert(value)
    except Unconvertible as error:
        context.findings.add(place, error.reason, f"{row.field}: {error.message(private=False)}")
        return None


def _mapped(row: Row, convert: Convert, context: RowsContext) -> dict[str, Any] | None:
    if row.values is None:
        return None
    places = row.values_places
    return {
        text: _once(row, value, convert, places.get(text, row.place), context) for text, value in row.values.items()
    }


def _constant(row: Row, convert: Convert, context: RowsContext) -> Any:
    if row.otherwise.kind == "const":
        return _once(row, row.otherwise.const, convert, row.place, context)
    if row.has_const and row.values is None and row.currency is None:
        return _once(row, row.const, convert, row.place, context)
    return None


def _with_currency(value: Any, currency: Any) -> Any:
    """Money in the currency the record names beside it."""
    return of(value, code_of(None if currency is ABSENT else currency))


def below(row: Row, schema: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, Any]]:
    """The properties that nested rows fill."""
    inner = schema or {}
    if row.each is not None:
        inner = inner.get("items") or {}
    found: Mapping[str, Mapping[str, Any]] = inner.get("properties") or {}
    return found


def _entity(row: Row, schema: Mapping[str, Any] | None) -> str:
    """The kind a ref field names; empty for other fields."""
    if row.convert is not None and row.convert.name == "ref":
        return row.convert.argument
    if schema is not None and x_type(schema) == "ref":
        return str(schema.get("x-entity", ""))
    return ""
