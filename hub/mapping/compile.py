"""A frozen mapping file into callables (``compiled``): every table one function, every loop its expressions.

Raises ``ConfigError`` with all findings when the file cannot run; ``hub check`` finds more and says it better.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hub.errors import ConfigError
from hub.mapping.check.scope import Kinds, currencies_of
from hub.mapping.compile_loop import compile_loop
from hub.mapping.compile_rows import Findings, plan_table
from hub.mapping.compile_table import compile_table
from hub.mapping.compiled import CompiledIntegration, CompiledLoop, CompiledTable
from hub.mapping.convert import ConvertContext
from hub.mapping.expression import ExpressionSyntaxError
from hub.mapping.older import as_written, written_for
from hub.mapping.table import IntegrationDef, TableDef
from hub.model.action import ActionSpec
from hub.model.clock import Micros
from hub.model.diagnostic import Diagnostic
from hub.model.people import People
from hub.model.schema import Schemas


@dataclass(frozen=True, slots=True)
class CompileContext:
    """The workspace around a file. ``actions``: (connection, action) -> spec, where it is known.
    ``activated_at`` stands for ``starts.at`` where the file leaves it out."""

    schemas: Schemas
    people: People = field(default_factory=People)
    actions: dict[tuple[str, str], ActionSpec] = field(default_factory=dict)
    language: str = "en"
    activated_at: Micros = 0


def compile_integration(definition: IntegrationDef, context: CompileContext) -> CompiledIntegration:
    """Everything the file says, ready to run; an older version over its schemas of then. Raises ``ConfigError``."""
    findings = Findings()
    current = context.schemas
    context = replace(context, schemas=current.as_of(written_for(definition)))
    shared = frozenset(table.entity for table in definition.tables if table.key_mode == "shared")
    tables = [_table(table, definition, context, shared, findings) for table in definition.tables]
    kinds = Kinds(context.schemas, currencies_of(definition.tables))
    loops: list[CompiledLoop] = []
    for loop in definition.loops:
        try:
            loops.append(
                compile_loop(loop, definition, kinds, context.actions, context.activated_at, context.people, findings)
            )
        except ExpressionSyntaxError as error:
            findings.add(error.place, error.slug, error.message, error.fix)
    if findings.all:
        raise ConfigError(_summary(findings.all), sorted(findings.all, key=lambda one: one.place))
    loops = [as_written(loop, definition, current) for loop in loops]
    return CompiledIntegration(definition, tuple(one for one in tables if one is not None), tuple(loops))


def _table(
    table: TableDef,
    definition: IntegrationDef,
    context: CompileContext,
    shared: frozenset[str],
    findings: Findings,
) -> CompiledTable | None:
    schema = context.schemas.get(table.entity, table.version or None)
    convert = ConvertContext(table.connection, context.people, table.zone or definition.zone, shared)
    before = len(findings.all)
    plan = plan_table(table, schema, convert, findings)
    if len(findings.all) > before:
        return None
    try:
        return compile_table(plan, definition.name, definition.logic)
    except ExpressionSyntaxError as error:
        findings.add(error.place, error.slug, error.message, error.fix)
        return None


def _summary(findings: list[Diagnostic]) -> str:
    first = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{first.place}: {first.message}{more}"
