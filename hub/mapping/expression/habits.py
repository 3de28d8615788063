"""What people write who know other languages, and how it is said here. For findings only: nothing is read by it."""

from __future__ import annotations

import re

from hub.mapping.expression.kinds import TypeScope

_OPERATORS = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "is": "==",
    "eq": "==",
    "ne": "!=",
    "like": '.contains("…")',
    "gt": ">",
    "lt": "<",
    "ge": ">=",
    "le": "<=",
    "mod": "%",
    "div": "/",
    "xor": "!=",
    "isnt": "!=",
    "contains": '.contains("…")',
    "matches": '.matches("…")',
    "between": "a <= x && x <= b",
    "并且": "&&",
    "且": "&&",
    "和": "&&",
    "或者": "||",
    "或": "||",
    "等于": "==",
    "不等于": "!=",
    "非": "!",
}
_MARKS = {
    "<>": "write !=",
    "??": "write filled(a) ? a : b",
    "?.": "write a.b: what is absent or null is guarded by has(a.b) or filled(a.b)",
    "=>": "write >=, or list.map(x, …) for a function",
    "**": "write x * x",
    "{{": "write the expression alone, without {{ }}",
    "${": "write the name alone, without ${ }",
}
_LITERALS = {
    **dict.fromkeys(("none", "nil", "null", "undefined", "empty", "空"), "null"),
    **dict.fromkeys(("true", "yes", "是"), "true"),
    **dict.fromkeys(("false", "no", "否"), "false"),
}
_FUNCTIONS = {
    **dict.fromkeys(("len", "length", "count", "counta"), "size(x)"),
    **dict.fromkeys(("lower", "tolower", "tolowercase", "lcase"), "x.lowerAscii()"),
    **dict.fromkeys(("upper", "toupper", "touppercase", "ucase"), "x.upperAscii()"),
    **dict.fromkeys(("today", "currentdate", "curdate"), "day(now)"),
    **dict.fromkeys(("now", "currenttime", "getdate"), "now, without brackets"),
    **dict.fromkeys(("if", "iif", "ifelse", "case", "when"), "condition ? a : b"),
    **dict.fromkeys(("isempty", "isblank", "empty", "blank"), "!filled(a.b)"),
    **dict.fromkeys(("notempty", "isnotempty", "ispresent", "defined"), "filled(a.b)"),
    "exists": "list.exists(x, …), or filled(a.b)",
    **dict.fromkeys(("isnull", "isnone"), "a.b == null"),
    **dict.fromkeys(("coalesce", "nvl", "ifnull", "default", "ifblank"), "filled(a) ? a : b"),
    **dict.fromkeys(("concat", "concatenate", "append"), "a + b"),
    **dict.fromkeys(("and", "any"), "a && b"),
    "or": "a || b",
    "not": "!a",
    **dict.fromkeys(("str", "tostring", "text", "cast"), "string(x)"),
    **dict.fromkeys(("number", "num", "toint", "parseint", "long", "integer"), "int(x) or decimal(x)"),
    **dict.fromkeys(("float", "double", "todecimal", "parsefloat"), "decimal(x)"),
    **dict.fromkeys(("avg", "average", "mean"), "list.sum() / size(list)"),
    **dict.fromkeys(("includes", "has_text", "instr", "indexof", "find", "search"), 'x.contains("…")'),
    **dict.fromkeys(("substr", "mid", "left", "right", "slice"), "x.substring(0, 3)"),
    **dict.fromkeys(("regex", "regexp", "match", "test"), 'x.matches("…")'),
    **dict.fromkeys(("date", "todate", "parsedate"), 'day(x); beside a text: string(day(x)) >= "2026-01-01"'),
    **dict.fromkeys(("datediff", "daysbetween"), "inDays(a - b)"),
    **dict.fromkeys(("dateadd", "adddays"), "day(x) + days(3)"),
    **dict.fromkeys(("strip", "trimspace"), "x.trim()"),
    **dict.fromkeys(("reduce", "sumof", "sumif"), "list.map(x, x.price).sum()"),
    **dict.fromkeys(("foreach", "collect", "select"), "list.map(x, …)"),
    **dict.fromkeys(("where",), "list.filter(x, …)"),
    **dict.fromkeys(("countif",), "size(list.filter(x, …))"),
}
_PLAIN = re.compile(r"\w+\Z")
_SIZES = frozenset(("length", "size", "count", "len"))
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "天": "days", "小时": "hours", "分钟": "minutes"}


def instead_of(word: str, before: str = "") -> str:
    """The fix for a word or mark in an operator's place, empty if unknown; ``before`` is what stands before it."""
    if operator := _OPERATORS.get(word.lower()):
        return f"write {operator}"
    if mark := _MARKS.get(before + word):
        return mark
    if len(word) == 3 and word.isupper() and before[:1].isdigit():
        return f'write money("{before} {word}")'
    return "join conditions with && or ||" if word == "," else ""


def behind_number(number: str, word: str) -> str:
    """The fix for ``3d``."""
    unit = _UNITS.get(word)
    return f"write {unit}({number})" if unit else f"leave {word} out, or put an operator before it"


def function(name: str) -> str:
    """How what a function of that name does elsewhere is said here; empty if unknown."""
    found = _FUNCTIONS.get(name.lower().replace("_", ""))
    return f"write {found}" if found else ""


def name(word: str, scope: TypeScope) -> str:
    """What a name nobody knows may stand for: a literal, or what stands below a name in scope. Empty if unknown."""
    if literal := _LITERALS.get(word.lower()):
        return f"write {literal}"
    if below := path(word, scope):
        return below
    entities = [(held, of) for held, of in scope.names.items() if held != "was" and of.name == "entity"]
    owners = [held for held, of in entities if word in (of.fields or ())]
    return f"write {owners[0]}.{word}" if owners else ""


def path(word: str, scope: TypeScope) -> str:
    """The path of a name that stands below another one in the stream's records; empty if unknown."""
    if word in scope.deeper:
        return f"write {scope.deeper[word]}"
    if not scope.holder:
        return ""
    return f"write {scope.holder}.{word}" if _PLAIN.match(word) else f'write {scope.holder}["{word}"]'


def part(of: str, text: str, word: str) -> str:
    """The fix for ``name.length``; ``of`` is the type of ``text``."""
    return f"write size({text})" if word.lower() in _SIZES and of in ("text", "list") else ""


def compared(groups: frozenset[str]) -> str:
    """The fix for two types that are never equal."""
    if "money" in groups and groups & {"number", "text"}:
        return 'write money("… CNY")'
    if "duration" in groups and "number" in groups:
        return "write days(3), hours(3) or minutes(3)"
    if groups & {"instant", "date"} and "text" in groups:
        return 'write the moment as text as well: string(day(x)) >= "2026-01-01"'
    if groups == {"instant", "date"}:
        return "write day(x) around the instant"
    if groups == {"text", "number"}:
        return "write the number without quotes, or string(…) around it"
    return ""
