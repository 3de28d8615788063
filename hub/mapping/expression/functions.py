"""The functions an expression may call: how, on what, giving what. The checker, the emitter and the manual read it.

Macros (``exists all exists_one filter map first``) and guards (``has filled``) are grammar: see ``parse``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """``style``: how it is called. ``takes``: allowed type names per argument, the receiver first where there is
    one; ``optional`` counts those at the end that may be left out. ``gives`` is a type name, or how to find it:
    ``same`` (the first argument's), ``element`` (the list's)."""

    name: str
    style: Literal["global", "receiver", "both"]
    takes: tuple[frozenset[str], ...]
    gives: str
    about: str
    example: str
    optional: int = 0
    elements: frozenset[str] = frozenset()
    """Allowed elements where the receiver is a list."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.replace("unrounded", "unrounded money").split(",")) if words else frozenset()


_TEXTS, _NUMBERS = _set("text,ref"), _set("int,decimal")
_ORDERED = _set("int,decimal,money,text,instant,date,duration")

FUNCTIONS: Mapping[str, FunctionSpec] = {
    spec.name: spec
    for spec in (
        FunctionSpec("size", "both", (_set("text,ref,list,object"),), "int", "how many", "size(items) > 0"),
        FunctionSpec("startsWith", "receiver", (_TEXTS, _TEXTS), "bool", "begins with", 'a.startsWith("OPS-")'),
        FunctionSpec("endsWith", "receiver", (_TEXTS, _TEXTS), "bool", "ends with", 'a.endsWith(".pdf")'),
        FunctionSpec("contains", "receiver", (_TEXTS, _TEXTS), "bool", "holds that text", 'a.contains("急")'),
        FunctionSpec(
            "matches", "both", (_TEXTS, _TEXTS), "bool", "an RE2 pattern is found in it", 'a.matches("^OPS-[0-9]+$")'
        ),
        FunctionSpec("lowerAscii", "receiver", (_TEXTS,), "text", "A to Z in lower case", "key.lowerAscii()"),
        FunctionSpec("upperAscii", "receiver", (_TEXTS,), "text", "a to z in upper case", "key.upperAscii()"),
        FunctionSpec("trim", "receiver", (_TEXTS,), "text", "without blanks at its ends", "name.trim()"),
        FunctionSpec(
            "replace",
            "receiver",
            (_TEXTS, _TEXTS, _TEXTS),
            "text",
            "every place of one text by another",
            'key.replace("-", "/")',
        ),
        FunctionSpec("split", "receiver", (_TEXTS, _TEXTS), "texts", "cut at a separator", 'tags.split(",")'),
        FunctionSpec(
            "substring",
            "receiver",
            (_TEXTS, _set("int"), _set("int")),
            "text",
            "from a place (0 is the first character) up to, not with, another",
            "key.substring(0, 3)",
            optional=1,
        ),
        FunctionSpec(
            "sum",
            "receiver",
            (_set("list"),),
            "element",
            "all added up; of an empty list 0, in the currency of the field",
            "items.map(i, i.quantity * i.price).sum()",
            elements=_set("int,decimal,money,duration"),
        ),
        FunctionSpec("min", "receiver", (_set("list"),), "element", "the least", "[2, 1].min()", elements=_ORDERED),
        FunctionSpec(
            "max", "receiver", (_set("list"),), "element", "the greatest", "[2, 1].max()", elements=_ORDERED
        ),
        FunctionSpec(
            "join",
            "receiver",
            (_set("list"), _TEXTS),
            "text",
            "texts in a row, the separator between them",
            'names.join(", ")',
            optional=1,
            elements=_TEXTS,
        ),
        FunctionSpec("first", "receiver", (_set("list"),), "element", "the first, null if none", "items.first()"),
        FunctionSpec(
            "day", "global", (_set("instant,date"),), "date", "its day in the integration's zone", "day(closing.at)"
        ),
        FunctionSpec("days", "global", (_set("int"),), "duration", "n days", "day(now) + days(14)"),
        FunctionSpec("hours", "global", (_set("int"),), "duration", "n hours", "now - hours(4)"),
        FunctionSpec("minutes", "global", (_set("int"),), "duration", "n minutes", "now - minutes(30)"),
        FunctionSpec(
            "inDays", "global", (_set("duration"),), "int", "whole days of a duration", "inDays(due - started)"
        ),
        FunctionSpec("year", "global", (_set("date"),), "int", "its year", "year(day(closing.at))"),
        FunctionSpec("month", "global", (_set("date"),), "int", "its month, 1 to 12", "month(day(now))"),
        FunctionSpec("weekday", "global", (_set("date"),), "int", "1 is Monday, 7 Sunday", "weekday(day(now)) < 6"),
        FunctionSpec("abs", "global", (_NUMBERS,), "same", "without its sign", "abs(budget_left)"),
        FunctionSpec("floor", "global", (_NUMBERS,), "int", "down to a whole number", "floor(5 / 2)"),
        FunctionSpec("ceil", "global", (_NUMBERS,), "int", "up to a whole number", "ceil(5 / 2)"),
        FunctionSpec(
            "money",
            "global",
            (_set("text,int,decimal"), _TEXTS),
            "money",
            "an amount with its currency",
            'money("50000 CNY")',
            optional=1,
        ),
        FunctionSpec(
            "round",
            "global",
            (_set("int,decimal,money,unrounded"), _set("int")),
            "same",
            "to n places (0 if left out), halves away from zero",
            "round(budget / 3, 2)",
            optional=1,
        ),
        FunctionSpec(
            "string",
            "global",
            (_set("text,ref,int,decimal,bool,money,instant,date"),),
            "text",
            "its canonical text",
            "string(closing.number)",
        ),
        FunctionSpec("int", "global", (_set("text,int,decimal"),), "int", "cut to a whole number", 'int("12")'),
        FunctionSpec(
            "decimal", "global", (_set("text,int,decimal"),), "decimal", "an exact number", 'decimal("1.5")'
        ),
    )
}
