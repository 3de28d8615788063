"""Whether a function is called as it wants to be, and the type it gives. It must not know scopes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hub.mapping.expression import habits
from hub.mapping.expression.functions import FUNCTIONS, FunctionSpec
from hub.mapping.expression.kinds import (
    BOOL,
    DATE,
    DECIMAL,
    DURATION,
    DYN,
    INT,
    MONEY,
    NUMBERS,
    SHARE,
    TEXT,
    Type,
    list_of,
    money,
)
from hub.mapping.expression.patterns import problem_of
from hub.mapping.expression.tree import Call, Literal, Node
from hub.mapping.expression.typing import Typing, near
from hub.model.values import CURRENCIES

_GIVES = {"int": INT, "text": TEXT, "bool": BOOL, "date": DATE, "duration": DURATION, "decimal": DECIMAL}


def called(node: Call, given: Sequence[Node], types: Sequence[Type], typing: Typing, others: Collection[str]) -> Type:
    """The type a call gives. ``others``: names that are written like functions and are none (macros, guards)."""
    spec = FUNCTIONS.get(node.function)
    if spec is None:
        message, known = f'there is no function "{node.function}"', {*FUNCTIONS, *others}
        fix = habits.function(node.function) or near(node.function, known, "functions")
        return typing.report(node.name_span, "unknown-function", message, "", fix)
    if not _called_right(node, spec, len(given), typing):
        return DYN
    for part, found, takes in zip(given, types, spec.takes, strict=False):
        if found.name not in takes and found.name != "dyn":
            wanted = " or ".join(sorted(takes))
            typing.report(part.span, "expression-type", f"{spec.name} takes {wanted} here, not {found}")
            return DYN
    return _given(node, spec, types, typing)


def _called_right(node: Call, spec: FunctionSpec, given: int, typing: Typing) -> bool:
    style = "receiver" if node.target is not None else "global"
    most = len(spec.takes)
    if spec.style in (style, "both") and most - spec.optional <= given <= most:
        return True
    message = f"{spec.name} is not called like this"
    typing.report(node.span, "unknown-function", message, f"{spec.name}: {spec.about}", f"write {spec.example}")
    return False


def _given(node: Call, spec: FunctionSpec, types: Sequence[Type], typing: Typing) -> Type:
    first = types[0]
    if spec.name == "matches":
        _pattern(node, typing)
    if spec.name == "money":
        return _money_call(node, first, typing)
    if spec.name == "round":
        return money(first.currency) if first.name in ("money", SHARE.name) else DECIMAL if first != DYN else DYN
    if spec.elements and (first.of or DYN).name not in {*spec.elements, "dyn"}:
        return typing.report(node.span, "expression-type", f"{spec.name} of a {first} has no meaning")
    if spec.gives == "texts":
        return list_of(TEXT)
    if spec.gives == "same":
        return first
    return (first.of or DYN) if spec.gives == "element" else _GIVES[spec.gives]


def _money_call(node: Call, first: Type, typing: Typing) -> Type:
    argument = node.arguments[0]
    if len(node.arguments) == 2:
        code = node.arguments[1]
        return money(code.value) if isinstance(code, Literal) and isinstance(code.value, str) else MONEY
    if first.name in NUMBERS:
        return typing.report(node.span, "expression-type", "this amount has no currency", fix='write money(x, "CNY")')
    if not isinstance(argument, Literal):
        return MONEY
    amount, _, currency = str(argument.value).partition(" ")
    if currency not in CURRENCIES or not _is_number(amount):
        message = f'"{argument.value}" is no amount of money'
        return typing.report(argument.span, "expression-type", message, fix='write money("50000 CNY")')
    return money(currency)


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isascii() and text.lstrip("-").replace(".", "", 1).isdigit()


def _pattern(node: Call, typing: Typing) -> None:
    pattern = node.arguments[-1]
    if isinstance(pattern, Literal) and (problem := problem_of(str(pattern.value))):
        typing.report(pattern.span, "bad-pattern", problem, "patterns are RE2", "see the expression page")
