"""Which types go together under an operator, and what comes out. It must not know scopes, names or functions."""

from __future__ import annotations

from collections.abc import Sequence

from hub.mapping.expression import habits
from hub.mapping.expression.kinds import (
    BOOL,
    DATE,
    DECIMAL,
    DURATION,
    DYN,
    INSTANT,
    INT,
    MONEY,
    NUMBERS,
    SHARE,
    TEXT,
    Type,
    list_of,
    money,
)
from hub.mapping.expression.tree import Binary, Node, Unary
from hub.mapping.expression.typing import Typing

_ADDS = frozenset({("instant", "duration"), ("duration", "instant"), ("date", "duration"), ("duration", "date")})


def unary(node: Unary, of: Type, typing: Typing) -> Type:
    if node.operator == "!":
        needs_bool(node.of, of, "!", typing)
        return BOOL
    if of.name not in {"int", "decimal", "money", "duration", "dyn"}:
        return typing.report(node.span, "expression-type", f"{of} cannot be negated")
    return of


def needs_bool(node: Node, found: Type, operator: str, typing: Typing) -> None:
    if found.name not in ("bool", "dyn"):
        message = f"{operator} needs true or false, this gives {found}"
        typing.report(node.span, "expression-type", message, fix="write a comparison")


def binary(node: Binary, left: Type, right: Type, typing: Typing) -> Type:
    match node.operator:
        case "&&" | "||":
            needs_bool(node.left, left, node.operator, typing)
            needs_bool(node.right, right, node.operator, typing)
            return BOOL
        case "==" | "!=":
            _comparable(node, left, right, typing)
            return BOOL
        case "<" | "<=" | ">" | ">=":
            _ordered(node, left, right, typing)
            return BOOL
        case "in":
            return _in(node, left, right, typing)
        case _:
            return _arithmetic(node, left, right, typing)


def _group(of: Type) -> str:
    if of.name in NUMBERS:
        return "number"
    return "text" if of.name == "ref" else of.name


def _comparable(node: Binary, left: Type, right: Type, typing: Typing) -> None:
    groups = {_group(left), _group(right)}
    if groups & {"dyn", "null"}:
        return
    if len(groups) == 2:
        why = "values of different types are never equal"
        message = f"{left} is compared with {right}"
        typing.report(node.span, "expression-type", message, why, habits.compared(frozenset(groups)))
    _one_currency(node, left, right, typing)


def _one_currency(node: Node, left: Type, right: Type, typing: Typing) -> None:
    if left.currency and right.currency and left.currency != right.currency:
        message = f"{left.currency} and {right.currency} do not go together"
        why = "there is no declared rate between them"
        typing.report(node.span, "mixed-currencies", message, why, "keep sums per currency")


def _ordered(node: Binary, left: Type, right: Type, typing: Typing) -> None:
    for part, found in ((node.left, left), (node.right, right)):
        if found.name in ("list", "object", "entity", "null", "unrounded money"):
            typing.report(part.span, "expression-type", f"{found} has no order")
            return
    _comparable(node, left, right, typing)


def _in(node: Binary, left: Type, right: Type, typing: Typing) -> Type:
    if right.name not in ("list", "object", "dyn"):
        typing.report(node.right.span, "expression-type", f"in needs a list, this is {right}")
    elif right.of is not None:
        _comparable(node, left, right.of, typing)
    return BOOL


def _arithmetic(node: Binary, left: Type, right: Type, typing: Typing) -> Type:
    found = _result(node.operator, left, right)
    if found is not None:
        if found.name == "money":
            _one_currency(node, left, right, typing)
        return found
    fix = ""
    if node.operator == "+" and "text" in (left.name, right.name):
        fix = "write string(…) around what is not text"
    elif {left.name, right.name} <= {"money", *NUMBERS}:
        fix = 'write money("… CNY") for an amount'
    message = f"{left} {node.operator} {right} has no meaning"
    return typing.report(node.span, "expression-type", message, fix=fix)


def _result(operator: str, left: Type, right: Type) -> Type | None:
    """The type of ``left operator right``; None where it has none."""
    pair = (left.name, right.name)
    if "null" in pair:
        return None
    if set(pair) <= NUMBERS:
        return DECIMAL if operator == "/" or "decimal" in pair else INT
    if "money" in pair or "unrounded money" in pair:
        return _money_result(operator, left, right)
    if "dyn" in pair:
        return _dynamic_result(operator, left, right)
    if operator == "+":
        return _sum_result(left, right)
    return _difference_result(left, right) if operator == "-" else None


def _money_result(operator: str, left: Type, right: Type) -> Type | None:
    pair = (left.name, right.name)
    currency = left.currency or right.currency
    kind = SHARE if "unrounded money" in pair else MONEY
    match operator:
        case "+" | "-" if set(pair) <= {"money", "dyn"}:
            return money(currency)
        case "*" if set(pair) & (NUMBERS | {"dyn"}):
            return Type(kind.name, currency=currency)
        case "/" if pair == ("money", "money"):
            return DECIMAL
        case "/" if right.name in NUMBERS:
            return Type(SHARE.name, currency=currency)
        case "/" if "dyn" in pair:
            return DYN
    return None


def _dynamic_result(operator: str, left: Type, right: Type) -> Type | None:
    known = right if left.name == "dyn" else left
    if known.name == "dyn":
        return DYN
    allowed = {"int", "decimal", "duration"} | ({"text", "list", "instant", "date"} if operator in "+-" else set())
    if known.name not in allowed:
        return None
    return TEXT if operator == "+" and known.name == "text" else DYN


def _sum_result(left: Type, right: Type) -> Type | None:
    pair = (left.name, right.name)
    if set(pair) <= {"text", "ref"}:
        return TEXT
    if pair == ("list", "list"):
        return list_of(common([left.of or DYN, right.of or DYN]))
    if pair == ("duration", "duration"):
        return DURATION
    return (DATE if "date" in pair else INSTANT) if pair in _ADDS else None


def _difference_result(left: Type, right: Type) -> Type | None:
    match left.name, right.name:
        case ("instant", "instant") | ("date", "date") | ("duration", "duration"):
            return DURATION
        case (("instant" | "date"), "duration"):
            return left
    return None


def common(types: Sequence[Type]) -> Type:
    """One type for all of them; null goes with any, numbers widen, money of two currencies loses its currency."""
    known = [found for found in types if found.name != "null"]
    if not known:
        return DYN
    first = known[0]
    if all(found == first for found in known):
        return first
    if all(found.name in NUMBERS for found in known):
        return DECIMAL
    if all(found.name == "money" for found in known):
        return MONEY
    return DYN
