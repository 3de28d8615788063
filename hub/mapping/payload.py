"""Rows of ``with``: a step's scope into an action's payload, in canonical JSON; entities by their links.

What is null or absent is left out: an action's payload says what it has. An entity, or a ref field, becomes
the id of its object in the step's connection; a person stays the employee code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hub.mapping.apply import ABSENT, RowPlan, first_filled, walk
from hub.mapping.apply import canonical_text as source_text
from hub.mapping.check.scope import path_type, row_scope
from hub.mapping.compile_rows import Findings, RowsContext, plan_rows
from hub.mapping.compiled import ExpressionError, LinkOf, Scope, Unlinked
from hub.mapping.convert import Unconvertible
from hub.mapping.expression import TypeScope
from hub.mapping.expression.kinds import Type
from hub.mapping.table import Row
from hub.model.values import canonical

Resolve = Callable[[Any, LinkOf], Any]


@dataclass(frozen=True, slots=True)
class PayloadRow:
    """``value`` gives canonical JSON, None for what is left out. Raises ``Unlinked``, ``ExpressionError``."""

    field: str
    value: Callable[[Scope, LinkOf], Any]


def payload_rows(rows: Sequence[Row], scope: TypeScope, context: RowsContext) -> list[PayloadRow]:
    """The rows ready to run."""
    return [PayloadRow(row.field, _row(row, scope, context)) for row in rows]


def _row(row: Row, scope: TypeScope, context: RowsContext) -> Callable[[Scope, LinkOf], Any]:
    if row.rows:
        inner = payload_rows(row.rows, row_scope(row, scope), context)
        return _required(row, _object(inner) if row.each is None else _list(row, inner))
    # Types were judged by ``hub check``; here the plan is wanted for its literals and converters.
    plan = plan_rows((row,), {}, scope, RowsContext(context.convert, Findings(), context.prefix))[0]
    resolve = _resolver(_type(row, plan, scope))

    def value(names: Scope, link: LinkOf) -> Any:
        found = _source(row, plan, names)
        if row.has_default and (found is None or found == ""):
            found = row.default
        return None if found is None else _finished(row, plan, resolve(found, link))

    return _required(row, value)


def _type(row: Row, plan: RowPlan, scope: TypeScope) -> Type:
    """What the source is, to know an entity or a ref when it comes."""
    if plan.typing is not None:
        return plan.typing.result
    types = [path_type(path, scope)[0] for path in row.sources]
    return types[0] if types and all(found == types[0] for found in types) else Type("dyn")


def _source(row: Row, plan: RowPlan, names: Scope) -> Any:
    if row.sources:
        found, _ = first_filled(row.sources, names)
        return None if found is ABSENT else found
    if plan.evaluate is not None:
        return plan.evaluate(names)
    return row.const


def _resolver(found: Type) -> Resolve:
    """How a value of that type travels to another system."""
    match found.name:
        case "entity":
            return lambda value, link: _linked(found.entity, value["key"], link)
        case "ref":
            return lambda value, link: _linked(found.entity, value, link)
        case "list" if found.of is not None and found.of.name in ("entity", "ref"):
            inner = _resolver(found.of)
            return lambda value, link: [inner(one, link) for one in value]
        case _:
            return lambda value, link: canonical(value)


def _linked(kind: str, key: str, link: LinkOf) -> str:
    found = link(kind, key)
    if found is None:
        raise Unlinked(kind, key)
    return found


def _finished(row: Row, plan: RowPlan, value: Any) -> Any:
    """``values`` and ``as``, where a payload row has them."""
    try:
        if plan.mapped is not None:
            text = source_text(value)
            if text in plan.mapped:
                return plan.mapped[text]
            match row.otherwise.kind:
                case "null":
                    return None
                case "const":
                    return plan.constant
                case "quarantine":
                    raise Unconvertible("unknown-value", value, f"one of: {', '.join(sorted(plan.mapped)[:20])}")
        return plan.convert(value) if row.convert is not None else value
    except Unconvertible as error:
        message = error.message(private=bool(row.governance.privacy))
        raise ExpressionError(error.reason, f"{row.field}: {message} ({row.place})") from None


def _object(inner: Sequence[PayloadRow]) -> Callable[[Scope, LinkOf], Any]:
    def value(names: Scope, link: LinkOf) -> dict[str, Any]:
        return {row.field: found for row in inner if (found := row.value(names, link)) is not None}

    return value


def _list(row: Row, inner: Sequence[PayloadRow]) -> Callable[[Scope, LinkOf], Any]:
    name, path = row.each or ("", None)
    one = _object(inner)

    def value(names: Scope, link: LinkOf) -> list[Any] | None:
        values = ABSENT if path is None else walk(path, names)
        if values is ABSENT or values is None:
            return None
        if not isinstance(values, list):
            raise ExpressionError("type-error", f"{row.field}: each needs a list ({row.place})")
        return [one({**names, name: element}, link) for element in values]

    return value


def _required(row: Row, value: Callable[[Scope, LinkOf], Any]) -> Callable[[Scope, LinkOf], Any]:
    if not row.required:
        return value

    def checked(names: Scope, link: LinkOf) -> Any:
        found = value(names, link)
        if found is None or found == "":
            raise ExpressionError("missing-field", f"{row.field} has no value and is required ({row.place})")
        return found

    return checked
