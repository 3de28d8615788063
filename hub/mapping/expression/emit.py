"""Typed trees to Python source. Two spellings of one expression: ``fast`` and ``exact``.

``exact`` is the meaning: every read and operator goes through ``runtime``. ``fast`` reads with plain subscripts
and ``and``/``or`` and is right whenever it raises nothing; whoever runs it falls back to ``exact`` on ``FALLBACK``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from decimal import Decimal, DecimalException
from typing import Any

from hub.mapping.expression.kinds import Type
from hub.mapping.expression.tree import (
    Binary,
    Call,
    Choice,
    ExpressionSyntaxError,
    Guard,
    Index,
    ListOf,
    Literal,
    Macro,
    MapOf,
    Name,
    Node,
    Root,
    Select,
    Unary,
    place_of,
)
from hub.mapping.expression.typing import Typing
from hub.model.values import Money

FALLBACK = (KeyError, IndexError, TypeError, AttributeError, ValueError, DecimalException)
"""What fast code raises where only exact code knows the answer (``ExpressionError`` is a ``ValueError``)."""
BRACKETS_MAX = 150
_LIGHT = frozenset(
    {"bool", "int", "decimal", "money", "unrounded money", "instant", "date", "duration", "ref", "null"}
)
"""Types whose values are small: nothing done with one takes long."""
"""Python's parser stops at 200 nested brackets."""

_OPERATORS = {
    "<": "_less",
    "<=": "_less_equal",
    ">": "_greater",
    ">=": "_greater_equal",
    "-": "_subtract",
    "*": "_multiply",
    "/": "_divide",
    "%": "_modulo",
}
_FUNCTIONS = {
    "size": "_size",
    "startsWith": "_starts_with",
    "endsWith": "_ends_with",
    "contains": "_contains",
    "matches": "_matches",
    "min": "_least",
    "max": "_greatest",
    "join": "_join",
    "first": "_first",
    "days": "_days",
    "hours": "_hours",
    "minutes": "_minutes",
    "money": "_money",
    "round": "_rounded",
    "string": "_string",
    "int": "_integer",
    "decimal": "_decimal",
    "lowerAscii": "_lower_ascii",
    "upperAscii": "_upper_ascii",
    "trim": "_trimmed",
    "replace": "_replaced",
    "split": "_split",
    "substring": "_substring",
    "inDays": "_in_days",
    "year": "_year",
    "month": "_month",
    "weekday": "_weekday",
    "abs": "_absolute",
    "floor": "_floor",
    "ceil": "_ceil",
}
_READERS = {"money": "_as_money", "decimal": "_as_decimal", "instant": "_as_instant", "date": "_as_date"}


@dataclass(slots=True)
class Names:
    """Where names come from in the generated function: ``scope`` is the mapping's variable, ``locals`` names
    that are variables of their own. ``constants`` is filled while code is emitted."""

    scope: str
    locals: Mapping[str, str] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)

    def constant(self, value: Any) -> str:
        """A name for a value that has no literal in Python source."""
        for name, known in self.constants.items():
            if type(known) is type(value) and known == value and str(known) == str(value):
                return name
        name = f"_c{len(self.constants)}"
        self.constants[name] = value
        return name


@dataclass(frozen=True, slots=True)
class Code:
    """One expression as two Python expressions; ``steps``: they use the name ``_steps`` (a fresh ``Steps()``)."""

    fast: str
    exact: str
    steps: bool


def emit(typing: Typing, names: Names, zone: tzinfo, *, condition: bool = False) -> Code:
    """The expression's code. ``condition``: its value must be true or false."""
    fast, exact = _Emitter(typing, names, zone, False), _Emitter(typing, names, zone, True)
    one = fast.condition if condition else fast.code
    two = exact.condition if condition else exact.code
    code = Code(one(typing.root.body), two(typing.root.body), fast.steps or exact.steps)
    if max(_brackets(code.fast), _brackets(code.exact)) > BRACKETS_MAX:
        place = place_of(typing.root.expression, typing.root.span)
        raise ExpressionSyntaxError(place, "the expression is nested too deeply", "split it")
    return code


