"""What cannot work in an expression, found without data: unknown names, functions, types that do not go together.

``infer`` gives every node its type on the way; the emitter uses the same types to read canonical JSON. What
depends on data (null, a dynamic record) is left to run time. Here are names, paths and macros; what operators
and functions make of types is in ``operators`` and ``calls``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hub.mapping.expression import habits
from hub.mapping.expression.calls import called
from hub.mapping.expression.kinds import (
    BOOL,
    DECIMAL,
    DYN,
    INT,
    NULL,
    OBJECT,
    TEXT,
    Type,
    TypeScope,
    list_of,
)
from hub.mapping.expression.operators import binary, common, needs_bool, unary
from hub.mapping.expression.parse import GUARDS, MACROS
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
    Unary,
)
from hub.mapping.expression.typing import Typing, near
from hub.model.diagnostic import Diagnostic


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
            return unary(node, _type(node.of, scope, typing), typing)
        case Binary():
            left, right = _type(node.left, scope, typing), _type(node.right, scope, typing)
            return binary(node, left, right, typing)
        case Choice():
            return _choice(node, scope, typing)
        case ListOf(parts=parts):
            return list_of(common([_type(part, scope, typing) for part in parts]))
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
        habits.name(node.name, scope) or _near_name(node.name, scope),
    )


def _near_name(word: str, scope: TypeScope) -> str:
    close = near(word, scope.names, "in scope")
    return close if close.startswith("did you mean") or not close else f'{close}; a text needs quotes: "{word}"'


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
        fix = near(node.name, fields, "fields")
        return typing.report(node.span, "unknown-name", f'{what} "{node.name}"', "the schema has none", fix)
    if of.name in ("dyn", "null"):
        return DYN
    message = f'{of} has no part "{node.name}"'
    text = typing.root.expression.text[node.of.span.start : node.of.span.end]
    fix = habits.part(of.name, text, node.name)
    fix = fix or (f"write .map(x, x.{node.name})" if of.name == "list" else "")
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


def _choice(node: Choice, scope: TypeScope, typing: Typing) -> Type:
    needs_bool(node.condition, _type(node.condition, scope, typing), "?", typing)
    return common([_type(node.then, scope, typing), _type(node.otherwise, scope, typing)])


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
        needs_bool(node.condition, _type(node.condition, inner, typing), node.macro, typing)
    body = _type(node.body, inner, typing)
    if node.macro == "map":
        return list_of(body)
    needs_bool(node.body, body, node.macro, typing)
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
    return called(node, given, types, typing, {*MACROS, *GUARDS})
