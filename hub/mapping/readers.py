"""Who reads a canonical field: conditions, lists, payloads and expectations of loops, lookups of rows. Pure.

The other half of lineage: ``lineage`` says which path made a value, this says what the value then decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hub.mapping.expression.parse import parse
from hub.mapping.expression.tree import ExpressionSyntaxError, Macro, Name, Node, Select, children
from hub.mapping.table import Expression, IntegrationDef, LoopDef, Path, Row, StepDef, flat
from hub.model.diagnostic import Place

Scope = Mapping[str, str]
"""Name -> entity kind; the name of a related list stands for one of it inside macros and ``each``."""
Field = tuple[str, str]
"""(entity kind, field)"""


@dataclass(frozen=True, slots=True)
class Reader:
    """One place that reads a field. ``where`` in words: ``loop close-out, step purchase, approve``."""

    kind: str
    field: str
    integration: str
    where: str
    text: str
    place: Place


def readers(definitions: Sequence[IntegrationDef], kind: str, field: str = "") -> tuple[Reader, ...]:
    """Every reader of an entity's fields (or of one), in the order of the files."""
    found = (one for definition in definitions for one in _all(definition))
    return tuple(one for one in found if one.kind == kind and field in ("", one.field))


def _all(definition: IntegrationDef) -> Iterator[Reader]:
    for table in definition.tables:
        for row in flat(table.rows):
            yield from _lookup(definition.name, table.entity, row)
    for loop in definition.loops:
        for where, (kind, field), text, place in _loop(loop):
            yield Reader(kind, field, definition.name, f"loop {loop.name}, {where}", text, place)


def _lookup(integration: str, entity: str, row: Row) -> Iterator[Reader]:
    look = row.lookup
    if look is not None:
        where, text = f"table {entity}, row {row.field}, lookup", f"by {look.by}, take {look.take}"
        for field in (look.by, look.take):
            yield Reader(look.entity, field, integration, where, text, look.place)


_Found = tuple[str, Field, str, Place]


def _loop(loop: LoopDef) -> Iterator[_Found]:
    lists = {related.name: related.entity for related in loop.related}
    subject = {loop.entity: loop.entity, "was": loop.entity}
    yield from _expression("when", loop.when, subject, lists)
    if loop.starts_of is not None:
        yield from _path("starts.of", loop.starts_of, subject)
    if loop.due is not None:
        yield from _path("due.of", loop.due.of, subject)
    if loop.rearm is not None:
        yield from _expression("rearm", loop.rearm, subject, lists)
    for related in loop.related:
        yield f"related {related.name}", (related.entity, related.by), f"by: {related.by}", related.place
        if related.where is not None:
            yield from _expression(f"related {related.name}", related.where, {related.entity: related.entity}, {})
    for requirement in loop.require:
        yield from _expression("require", requirement.check, subject, lists)
    for step in loop.steps:
        yield from _step(step, subject, lists)


def _step(step: StepDef, subject: Scope, lists: Scope) -> Iterator[_Found]:
    here = f"step {step.name}"
    scope = {**subject, **_each(step.each, lists)}
    policies = (step.approve, *step.approve.levels) if step.approve else ()
    named = ((f"{here}, if", step.applies), *((f"{here}, approve", policy.of) for policy in policies))
    for where, expression in (*named, *((f"{here}, expect {f}", e) for f, e in step.expect.items())):
        if expression is not None:
            yield from _expression(where, expression, scope, lists)
    for path in (step.key, step.each[1] if step.each else None):
        if path is not None:
            yield from _path(f"{here}, each", path, subject)
    yield from _rows(f"{here}, with", step.payload, scope, lists)


def _each(each: tuple[str, Path] | None, lists: Scope) -> Scope:
    """The name of one of a related list."""
    if each is None or len(each[1].steps) != 1 or each[1].steps[0] not in lists:
        return {}
    return {each[0]: lists[str(each[1].steps[0])]}


def _rows(where: str, rows: Sequence[Row], scope: Scope, lists: Scope) -> Iterator[_Found]:
    for row in rows:
        at = f"{where} {row.field}"
        for path in row.sources:
            yield from _path(at, path, scope)
        if row.value is not None:
            yield from _expression(at, row.value, scope, lists)
        yield from _rows(at, row.rows, {**scope, **_each(row.each, lists)}, lists)


def _path(where: str, path: Path, scope: Scope) -> Iterator[_Found]:
    first, *rest = path.steps or ("",)
    if first in scope and rest and isinstance(rest[0], str):
        yield where, (scope[str(first)], rest[0]), path.text, path.place


def _expression(where: str, expression: Expression, scope: Scope, lists: Scope) -> Iterator[_Found]:
    try:
        root = parse(expression)
    except ExpressionSyntaxError:  # the check reports it
        return
    for field in dict.fromkeys(_fields(root, scope, lists)):
        yield where, field, expression.text, expression.place


def _fields(node: Node, scope: Scope, lists: Scope) -> Iterator[Field]:
    """The fields a node reads; a macro over a related list binds its variable to one of them."""
    if isinstance(node, Select) and isinstance(node.of, Name) and node.of.name in scope:
        yield scope[node.of.name], node.name
    inner = scope
    if isinstance(node, Macro):
        kind = lists.get(_list_name(node.over), "")
        inner = {**scope, node.variable: kind}
    for part in children(node):
        yield from _fields(part, inner, lists)


def _list_name(node: Node) -> str:
    """The list a macro runs over, through filters of it."""
    if isinstance(node, Macro) and node.macro == "filter":
        return _list_name(node.over)
    return node.name if isinstance(node, Name) else ""
