"""The change that would close a subject: what has to be set so that a loop's ``when`` turns true. Pure.

``project.status == "closed" && project.outcome == "delivered"`` says it by its comparisons with literals;
alternatives (``||``, the entries of ``in``) are tried in their order. What no comparison says somebody has to give
(``--set``).
Whether it is enough is not judged here but by evaluating ``when`` on the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice

from hub.loop.judging import holds
from hub.loop.world import World
from hub.mapping.compiled import CompiledLoop
from hub.mapping.expression import Node, parse
from hub.mapping.expression.tree import Binary, ListOf, Literal, Name, Root, Select, Unary
from hub.model.clock import Micros, iso
from hub.model.entity import Entity, typed_view
from hub.model.frozen import replace
from hub.model.record import Json
from hub.model.schema import Schema
from hub.model.values import canonical

Wish = Mapping[str, Json]
"""Field -> the value it would have."""
ALTERNATIVES_MAX = 64
_OTHER = {"==": "!=", "!=": "=="}


def supposed(
    world: World, loop: CompiledLoop, subject: Entity, given: Wish, at: Micros, schema: Schema | None
) -> Entity | None:
    """The subject as it would be, closed at ``at``; None where ``when`` does not turn true by it."""
    closed = {**_closed_at(loop, at, schema), **given}
    for wish in islice(wishes(loop, subject.kind), ALTERNATIVES_MAX):
        state = {**subject.state, **_fitting(wish, schema), **closed}
        after = replace(subject, version=subject.version + 1, state=state)
        if holds(loop, world, after, typed_view(subject)):
            return after
    return None


def wishes(loop: CompiledLoop, kind: str) -> Iterator[Wish]:
    """The alternatives ``when`` names, in its order; the last resort is to change nothing more."""
    yield from _wishes(parse(loop.definition.when), kind, truth=True)
    yield {}


def _wishes(node: Node, kind: str, *, truth: bool) -> Iterator[dict[str, Json]]:
    match node:
        case Root(body=body):
            yield from _wishes(body, kind, truth=truth)
        case Unary(operator="!", of=of):
            yield from _wishes(of, kind, truth=not truth)
        case Binary(operator="&&" | "||" as operator, left=left, right=right):
            both = (operator == "&&") is truth
            yield from (_both if both else _either)(left, right, kind, truth)
        case Binary(operator="==" | "!=" as operator, left=left, right=right):
            yield _compared(operator if truth else _OTHER[operator], left, right, kind)
        case Binary(operator="in", left=left, right=ListOf(parts=parts)) if truth:
            for part in parts:
                yield _compared("==", left, part, kind)
        case Select() if (field := _field(node, kind)) is not None:
            yield {field: truth}
        case _:
            yield {}


def _both(left: Node, right: Node, kind: str, truth: bool) -> Iterator[dict[str, Json]]:
    for one in _wishes(left, kind, truth=truth):
        for other in _wishes(right, kind, truth=truth):
            yield {**one, **other}


def _either(left: Node, right: Node, kind: str, truth: bool) -> Iterator[dict[str, Json]]:
    yield from _wishes(left, kind, truth=truth)
    yield from _wishes(right, kind, truth=truth)


def _compared(operator: str, left: Node, right: Node, kind: str) -> dict[str, Json]:
    """``field == literal`` either way round; anything else names no value."""
    if isinstance(left, Literal):
        left, right = right, left
    field = _field(left, kind)
    if operator != "==" or field is None or not isinstance(right, Literal):
        return {}
    return {field: canonical(right.value)}


def _field(node: Node, kind: str) -> str | None:
    """The field of the subject itself: ``project.status``, not ``was.status``."""
    if isinstance(node, Select) and isinstance(node.of, Name) and node.of.name == kind:
        return node.name
    return None


def _fitting(wish: Wish, schema: Schema | None) -> dict[str, Json]:
    """Numbers are text where the schema says decimal: that is their canonical form."""
    fields = schema.fields if schema is not None else {}
    decimals = {name for name in wish if name in fields and schema and schema.x_type(name) == "decimal"}
    return {name: str(value) if name in decimals and value is not None else value for name, value in wish.items()}


def _closed_at(loop: CompiledLoop, at: Micros, schema: Schema | None) -> dict[str, Json]:
    """The field ``starts.of`` reads: a closing says when it happened."""
    path = loop.definition.starts_of
    if path is None or len(path.steps) != 2 or path.steps[0] != loop.definition.entity or schema is None:
        return {}
    name = str(path.steps[1])
    match schema.x_type(name) if name in schema.fields else "":
        case "instant":
            return {name: iso(at)}
        case "date":
            return {name: datetime.fromtimestamp(at // 1_000_000, UTC).date().isoformat()}
        case _:
            return {}
