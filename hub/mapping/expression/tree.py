"""What an expression is once it is read: nodes with their span in the text. No types, no values yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from hub.errors import HubError
from hub.mapping.expression.spots import line_and_column, spots
from hub.mapping.table import Expression
from hub.model.diagnostic import Place


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets into the expression's text, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal:
    """Text, whole number, decimal, true, false or null."""

    value: str | int | Decimal | bool | None
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Select:
    """``of.name``, also ``of["name"]`` with a text literal."""

    of: Node
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Index:
    of: Node
    index: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """``!`` or ``-``."""

    operator: str
    of: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """``&& || == != < <= > >= + - * / % in``."""

    operator: str
    left: Node
    right: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Choice:
    """``condition ? then : otherwise``."""

    condition: Node
    then: Node
    otherwise: Node
    span: Span


@dataclass(frozen=True, slots=True)
class ListOf:
    parts: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class MapOf:
    parts: tuple[tuple[Node, Node], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """``function(arguments)``, or ``target.function(arguments)``."""

    function: str
    target: Node | None
    arguments: tuple[Node, ...]
    span: Span
    name_span: Span


@dataclass(frozen=True, slots=True)
class Macro:
    """``over.macro(variable, condition?, body)``: ``exists all exists_one filter map first``."""

    macro: str
    over: Node
    variable: str
    condition: Node | None
    body: Node
    span: Span
    variable_span: Span


@dataclass(frozen=True, slots=True)
class Guard:
    """``has(path)`` or ``filled(path)``: never an error for an absent name."""

    guard: str
    of: Node
    span: Span


Part = Literal | Name | Select | Index | Unary | Binary | Choice | ListOf | MapOf | Call | Macro | Guard


@dataclass(frozen=True, slots=True)
class Root:
    """A whole expression with its source, so that every node can be placed in the file."""

    body: Node
    expression: Expression
    span: Span


Node = Part | Root


class ExpressionSyntaxError(HubError):
    """An expression is not in our language: where, what, how to fix."""

    exit_code = 1
    slug = "expression-syntax"

    def __init__(self, place: Place, message: str, fix: str = "") -> None:
        super().__init__(message, where=str(place), fix=fix)
        self.place, self.message = place, message


def place_of(expression: Expression, span: Span) -> Place:
    """The span in the file."""
    place = expression.place
    if expression.raw:
        return _place_in(expression.raw, expression, span)
    start = place.column + span.start
    return Place(place.file, place.line, start, start + max(1, span.end - span.start))


def _place_in(raw: str, expression: Expression, span: Span) -> Place:
    """The span of a text that the file holds in other characters than it means."""
    place, found = expression.place, spots(expression.text, raw)
    past = found[-1][1] if found else 0
    start = found[span.start][0] if span.start < len(found) else past
    end = found[span.end - 1][1] if span.start < span.end <= len(found) else start + 1
    column = place.column - (raw[0] in "'\"")
    line, first = line_and_column(raw, start, place.line, column)
    last_line, last = line_and_column(raw, end, place.line, column)
    return Place(place.file, line, first, max(first + 1, last) if last_line == line else first + 1)


def children(node: Node) -> Iterator[Node]:
    """The direct parts of a node."""
    match node:
        case Root(body=body):
            yield body
        case Select(of=of) | Unary(of=of) | Guard(of=of):
            yield of
        case Index(of=of, index=index):
            yield from (of, index)
        case Binary(left=left, right=right):
            yield from (left, right)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            yield from (condition, then, otherwise)
        case ListOf(parts=parts):
            yield from parts
        case MapOf(parts=pairs):
            for pair in pairs:
                yield from pair
        case Call(target=target, arguments=arguments):
            yield from (*([target] if target is not None else []), *arguments)
        case Macro(over=over, condition=condition, body=body):
            yield from (over, *([condition] if condition is not None else []), body)
        case Literal() | Name():
            return


def walk(node: Node) -> Iterator[Node]:
    """The node and everything in it."""
    yield node
    for part in children(node):
        yield from walk(part)


def names(node: Node) -> frozenset[str]:
    """The scope names an expression reads; a macro's own variable is not one."""
    match node:
        case Name(name=name):
            return frozenset({name})
        case Macro(over=over, variable=variable, condition=condition, body=body):
            inner = names(body) | (names(condition) if condition is not None else frozenset())
            return names(over) | (inner - {variable})
        case _:
            return frozenset().union(*(names(part) for part in children(node)))
