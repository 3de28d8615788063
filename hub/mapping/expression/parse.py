"""Tokens into a tree: the grammar of the expression language (a CEL subset). No types, no scope.

Macros are recognised here, as CEL does; bounds that need no types (length, depth, nested macros) too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from hub.mapping.expression import habits
from hub.mapping.expression.tokens import TEXT_BYTES_MAX, Token, tokens
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
    Span,
    Unary,
    place_of,
)
from hub.mapping.table import Expression

DEPTH_MAX = 64
"""Nested brackets and operators; deeper would near Python's own parser limits in the generated code."""
MACROS_NESTED_MAX = 3
CHAIN_MAX = 200
"""Operators of one level in a row (``a + b + c …``): the tree nests to the left, the walkers recurse."""

MACROS: Mapping[str, tuple[int, ...]] = {
    "exists": (2,),
    "all": (2,),
    "exists_one": (2,),
    "filter": (2,),
    "map": (2, 3),
    "first": (2,),
}
"""Macro -> how many arguments make it one (``first()`` without arguments is a function)."""
GUARDS = frozenset({"has", "filled"})
_WORDS = "as break const continue else for function if import let loop "
_WORDS += "package namespace return var void while"
_RESERVED = frozenset(_WORDS.split())
_CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
_LEVELS = (("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/", "%"))


def parse(expression: Expression) -> Root:
    """Read an expression. Raises ``ExpressionSyntaxError`` at the first thing that is not the language."""
    return _Parser(expression).root()


