"""``until`` of a step into what a loop asks: which field must hold which value, and whether an entity will do."""

from __future__ import annotations

from collections.abc import Callable

from hub.mapping.apply import id_text, walk
from hub.mapping.compiled import CompiledUntil, Scope
from hub.mapping.table import Expression, Path, UntilDef

Condition = Callable[[Scope], bool]


def compile_until(until: UntilDef, condition: Callable[[Expression], Condition]) -> CompiledUntil:
    """``condition`` compiles an expression in the scope of the step's ``until``."""
    when = (lambda scope: True) if until.when is None else condition(until.when)
    return CompiledUntil(until, tuple((str(left.steps[-1]), _value(right)) for left, right in until.matches), when)


def _value(path: Path) -> Callable[[Scope], str | None]:
    def value(scope: Scope) -> str | None:
        return id_text(walk(path, scope))

    return value
