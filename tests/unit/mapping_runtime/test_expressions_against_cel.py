"""Our expressions beside a CEL implementation: same value, or an error in both, on generated pairs.

Generated are the constructs whose meaning we share. Ours differ by design in: ``/`` (a decimal), paths through
null (null), ``has`` through absent (false), and all functions CEL does not have.
"""

import ctypes
import random
import sys
from decimal import Decimal
from typing import Any

import pytest

from hub.mapping.compiled import ExpressionError
from hub.mapping.convert.make import zone_of
from hub.mapping.expression import record_scope
from hub.mapping.expression.evaluate import evaluator
from hub.mapping.table import Expression
from hub.model.diagnostic import Place

cel = pytest.importorskip("cel_expr_python.cel")

PLACE = Place("m.yaml", 1, 1, 0)
UTC = zone_of("UTC")
NAMES = ("i", "j", "s", "u", "t", "n", "l", "w", "e", "o")
REALS = ("d", "f")
"""Dyadic fractions: a double holds them exactly, so ours and theirs must agree to the last bit."""
SEEDS, EXPRESSIONS, RECORDS = 20, 130, 8


def records(chance: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {
        "i": chance.randint(-9, 9),
        "j": chance.choice([0, 1, 7]),
        "s": chance.choice(["", "x", "OPS-41", "史诗"]),
        "u": chance.choice(["x", "y", 1, True, None]),
        "t": chance.random() < 0.5,
        "n": None,
        "l": [chance.randint(-3, 3) for _ in range(chance.randint(0, 4))],
        "w": ["x", 1, None, True][: chance.randint(0, 4)],
        "e": [],
        "d": chance.randint(-16, 16) / 8,
        "f": chance.choice([0.5, -0.25, 3.0, 1.75]),
        "o": {"k": chance.choice(["v", 3, None]), "m": {"x": 1}},
    }
    return found


class Generator:
    """Expressions of some depth; half of them well typed, half not."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.variables: list[str] = []

    def any(self, depth: int) -> str:
        return self.chance.choice([self.number, self.text, self.condition, self.leaf, self.list, self.real])(depth)

    def real(self, depth: int) -> str:
        if depth <= 0:
            return self.chance.choice(["d", "f", "0.5", "2.25", "-1.0"])
        one, two = self.real(depth - 1), self.real(depth - 1)
        return self.chance.choice(
            [f"({one} + {two})", f"({one} - {two})", f"({one} * {two})", f"-({one})",
             f"({self.condition(depth - 1)} ? {one} : {two})"]
        )  # fmt: skip

    def leaf(self, depth: int) -> str:
        return self.chance.choice(
            [*NAMES, *self.variables, "o.k", "o.y", "o.m.x", "l[0]", 'o["k"]', "null", "true", "q.r"]
        )

    def number(self, depth: int) -> str:
        if depth <= 0:
            return self.chance.choice(["i", "j", "0", "1", "7", "l[1]", *self.variables])
        one, two = self.number(depth - 1), self.number(depth - 1)
        return self.chance.choice(
            [f"({one} + {two})", f"({one} - {two})", f"({one} * {two})", f"({one} % {two})",
             f"size({self.list(depth - 1)})",
             f"-({one})", f"({self.condition(depth - 1)} ? {one} : {two})", self.leaf(depth)]
        )  # fmt: skip

    def text(self, depth: int) -> str:
        if depth <= 0:
            return self.chance.choice(["s", '"x"', '"史诗"', "u", "'OPS-41'"])
        return self.chance.choice([f"({self.text(depth - 1)} + {self.text(depth - 1)})", self.leaf(depth), "s"])

    def list(self, depth: int) -> str:
        if depth <= 0 or len(self.variables) >= 2:
            return self.chance.choice(["l", "w", "e", "[1, 2]", '["x", s]'])
        over = self.list(depth - 1)
        name = f"v{len(self.variables)}"
        self.variables.append(name)
        inner = self.chance.choice(
            [f"{over}.map({name}, {self.number(depth - 1)})", f"{over}.filter({name}, {self.condition(depth - 1)})"]
        )
        self.variables.pop()
        return inner

    def condition(self, depth: int) -> str:
        if depth <= 0:
            return self.chance.choice(["t", "true", "false", "i > 0", 's == "x"', "has(o.k)", "has(o.y)", "u", "q.r"])
        one, two = self.condition(depth - 1), self.condition(depth - 1)
        left, right = self.any(depth - 1), self.any(depth - 1)
        sign = self.chance.choice(["<", "<=", ">", ">=", "==", "!="])
        kinds = [
            f"({one} && {two})", f"({one} || {two})", f"!({one})", f"({left} {sign} {right})",
            f"({left} in {self.list(0)})",
            f"({self.number(depth - 1)} {sign} {self.number(depth - 1)})",
            f"({self.real(depth - 1)} {sign} {self.chance.choice([self.real, self.number])(depth - 1)})",
            f"{self.text(0)}.startsWith({self.text(0)})",
            f"{self.text(0)}.contains({self.text(0)})", self.macro(depth),
        ]  # fmt: skip
        return self.chance.choice(kinds)

    def macro(self, depth: int) -> str:
        if len(self.variables) >= 2:
            return "t"
        over, name = self.list(0), f"v{len(self.variables)}"
        self.variables.append(name)
        body = self.condition(depth - 1)
        self.variables.pop()
        return f"{over}.{self.chance.choice(['exists', 'all'])}({name}, {body})"


ENVIRONMENT = None


def plain(value: Any) -> Any:
    """The value as Python has it.

    The other implementation gives each null without counting its reference to ``None``; after some thousands the
    interpreter dies (``deallocating None``), so they are counted here.
    """
    found = value.plain_value()
    for _ in range(nulls(found)):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
    return found


def nulls(found: Any) -> int:
    if isinstance(found, dict):
        return sum(map(nulls, found.values()))
    return sum(map(nulls, found)) if isinstance(found, list) else int(found is None)


def theirs(text: str) -> Any:
    """The expression compiled by the other implementation."""
    global ENVIRONMENT
    ENVIRONMENT = ENVIRONMENT or cel.NewEnv(variables=dict.fromkeys((*NAMES, *REALS, "q"), cel.Type.DYN))
    compiled = ENVIRONMENT.compile(text, disable_check=True)

    def evaluate(data: dict[str, Any]) -> Any:
        value = compiled.eval(data=data)
        return "error" if value.type() == cel.Type.ERROR else plain(value)

    return evaluate


def ours(text: str) -> Any:
    run = evaluator(Expression(text, PLACE), record_scope(()), UTC)[0]

    def evaluate(data: dict[str, Any]) -> Any:
        try:
            return run({name: Decimal(value) if type(value) is float else value for name, value in data.items()})
        except ExpressionError:
            return "error"

    return evaluate


def shape(value: Any) -> Any:
    """The value with its types, so that 1 and true differ; a dyadic decimal is the double it equals."""
    if isinstance(value, list):
        return [shape(one) for one in value]
    return ("float", float(value)) if isinstance(value, Decimal) else (type(value).__name__, value)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_generated_expressions_give_what_cel_gives(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(EXPRESSIONS):
        text = Generator(chance).any(3)
        mine, other = ours(text), theirs(text)
        for _ in range(RECORDS):
            data = records(chance)
            assert shape(mine(data)) == shape(other(data)), f"{text} on {data}"


def test_the_pairs_are_as_many_as_the_page_says() -> None:
    assert SEEDS * EXPRESSIONS * RECORDS >= 20_000


def test_nulls_of_the_other_implementation_cost_the_interpreter_nothing() -> None:
    """``None`` is counted like any object before Python 3.12: too few references and the whole test run is gone."""
    evaluate, data = theirs("[n, [n], w]"), {"n": None, "w": [None]}
    before = sys.getrefcount(None)
    for _ in range(500):
        evaluate(data)
    assert sys.getrefcount(None) - before > -200
