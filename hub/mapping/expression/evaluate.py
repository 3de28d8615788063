"""An expression as a Python function of its scope: fast code first, exact code where that raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any

from hub.mapping.compiled import ExpressionError
from hub.mapping.expression.check import infer
from hub.mapping.expression.emit import FALLBACK, Code, Names, emit
from hub.mapping.expression.kinds import Type, TypeScope
from hub.mapping.expression.parse import parse
from hub.mapping.expression.runtime import RUNTIME
from hub.mapping.table import Expression

Evaluate = Callable[[Mapping[str, Any]], Any]
_SHAPE = """def evaluate(s):
    try:{steps}
        return {fast}
    except _FALLBACK:
        pass
    try:{steps}
        return {exact}
    except _ExpressionError as error:
        raise _ExpressionError(error.reason, f"{{error}}, in {{_text}} ({{_place}})") from None
"""


def evaluator(
    expression: Expression, scope: TypeScope, zone: tzinfo, *, condition: bool = False
) -> tuple[Evaluate, Type]:
    """The function and the type of what it gives. Raises ``ExpressionSyntaxError``; types are not judged here."""
    typing = infer(parse(expression), scope)
    names = Names("s")
    code = emit(typing, names, zone, condition=condition)
    namespace = space(names, expression)
    exec(compile(source(code), f"<{expression.place}>", "exec"), namespace)
    return namespace["evaluate"], typing.result


def source(code: Code) -> str:
    """The Python text of the function."""
    steps = "\n        _steps = _Steps()" if code.steps else ""
    return _SHAPE.format(steps=steps, fast=code.fast, exact=code.exact)


def space(names: Names, expression: Expression) -> dict[str, Any]:
    """What the generated function may name: the runtime and its constants, no builtins but two."""
    return {
        "__builtins__": {"any": any, "all": all},
        **RUNTIME,
        **names.constants,
        "_FALLBACK": FALLBACK,
        "_ExpressionError": ExpressionError,
        "_text": expression.text if len(expression.text) <= 120 else expression.text[:120] + "…",
        "_place": expression.place,
    }
