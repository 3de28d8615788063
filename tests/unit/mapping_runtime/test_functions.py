"""Functions of expressions on texts, numbers and dates, and the limits no expression passes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hub.mapping.compiled import ExpressionError
from hub.mapping.convert.make import zone_of
from hub.mapping.expression import ExpressionSyntaxError, infer, parse, record_scope
from hub.mapping.expression.evaluate import evaluator
from hub.mapping.expression.functions import FUNCTIONS
from hub.mapping.table import Expression
from hub.model.diagnostic import Place

PLACE = Place("m.yaml", 1, 1, 0)
SCOPE: dict[str, Any] = {
    "s": " OPS-41 ", "n": 7, "d": Decimal("-2.5"), "l": list(range(200)),
    "day1": date(2026, 1, 31), "day2": date(2026, 3, 1), "long": "x" * 10_241,
}  # fmt: skip


def of(text: str) -> Any:
    return evaluator(Expression(text, PLACE), record_scope(()), zone_of("UTC"))[0](SCOPE)


def error(text: str) -> str:
    with pytest.raises(ExpressionError) as raised:
        of(text)
    return raised.value.reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("s.trim()", "OPS-41"),
        ('"Äb".lowerAscii()', "Äb"),
        ('"Äb-1".upperAscii()', "ÄB-1"),
        ('s.trim().replace("-", "/")', "OPS/41"),
        ('"a,b,,c".split(",")', ["a", "b", "", "c"]),
        ('"a,b".split(",").map(x, x.upperAscii()).join("+")', "A+B"),
        ("s.trim().substring(0, 3)", "OPS"),
        ("s.trim().substring(4)", "41"),
        ('"中文".substring(1)', "文"),
        ("abs(d)", Decimal("2.5")),
        ("abs(-7)", 7),
        ("floor(d)", -3),
        ("ceil(d)", -2),
        ("floor(n)", 7),
        ("inDays(day2 - day1)", 29),
        ("inDays(hours(47))", 1),
        ("inDays(hours(-47))", -1),
        ("year(day1)", 2026),
        ("month(day2)", 3),
        ("weekday(day1)", 6),
        ("weekday(day2)", 7),
    ],
)
def test_functions_give_what_they_say(text: str, value: Any) -> None:
    assert of(text) == value
    assert type(of(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('s.replace("", "x")', "type-error"),
        ('s.split("")', "type-error"),
        ("s.substring(0, 99)", "out-of-range"),
        ("s.substring(3, 1)", "out-of-range"),
        ("s.substring(-1)", "out-of-range"),
        ("n.trim()", "type-error"),
        ("abs(s)", "type-error"),
        ("year(s)", "type-error"),
        ("inDays(n)", "type-error"),
        ('long.matches("x")', "too-long"),
        ("l.map(x, l.map(y, x + y).sum()).sum()", "step-limit"),
    ],
)
def test_what_has_no_value_is_an_error_value(text: str, reason: str) -> None:
    assert error(text) == reason


def test_a_text_cannot_be_blown_up() -> None:
    grown = 'long.replace("x", long).replace("x", long)'
    assert error(grown) == "too-long"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_example_of_every_function_is_the_language(name: str) -> None:
    typing = infer(parse(Expression(FUNCTIONS[name].example, PLACE)), record_scope(()))
    assert [one.rule for one in typing.findings] == []


@pytest.mark.parametrize(
    "text",
    [
        "l.map(a, l.map(b, l.map(c, l.map(d, 1))))",
        '"' + "x" * 65_537 + '"',
        "__import__",
        "l.__class__()",
        "format(s)",
    ],
)
def test_what_goes_beyond_the_language_is_refused_before_any_record(text: str) -> None:
    try:
        findings = infer(parse(Expression(text, PLACE)), record_scope(("l", "s"))).findings
    except ExpressionSyntaxError:
        return
    assert findings


def test_a_duration_is_no_number() -> None:
    assert of("day2 - day1") == timedelta(days=29)
