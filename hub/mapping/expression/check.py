"""What cannot work in an expression, found without data: unknown names, functions, types that do not go together.

``infer`` gives every node its type on the way; the emitter uses the same types to read canonical JSON. What
depends on data (null, a dynamic record) is left to run time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from hub.mapping.expression.functions import FUNCTIONS, FunctionSpec
from hub.mapping.expression.kinds import (
    BOOL,
    DATE,
    DECIMAL,
    DURATION,
    DYN,
    INSTANT,
    INT,
    MONEY,
    NULL,
    NUMBERS,
    OBJECT,
    SHARE,
    TEXT,
    Type,
    TypeScope,
    list_of,
    money,
)
from hub.mapping.expression.parse import GUARDS, MACROS
from hub.mapping.expression.patterns import problem_of
from hub.mapping.expression.tree import (
    Binary,
    Call,
    Choice,
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
from hub.model.diagnostic import Diagnostic
from hub.model.values import CURRENCIES

_GIVES = {"int": INT, "text": TEXT, "bool": BOOL, "date": DATE, "duration": DURATION, "decimal": DECIMAL}
_ADDS = frozenset({("instant", "duration"), ("duration", "instant"), ("date", "duration"), ("duration", "date")})


@dataclass(slots=True)
class Typing:
    """The types of all nodes (by identity) and what is wrong."""

    root: Root
    types: dict[int, Type] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)

    @property
    def result(self) -> Type:
        return self.types[id(self.root.body)]

    def of(self, node: Node) -> Type:
        return self.types[id(node)]

    def report(self, span: Span, rule: str, message: str, why: str = "", fix: str = "") -> Type:
        place = place_of(self.root.expression, span)
        self.findings.append(Diagnostic(place, rule, "error", message, why, fix))
        return DYN


def check(root: Root, scope: TypeScope, wants: Collection[str] = ()) -> list[Diagnostic]:
    """All findings of an expression. ``wants``: type names its value may have (``{"bool"}`` for a condition)."""
    typing = infer(root, scope)
    result = typing.result
    if wants and result.name not in {*wants, "dyn", "null"}:
        wanted = " or ".join(sorted(wants))
        typing.report(root.body.span, "expression-type", f"this gives {result}, not {wanted}", "the key needs it")
    return typing.findings


def infer(root: Root, scope: TypeScope) -> Typing:
    """Types of every node; where something is wrong it is reported once and goes on as dynamic."""
    typing = Typing(root)
    _type(root.body, scope, typing)
    return typing


def _type(node: Node, scope: TypeScope, typing: Typing) -> Type:
    found = _typed(node, scope, typing)
    typing.types[id(node)] = found
    return found


def _typed(node: Node, scope: TypeScope, typing: Typing) -> Type:
    match node:
        case Literal(value=value):
            return _literal(value)
        case Name():
            return _name(node, scope, typing)
        case Select():
            return _select(node, _type(node.of, scope, typing), typing)
        case Index():
            return _index(node, scope, typing)
        case Unary():
            return _unary(node, _type(node.of, scope, typing), typing)
        case Binary():
            left, right = _type(node.left, scope, typing), _type(node.right, scope, typing)
            return _binary(node, left, right, typing)
        case Choice():
            return _choice(node, scope, typing)
        case ListOf(parts=parts):
            return list_of(_common([_type(part, scope, typing) for part in parts]))
        case MapOf(parts=pairs):
            return _map_of(pairs, scope, typing)
        case Call():
            return _call(node, scope, typing)
        case Macro():
            return _macro(node, scope, typing)
        case Guard():
            _type(node.of, scope, typing)
            return BOOL
        case Root():
            return _type(node.body, scope, typing)


def _literal(value: object) -> Type:
    match value:
        case None:
            return NULL
        case bool():
            return BOOL
        case int():
            return INT
        case str():
            return TEXT
        case _:
            return DECIMAL


def _near(word: str, known: Collection[str], what: str) -> str:
    close = get_close_matches(word, list(known), 3, 0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"{what}: {', '.join(sorted(known)[:12])}" if known else ""


def _name(node: Name, scope: TypeScope, typing: Typing) -> Type:
    found = scope.get(node.name)
    if found is not None:
        return found
    if node.name in scope.gone:
        return typing.report(node.span, "unknown-name", f'"{node.name}" cannot be read here', scope.gone[node.name])
    return typing.report(
        node.span,
        "unknown-name",
        f'nothing here is called "{node.name}"',
        "an expression sees only the names of its scope",
        _near(node.name, scope.names, "in scope"),
    )


def _select(node: Select, of: Type, typing: Typing) -> Type:
    if of.name == "ref":
        return typing.report(
            node.span,
            "expression-type",
            f'"{node.name}" belongs to another {of.entity or "entity"}, which is not read here',
            "a ref field holds a key, not the entity",
            "use an entity that is in scope",
        )
    if of.name in ("entity", "object"):
        fields = of.fields
        if fields is None or node.name in fields:
            return fields[node.name] if fields else DYN
        what = f"{of.entity} has no field" if of.entity else "there is no"
        fix = _near(node.name, fields, "fields")
        return typing.report(node.span, "unknown-name", f'{what} "{node.name}"', "the schema has none", fix)
    if of.name in ("dyn", "null"):
        return DYN
    message = f'{of} has no part "{node.name}"'
    fix = f"write .map(x, x.{node.name})" if of.name == "list" else ""
    return typing.report(node.span, "expression-type", message, fix=fix)


def _index(node: Index, scope: TypeScope, typing: Typing) -> Type:
    of, index = _type(node.of, scope, typing), _type(node.index, scope, typing)
    if of.name == "list":
        if index.name not in ("int", "dyn"):
            typing.report(node.index.span, "expression-type", f"a list is indexed by a whole number, not {index}")
        return of.of or DYN
    if of.name not in ("dyn", "object", "entity"):
        typing.report(node.of.span, "expression-type", f"{of} cannot be indexed")
    return DYN


def _unary(node: Unary, of: Type, typing: Typing) -> Type:
    if node.operator == "!":
        _bool(node.of, of, "!", typing)
        return BOOL
    if of.name not in {"int", "decimal", "money", "duration", "dyn"}:
        return typing.report(node.span, "expression-type", f"{of} cannot be negated")
    return of


def _bool(node: Node, found: Type, operator: str, typing: Typing) -> None:
    if found.name not in ("bool", "dyn"):
        typing.report(node.span, "expression-type", f"{operator} needs true or false, this gives {found}")


def _binary(node: Binary, left: Type, right: Type, typing: Typing) -> Type:
    match node.operator:
        case "&&" | "||":
            _bool(node.left, left, node.operator, typing)
            _bool(node.right, right, node.operator, typing)
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
        fix = 'write money("… CNY")' if groups == {"money", "number"} else ""
        why = "values of different types are never equal"
        typing.report(node.span, "expression-type", f"{left} is compared with {right}", why, fix)
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
        return list_of(_common([left.of or DYN, right.of or DYN]))
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


def _common(types: Sequence[Type]) -> Type:
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


def _choice(node: Choice, scope: TypeScope, typing: Typing) -> Type:
    _bool(node.condition, _type(node.condition, scope, typing), "?", typing)
    return _common([_type(node.then, scope, typing), _type(node.otherwise, scope, typing)])


def _map_of(pairs: Sequence[tuple[Node, Node]], scope: TypeScope, typing: Typing) -> Type:
    for key, value in pairs:
        found = _type(key, scope, typing)
        if found.name not in ("text", "dyn"):
            typing.report(key.span, "expression-type", f"the keys of an object are texts, not {found}")
        _type(value, scope, typing)
    # A computed value is typed already; reading it back must not convert it from canonical JSON again.
    return OBJECT


def _macro(node: Macro, scope: TypeScope, typing: Typing) -> Type:
    over = _type(node.over, scope, typing)
    if over.name not in ("list", "object", "dyn"):
        typing.report(node.over.span, "expression-type", f"{node.macro} needs a list, this is {over}")
    if node.variable in scope.names:
        message, fix = f'"{node.variable}" is already a name here', "use another name"
        typing.report(node.variable_span, "shadowed-name", message, "two meanings of one name mislead", fix)
    element = over.of if over.name == "list" and over.of else TEXT if over.name == "object" else DYN
    inner = scope.plus(**{node.variable: element})
    if node.condition is not None:
        _bool(node.condition, _type(node.condition, inner, typing), node.macro, typing)
    body = _type(node.body, inner, typing)
    if node.macro == "map":
        return list_of(body)
    _bool(node.body, body, node.macro, typing)
    match node.macro:
        case "filter":
            return list_of(element)
        case "first":
            return element
        case _:
            return BOOL


def _call(node: Call, scope: TypeScope, typing: Typing) -> Type:
    given = [node.target, *node.arguments] if node.target is not None else [*node.arguments]
    types = [_type(part, scope, typing) for part in given]
    spec = FUNCTIONS.get(node.function)
    if spec is None:
        known = {*FUNCTIONS, *MACROS, *GUARDS}
        message = f'there is no function "{node.function}"'
        return typing.report(
            node.name_span, "unknown-function", message, "", _near(node.function, known, "functions")
        )
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