def _brackets(code: str) -> int:
    """The deepest nesting of brackets (those in texts count too: a bound, not a measure)."""
    deepest = depth = 0
    for character in code:
        depth += character in "([{"
        depth -= character in ")]}"
        deepest = max(deepest, depth)
    return deepest


class _Emitter:
    def __init__(self, typing: Typing, names: Names, zone: tzinfo, exact: bool) -> None:
        self.typing, self.names, self.zone, self.exact = typing, names, zone, exact
        self.variables: list[tuple[str, str]] = []
        self.steps = False

    def code(self, node: Node) -> str:
        match node:
            case Literal(value=value):
                return self.names.constant(value) if isinstance(value, Decimal) else repr(value)
            case Name():
                return self.name(node)
            case Select(of=of, name=name):
                found = self.code(of)
                found = f"_select({found}, {name!r})" if self.exact else f"{found}[{name!r}]"
                return self.read(found, node) if self.is_canonical(of) else found
            case Index(of=of, index=index):
                # Subscripting with a computed index is not exact in Python (negative, bool): no fast form.
                return f"_index({self.code(of)}, {self.code(index)})"
            case Unary(operator="!", of=of):
                return f"(not {self.condition(of)})"
            case Unary(of=of):
                return f"_negate({self.code(of)})"
            case Binary():
                return self.binary(node)
            case Choice(condition=condition, then=then, otherwise=otherwise):
                return f"({self.code(then)} if {self.condition(condition)} else {self.code(otherwise)})"
            case ListOf(parts=parts):
                return f"[{', '.join(map(self.code, parts))}]"
            case MapOf(parts=pairs):
                return "{" + ", ".join(f"{self.code(key)}: {self.code(value)}" for key, value in pairs) + "}"
            case Call():
                return self.call(node)
            case Macro():
                return self.macro(node)
            case Guard(guard=guard, of=of):
                return f"_{guard}(lambda: {_Emitter.exact_of(self, of)})"
            case Root(body=body):
                return self.code(body)

    def exact_of(self, node: Node) -> str:
        """The exact code of a part: a guard must tell absent from broken in either spelling."""
        inner = _Emitter(self.typing, self.names, self.zone, True)
        inner.variables = self.variables
        code = inner.code(node)
        self.steps = self.steps or inner.steps
        return code

    def condition(self, node: Node) -> str:
        code = self.code(node)
        sure = isinstance(node, Guard) or (
            isinstance(node, Binary) and node.operator in ("==", "!=", "<", "<=", ">", ">=", "in", "&&", "||")
        )
        return code if sure or (isinstance(node, Unary) and node.operator == "!") else f"_true({code})"

    # -- reading

    def name(self, node: Name) -> str:
        for name, variable in reversed(self.variables):
            if name == node.name:
                return variable
        if node.name in self.names.locals:
            return self.names.locals[node.name]
        scope = self.names.scope
        found = f"_name({scope}, {node.name!r})" if self.exact else f"{scope}[{node.name!r}]"
        return self.read(found, node)

    def is_canonical(self, node: Node) -> bool:
        """Whether the parts of this value are canonical JSON, described by its type."""
        found = self.typing.of(node)
        return found.name in ("entity", "object") and found.fields is not None

    def read(self, code: str, node: Node) -> str:
        """Code that turns canonical JSON into a typed value, by the node's type."""
        reader = _reader(self.typing.of(node))
        return code if reader is None else f"{reader[0]}({code}{reader[1]})"

    # -- operators

    def binary(self, node: Binary) -> str:
        match node.operator:
            case "&&" | "||" as operator:
                return self.logic(operator, node)
            case "+":
                return f"_add({', '.join(map(self.weighed, _chain('+', node)))})"
            case "==":
                return self.equal(node)
            case "!=":
                return f"(not {self.equal(node)})"
            case "in":
                return self.within(node)
            case operator:
                return f"{_OPERATORS[operator]}({self.code(node.left)}, {self.code(node.right)})"

    def logic(self, operator: str, node: Binary) -> str:
        parts = [self.condition(part) for part in _chain(operator, node)]
        if not self.exact:
            return f"({(' and ' if operator == '&&' else ' or ').join(parts)})"
        name = "_both" if operator == "&&" else "_either"
        return f"{name}({', '.join(f'lambda: {part}' for part in parts)})"

    def equal(self, node: Binary) -> str:
        left, right = self.code(node.left), self.code(node.right)
        for one, other, literal in ((left, right, node.right), (right, left, node.left)):
            if isinstance(literal, Literal) and literal.value is None:
                return f"({one} is None)"
            if isinstance(literal, Literal) and isinstance(literal.value, str):
                return f"({one} == {other})"
        return f"_equal({self.weighed(node.left)}, {self.weighed(node.right)})"

    def within(self, node: Binary) -> str:
        left = self.code(node.left)
        if isinstance(node.right, ListOf) and node.right.parts and all(map(_is_text, node.right.parts)):
            return f"({left} in ({', '.join(map(self.code, node.right.parts))},))"
        return f"_within({left}, {self.weighed(node.right)})"

    def weighed(self, node: Node) -> str:
        """Inside a macro work over a long list or text is paid for: it is done once per element."""
        code = self.code(node)
        if not self.variables or isinstance(node, Literal) or self.typing.of(node).name in _LIGHT:
            return code
        return f"_steps.weigh({code})"

    # -- calls and macros

    def call(self, node: Call) -> str:
        given = [node.target, *node.arguments] if node.target is not None else [*node.arguments]
        arguments = [self.weighed(part) for part in given]
        if node.function == "day":
            return f"_day({arguments[0]}, {self.names.constant(self.zone)})"
        if node.function == "sum":
            zero = self.names.constant(_zero(self.typing.of(given[0]).of or Type("dyn")))
            return f"_total({arguments[0]}, {zero})"
        return f"{_FUNCTIONS[node.function]}({', '.join(arguments)})"

    def macro(self, node: Macro) -> str:
        over = self.code(node.over)
        self.steps = True
        variable = f"v{len(self.variables)}_{node.variable}"
        self.variables = [*self.variables, (node.variable, variable)]
        condition = None if node.condition is None else self.condition(node.condition)
        body = self.code(node.body) if node.macro == "map" else self.condition(node.body)
        self.variables = self.variables[:-1]
        return self.loop(node.macro, f"_steps.over({over})", variable, condition, body)

    def loop(self, macro: str, values: str, variable: str, condition: str | None, body: str) -> str:
        match macro:
            case "map":
                test = "" if condition is None else f" if {condition}"
                return f"[{body} for {variable} in {values}{test}]"
            case "filter":
                return f"[{variable} for {variable} in {values} if {body}]"
            case "exists" | "all" if not self.exact:
                return f"{'any' if macro == 'exists' else 'all'}({body} for {variable} in {values})"
            case _:
                name = {"exists": "_exists", "all": "_every", "first": "_first_of", "exists_one": "_exists_one"}[
                    macro
                ]
                return f"{name}({values}, lambda {variable}: {body})"


def _chain(operator: str, node: Node) -> list[Node]:
    """``a + b + c`` as its parts, so that long chains do not nest brackets."""
    parts: list[Node] = []
    while isinstance(node, Binary) and node.operator == operator:
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _is_text(node: Node) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, str)


def _reader(found: Type) -> tuple[str, str] | None:
    """The runtime reader of a type and its further arguments; None where canonical JSON is the value itself."""
    if found.name in _READERS:
        return _READERS[found.name], ""
    if found.name == "list" and found.of is not None and found.of.name in _READERS:
        return "_as_list", f", {_READERS[found.of.name]}"
    return None


def _zero(element: Type) -> Any:
    """What the sum of an empty list of these is; None where the currency is not known."""
    match element.name:
        case "money":
            return Money(Decimal(0), element.currency) if element.currency else None
        case "duration":
            return timedelta(0)
        case _:
            return 0