class _Parser:
    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.depth = self.macros = self.at = 0
        size = len(expression.text.encode())
        if size > TEXT_BYTES_MAX:
            self.fail(Span(0, 1), f"an expression of {size} bytes", f"at most {TEXT_BYTES_MAX}: split it")
        self.tokens = list(tokens(expression.text, self.fail))

    def fail(self, span: Span, message: str, fix: str) -> NoReturn:
        raise ExpressionSyntaxError(place_of(self.expression, span), message, fix)

    def root(self) -> Root:
        if self.now.kind == "end":
            self.fail(Span(0, 1), "the expression is empty", "write a condition or a value")
        body = self.whole()
        if self.now.kind != "end":
            fix = habits.instead_of(str(self.now.value), self.before)
            fix = fix or "is an operator or a bracket missing before it?"
            self.fail(self.now.span, f"did not expect {self.shown}", fix)
        return Root(body, self.expression, Span(0, len(self.expression.text)))

    # -- tokens
    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    @property
    def shown(self) -> str:
        return "the end" if self.now.kind == "end" else f'"{self.now.value}"'

    @property
    def before(self) -> str:
        """What was taken last, as it is spelt; empty at the beginning."""
        return str(self.tokens[self.at - 1].value) if self.at else ""

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def is_mark(self, *marks: str) -> bool:
        return self.now.kind == "mark" and self.now.value in marks

    def expect(self, mark: str) -> Token:
        if not self.is_mark(mark):
            self.fail(self.now.span, f"expected {mark}, got {self.shown}", f"add {mark}")
        return self.take()

    # -- grammar, loosest first
    def whole(self) -> Node:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            self.fail(self.now.span, f"nested deeper than {DEPTH_MAX}", "split the expression")
        node = self.choice()
        self.depth -= 1
        return node

    def choice(self) -> Node:
        condition = self.level(0)
        if not self.is_mark("?"):
            return condition
        self.take()
        then = self.level(0)
        self.expect(":")
        otherwise = self.whole()
        return Choice(condition, then, otherwise, Span(condition.span.start, otherwise.span.end))

    def level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        left = self.level(level + 1)
        operators, chain = _LEVELS[level], 0
        while self.now.kind in ("mark", "name") and self.now.value in operators:
            chain += 1
            if chain > CHAIN_MAX:
                self.fail(self.now.span, f"more than {CHAIN_MAX} operators in a row", "split the expression")
            operator = str(self.take().value)
            right = self.level(level + 1)
            left = Binary(operator, left, right, Span(left.span.start, right.span.end))
        return left

    def unary(self) -> Node:
        if not self.is_mark("!", "-"):
            return self.member()
        token = self.take()
        self.depth += 1
        if self.depth > DEPTH_MAX:
            self.fail(token.span, f"nested deeper than {DEPTH_MAX}", "split the expression")
        of = self.unary()
        self.depth -= 1
        return Unary(str(token.value), of, Span(token.span.start, of.span.end))

    def member(self) -> Node:
        node, chain = self.primary(), 0
        while self.is_mark(".", "["):
            chain += 1
            if chain > CHAIN_MAX:
                self.fail(self.now.span, f"more than {CHAIN_MAX} steps in a row", "split the expression")
            node = self.dot(node) if self.take().value == "." else self.bracket(node)
        return node

    def dot(self, of: Node) -> Node:
        name = self.take()
        if name.kind != "name" or name.value in (*_CONSTANTS, "in"):
            self.fail(name.span, f'expected a name after the dot, got "{name.value}"', 'or write ["…"]')
        if self.is_mark("("):
            return self.call(name, of)
        return Select(of, str(name.value), Span(of.span.start, name.span.end))

    def bracket(self, of: Node) -> Node:
        index = self.whole()
        span = Span(of.span.start, self.expect("]").span.end)
        if isinstance(index, Literal) and isinstance(index.value, str):
            return Select(of, index.value, span)
        return Index(of, index, span)

    def primary(self) -> Node:
        token = self.take()
        match token.kind, token.value:
            case (("text" | "number"), value):
                if self.now.kind == "name" and self.now.span.start == token.span.end:
                    self.fail(self.now.span, f"{self.shown} right after a literal", self._glued(token))
                return Literal(value, token.span)
            case "mark", "(":
                inside = self.whole()
                if self.is_mark(",") and self.was_in(token):
                    self.fail(token.span, "a list stands in [ ], not in ( )", "write in [ … ]")
                self.expect(")")
                return inside
            case "mark", "[":
                return self.list_of(token)
            case "mark", "{":
                if self.is_mark("{"):
                    self.fail(token.span, "{{ is no beginning of an expression", habits.instead_of("{", "{"))
                return self.map_of(token)
            case "name", str(name):
                return self.named(token, name)
        self.at -= 1
        fix = habits.instead_of(str(token.value), self.before) or "is something missing?"
        return self.fail(token.span, f"expected a value, got {self.shown}", fix)

    def _glued(self, literal: Token) -> str:
        if literal.kind == "number":
            return habits.behind_number(str(literal.value), str(self.now.value))
        return "put an operator between them; a text has one quote on each side"

    def was_in(self, token: Token) -> bool:
        """Whether ``in`` stands right before a token."""
        at = self.tokens.index(token)
        return at > 0 and self.tokens[at - 1].value == "in" and self.tokens[at - 1].kind == "name"

    def named(self, token: Token, name: str) -> Node:
        if name in _CONSTANTS:
            return Literal(_CONSTANTS[name], token.span)
        if self.is_mark("("):
            return self.call(token, None)
        if name.lower() == "not" and self.now.kind == "name":
            self.fail(token.span, f'"{name}" is no operator', "write !")
        if name in _RESERVED or name == "in":
            self.fail(token.span, f'"{name}" is a reserved word', "use another name")
        if self.now.kind == "text" and self.now.span.start == token.span.end:
            self.fail(token.span, f'{name}"…" is no literal here', 'write "…" or r"…"')
        return Name(name, token.span)

    def parts(self, close: str) -> tuple[tuple[Node, ...], int]:
        found: list[Node] = []
        while not self.is_mark(close):
            found.append(self.whole())
            if not self.is_mark(","):
                break
            self.take()
        return tuple(found), self.expect(close).span.end

    def list_of(self, token: Token) -> Node:
        parts, end = self.parts("]")
        return ListOf(parts, Span(token.span.start, end))

    def map_of(self, token: Token) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self.is_mark("}"):
            key = self.whole()
            self.expect(":")
            pairs.append((key, self.whole()))
            if not self.is_mark(","):
                break
            self.take()
        return MapOf(tuple(pairs), Span(token.span.start, self.expect("}").span.end))

    # -- calls, guards, macros
    def call(self, name: Token, target: Node | None) -> Node:
        self.expect("(")
        function = str(name.value)
        start = target.span.start if target is not None else name.span.start
        is_macro = target is not None and function in MACROS and not self.is_mark(")")
        if is_macro:
            self.macros += 1
            if self.macros > MACROS_NESTED_MAX:
                self.fail(name.span, f"macros nested deeper than {MACROS_NESTED_MAX}", "split the expression")
        arguments, end = self.parts(")")
        span = Span(start, end)
        if is_macro and target is not None:
            self.macros -= 1
            return self.macro(function, target, arguments, span, name)
        if target is None and function in GUARDS:
            return self.guard(function, arguments, span)
        return Call(function, target, arguments, span, name.span)

    def macro(self, macro: str, over: Node, arguments: tuple[Node, ...], span: Span, name: Token) -> Node:
        if len(arguments) not in MACROS[macro]:
            self.fail(name.span, f"{macro} got {len(arguments)} arguments", f"write list.{macro}(x, …)")
        variable = arguments[0]
        if not isinstance(variable, Name):
            self.fail(variable.span, f"{macro} needs a name first", f"write list.{macro}(x, …)")
        condition = arguments[1] if len(arguments) == 3 else None
        return Macro(macro, over, variable.name, condition, arguments[-1], span, variable.span)

    def guard(self, guard: str, arguments: tuple[Node, ...], span: Span) -> Node:
        if len(arguments) != 1:
            self.fail(span, f"{guard} takes one argument", f"write {guard}(a.b)")
        of = arguments[0]
        if guard == "has" and not isinstance(of, Select | Name | Index):
            self.fail(of.span, "has takes a path", "write has(a.b)")
        return Guard(guard, of, span)
