"""The expression language: what each construct gives, refuses, and finds before any data is there."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from hub.mapping.compiled import ExpressionError
from hub.mapping.convert.make import zone_of
from hub.mapping.expression import (
    ExpressionSyntaxError,
    TypeScope,
    check,
    entity_type,
    names,
    parse,
    record_scope,
)
from hub.mapping.expression.evaluate import evaluator
from hub.mapping.expression.kinds import INSTANT, list_of
from hub.mapping.table import Expression
from hub.model.diagnostic import Place
from hub.model.schema import Schema
from hub.model.values import EXACT, Money

PLACE = Place("m.yaml", 7, 11, 0)
SHANGHAI = zone_of("Asia/Shanghai")
PROJECT = Schema(
    "project",
    1,
    {
        "properties": {
            "name": {"type": ["string", "null"]},
            "budget": {"x-type": "money"},
            "hours": {"x-type": "decimal"},
            "closed_at": {"x-type": "instant"},
            "due": {"x-type": "date"},
            "parent": {"x-type": "ref", "x-entity": "project"},
        }
    },
)
ENTITY = entity_type(PROJECT, {"budget": "CNY"})
LOOP = TypeScope({"project": ENTITY, "was": ENTITY, "items": list_of(ENTITY), "now": INSTANT})
RECORD: dict[str, Any] = {
    "a": 1, "b": Decimal("2.5"), "s": "x", "n": None, "l": [1, 2, 3], "e": [], "t": True,
    "o": {"k": "v", "z": None, "": 1}, "at": "2026-01-05T20:00:00.000Z",
}  # fmt: skip
STATE: dict[str, Any] = {
    "name": "P", "budget": {"amount": "100.00", "currency": "CNY"}, "hours": "1.5", "key": "jira:1", "label": "OPS-1",
    "closed_at": "2026-01-05T20:00:00.000Z", "due": "2026-01-31", "parent": "jira:2",
}  # fmt: skip
NAMES = {"project": STATE, "was": None, "items": [STATE, STATE], "now": "2026-01-06T00:00:00.000Z"}


def of(text: str, scope: Any = RECORD, types: TypeScope | None = None) -> Any:
    return evaluator(Expression(text, PLACE), types or record_scope(()), SHANGHAI)[0](scope)


def error(text: str, scope: Any = RECORD, types: TypeScope | None = None) -> str:
    with pytest.raises(ExpressionError) as caught:
        of(text, scope, types)
    assert "m.yaml:7:11" in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b", Decimal("3.5")),
        ("a / 4", Decimal("0.25")),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("7 % -3", 1),
        ("12345678901234567.89 * 10", Decimal("123456789012345678.90")),
        ("0.1 + 0.2 == 0.3", True),
        ('s + "y"', "xy"),
        ("[1] + [2]", [1, 2]),
        ("a == 1 ? s : n", "x"),
        ("1 == 1.0", True),
        ("t == 1", False),
        ("n == 1", False),
        ('a == "1"', False),
        ("[1, 2.0] == [1.0, 2]", True),
        ("n == null", True),
        ("n.x == null", True),
        ('s in ["x", "y"]', True),
        ("2 in l", True),
        ('"k" in o', True),
        ('o["k"]', "v"),
        ("l[2]", 3),
        ('{"a": 5}.a', 5),
        ("has(o.z)", True),
        ("has(o.y)", False),
        ("has(q.y)", False),
        ("has(n.y)", True),
        ("filled(o.z)", False),
        ("filled(o.k)", True),
        ("filled(q)", False),
        ("size(l) + size(s) + size(o)", 7),
        ("l.size()", 3),
        ("l.map(x, x * 2)", [2, 4, 6]),
        ("l.map(x, x > 1, x * 2)", [4, 6]),
        ("l.filter(x, x > 1)", [2, 3]),
        ("l.exists(x, x == 2)", True),
        ("l.all(x, x > 0)", True),
        ("l.exists_one(x, x == 1)", True),
        ("l.first(x, x > 1)", 2),
        ("l.first()", 1),
        ("e.first()", None),
        ("l.sum()", 6),
        ("e.sum()", 0),
        ("l.min() + l.max()", 4),
        ('["a", "b"].join(", ")', "a, b"),
        ("o.map(k, k).size()", 3),
        ('"abc".startsWith("a") && "abc".endsWith("c") && "abc".contains("b")', True),
        ('"OPS-41".matches("^OPS-[0-9]+$")', True),
        ("round(2.5)", Decimal(3)),
        ("round(-2.345, 2)", Decimal("-2.35")),
        ('int("12") + int(3.9)', 15),
        ('decimal("1.50") == 1.5', True),
        ("string(b) + string(t) + string(1.50)", "2.5true1.5"),
        ('money("5 CNY") * 2', Money(Decimal(10), "CNY")),
        ('round(money("5 CNY") / 3, 2)', Money(Decimal("1.67"), "CNY")),
        ('money("6 CNY") / money("4 CNY")', Decimal("1.5")),
        ('money(b, "CNY")', Money(Decimal("2.5"), "CNY")),
        ("day(at)", date(2026, 1, 6)),
        ("day(at) + days(14)", date(2026, 1, 20)),
        ("hours(24) == days(1)", True),
        (r'r"a\d" + "\u4e2d" + """q"""', "a\\d中q"),
        ("// a note\n a", 1),
    ],
)
def test_an_expression_gives(text: str, value: Any) -> None:
    found = of(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("q && false", False), ("false && q", False), ("q || true", True), ("true || q", True),
        ("q == 1 && a == 1 && false", False), ("l.exists(x, x.foo || x == 1)", True), ("s && false", False),
        ("l.all(x, x.foo && x < 0)", False), ("a == 1 || q", True),
    ],
)  # fmt: skip
def test_and_and_or_absorb_an_error_when_the_other_side_decides(text: str, value: bool) -> None:
    assert of(text) is value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("q", "absent-name"), ("o.y", "absent-name"), ("l[5]", "absent-name"), ("l[0 - 1]", "absent-name"),
        ("q && true", "absent-name"), ("q || false", "absent-name"), ("s.x", "type-error"), ("a < s", "type-error"),
        ("n < 1", "type-error"), ("t < 1", "type-error"), ("a + s", "type-error"), ("a ? 1 : 2", "type-error"),
        ("a && true", "type-error"), ("a / 0", "divide-by-zero"), ("5 % 0", "divide-by-zero"),
        ('money("5 CNY") + money("5 USD")', "mixed-currencies"),
        ('money("5 CNY") < money("5 USD")', "mixed-currencies"),
        ('money("5 CNY") / 3 + money("1 CNY")', "type-error"), ('money("5 CNY") == 5 || q', "absent-name"),
        ("e.min()", "empty-list"), ("l.map(x, s).sum()", "type-error"), ('money(s, "ABC")', "bad-money"),
        ("day(at) + hours(1)", "type-error"), ('int("x")', "type-error"), ('decimal("NaN")', "type-error"),
        ("s.map(x, x)", "type-error"), ('s.matches("(")', "bad-pattern"), ("days(999999999999)", "out-of-range"),
    ],
)  # fmt: skip
def test_what_has_no_value_is_an_error_with_a_reason_and_a_place(text: str, reason: str) -> None:
    assert error(text) == reason


def test_a_message_names_the_kinds_of_values_never_the_values() -> None:
    with pytest.raises(ExpressionError) as caught:
        of("salary + s", {"salary": 987654, "s": "hunter2"})
    assert "987654" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_nested_macros_over_long_lists_stop_at_the_step_limit() -> None:
    scope = {"l": list(range(2000))}
    assert error("l.map(x, l.map(y, x * y).sum()).sum()", scope) == "step-limit"


def test_no_product_is_rounded_unseen() -> None:
    found = of("x * y", {"x": Decimal("12345678901234567.89"), "y": Decimal("98765432109876543.21")})
    assert int(found.scaleb(4, EXACT)) == 1234567890123456789 * 9876543210987654321


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('project.budget > money("50 CNY")', True),
        ("items.map(i, i.hours * i.budget).sum()", Money(Decimal("300"), "CNY")),
        ("items.filter(i, false).map(i, i.hours * i.budget).sum()", Money(Decimal(0), "CNY")),
        ("day(project.closed_at) + days(14)", date(2026, 1, 20)),
        ("project.due - days(1)", date(2026, 1, 30)),
        ("now - project.closed_at == hours(4)", True),
        ("was.name", None),
        ('was == null || was.name != "P"', True),
        ("filled(was.name)", False),
        ('project.parent == "jira:2"', True),
        ('project.label + " " + project.name', "OPS-1 P"),
    ],
)
def test_entity_fields_are_read_by_their_schema_type(text: str, value: Any) -> None:
    assert of(text, NAMES, LOOP) == value


def test_the_empty_sum_of_an_unknown_currency_is_an_error() -> None:
    plain = TypeScope({"items": list_of(entity_type(PROJECT))})
    assert error("items.map(i, i.budget).sum()", {"items": []}, plain) == "unknown-currency"


@pytest.mark.parametrize(
    ("text", "rule", "column"),
    [
        ("project.nam", "unknown-name", 11),
        ("projet.name", "unknown-name", 11),
        ("project.parent.name", "expression-type", 11),
        ("true && fo(1)", "unknown-function", 19),
        ("project.budget > 5", "expression-type", 11),
        ('project.budget > money("5 USD")', "mixed-currencies", 11),
        ('project.budget + money("5 USD")', "mixed-currencies", 11),
        ("project.budget / 3 > project.budget", "expression-type", 11),
        ('project.name + 1 == "x"', "expression-type", 11),
        ("items.map(project, 1)", "shadowed-name", 21),
        ('project.name.matches("(")', "bad-pattern", 32),
        ("items.name", "expression-type", 11),
        ("size(items) && true", "expression-type", 11),
        ("project.closed_at > project.due", "expression-type", 11),
        ("!project.name", "expression-type", 12),
        ('money("5 XXY") == project.budget', "expression-type", 17),
    ],
)
def test_what_cannot_work_is_found_with_its_column(text: str, rule: str, column: int) -> None:
    found = check(parse(Expression(text, PLACE)), LOOP)
    assert [(one.rule, one.place.line, one.place.column) for one in found] == [(rule, 7, column)]


def test_a_near_miss_is_suggested() -> None:
    assert 'did you mean "name"?' in check(parse(Expression("project.nam", PLACE)), LOOP)[0].fix


@pytest.mark.parametrize(
    "text",
    ["", "a =", "a = b", "a b", "(a", "[1,", '"x', "a.b(", "1u", 'b"x"', "a.1", "has(1)", "l.map(1, 2)", "has()",
     "a & b", "“a”", "while", "l.map(a,l.map(b,l.map(c,l.map(d,1))))", "(" * 80 + "1" + ")" * 80, "-" * 80 + "1",
     "a" + " + a" * 500, '"' + "x" * 70_000 + '"', "9" * 200],
)  # fmt: skip
def test_what_is_not_the_language_is_refused_with_place_and_fix(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(Expression(text, PLACE))
    assert caught.value.fix
    assert caught.value.place.line == 7


def test_long_chains_within_the_limits_run() -> None:
    assert of(" + ".join(["a"] * 200)) == 200
    assert of(" && ".join(["t"] * 200)) is True


def test_names_leaves_out_the_variables_of_macros() -> None:
    assert names(parse(Expression("items.map(i, i.x + k).sum() > was.y", PLACE))) == {"items", "k", "was"}


def test_an_expression_with_doubled_quotes_is_placed_by_what_the_file_holds() -> None:
    raw = "'''a'' = b'"
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(Expression("'a' = b", Place("m.yaml", 7, 11, 20), raw))
    assert (caught.value.place.line, caught.value.place.column) == (7, 17)
