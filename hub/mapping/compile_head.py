"""The head of a generated table function: which records ``only`` takes, and the lines that make an id a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hub.mapping.compiled import ExpressionError
from hub.mapping.convert.make import zone_of
from hub.mapping.expression import record_scope
from hub.mapping.expression.evaluate import evaluator
from hub.mapping.table import TableDef


def id_lines(name: str, otherwise: str, none: str = "") -> list[str]:
    """Lines that make ``name`` the text of an id."""
    head = [f"if {none}:", f"    {name} = None", f"elif {name}.__class__ is int:"] if none else []
    return [
        *(head or [f"if {name}.__class__ is int:"]),
        f"    {name} = str({name})",
        f"elif {name}.__class__ is not str or not {name} or {name} != {name}.strip():",
        f"    {otherwise}",
    ]


def only_of(table: TableDef) -> Callable[[Any], bool]:
    """``only`` in its exact spelling; where it gives no value the record is none of this table's business."""
    if table.only is None:
        return lambda data: True
    evaluate, _ = evaluator(table.only, record_scope(()), zone_of(table.zone), condition=True)

    def accepts(data: Any) -> bool:
        try:
            return bool(evaluate(data))
        except ExpressionError:
            return False

    return accepts
