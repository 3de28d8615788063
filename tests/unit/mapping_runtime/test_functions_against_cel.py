"""Our own functions registered in a CEL implementation, mixed with macros and operators: same value or two errors.

What is registered here is written from the manual's table, not from our code: it is the second opinion. Left out are
functions of values CEL has none of: money (``money``, sums of money), dates (``day`` and what comes after it), guards
(``filled`` looks at a path, no function can), and ``string``, ``int`` and ``decimal``, which CEL has under the same
names for other values. They are tested by example.
"""

from __future__ import annotations

import math
import random
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tests.unit.mapping_runtime.test_expressions_against_cel import (
    EXPRESSIONS,
    NAMES,
    REALS,
    RECORDS,
    SEEDS,
    Generator,
    ours,
    plain,
    records,
    shape,
)

cel = pytest.importorskip("cel_expr_python.cel")
TYPE = cel.Type
LIST = TYPE.List(TYPE.DYN)


def numbers(values: list[Any]) -> list[Any]:
    if any(type(one) not in (int, float) for one in values):
        raise ValueError("no number")
    return values


def alike(values: list[Any]) -> list[Any]:
    if not values or not (all(type(one) is str for one in values) or numbers(values)):
        raise ValueError("cannot be compared")
    return values


def joined(values: list[Any], separator: str) -> str:
    if any(type(one) is not str for one in values):
        raise ValueError("no text")
    return separator.join(values)


def rounded(value: float, places: int) -> float:
    if not 0 <= places <= 50:
        raise ValueError("places")
    return float(Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def cut(text: str, start: int, end: int) -> str:
    if not 0 <= start <= end <= len(text):
        raise ValueError("outside")
    return text[start:end]


def replaced(text: str, old: str, new: str) -> str:
    if not old:
        raise ValueError("nothing to look for")
    return text.replace(old, new)


def ascii_lower(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def ascii_upper(text: str) -> str:
    return "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in text)


def cut_at(text: str, separator: str) -> list[str]:
    if not separator:
        raise ValueError("nothing to cut at")
    return text.split(separator)


def registered() -> list[Any]:
    """The functions as CEL declarations."""
    text, double, whole = TYPE.STRING, TYPE.DOUBLE, TYPE.INT
    found: dict[str, list[tuple[list[Any], bool, Any]]] = {
        "sum": [([LIST], True, lambda values: sum(numbers(values)))],
        "min": [([LIST], True, lambda values: min(alike(values)))],
        "max": [([LIST], True, lambda values: max(alike(values)))],
        "first": [([LIST], True, lambda values: values[0] if values else None)],
        "join": [([LIST, text], True, joined)],
        "trim": [([text], True, str.strip)],
        "lowerAscii": [([text], True, ascii_lower)],
        "upperAscii": [([text], True, ascii_upper)],
        "split": [([text, text], True, cut_at)],
        "replace": [([text, text, text], True, replaced)],
        "substring": [([text, whole, whole], True, cut)],
        "abs": [([double], False, abs), ([whole], False, abs)],
        "floor": [([double], False, math.floor), ([whole], False, int)],
        "ceil": [([double], False, math.ceil), ([whole], False, int)],
        "round": [([double, whole], False, rounded), ([whole, whole], False, rounded)],
    }
    return [
        cel.FunctionDecl(
            name,
            [
                cel.Overload(f"{name}_{number}", return_type=TYPE.DYN, parameters=takes, is_member=member, impl=run)
                for number, (takes, member, run) in enumerate(overloads)
            ],
        )
        for name, overloads in found.items()
    ]


class Functions(Generator):
    """Expressions in which our functions stand among everything else.

    Whole numbers and fractions are kept apart, as CEL wants it, and rounding leaves fractions a double holds exactly.
    """

    def number(self, depth: int) -> str:
        if depth <= 0 or self.chance.random() < 0.5:
            return super().number(depth)
        function = self.chance.choice(["sum", "min", "max", "first"])
        one = self.chance.choice([self.number, self.real])(depth - 1)
        return self.chance.choice(
            [f"{self.numbers(depth - 1)}.{function}()", f"abs({self.number(depth - 1)})",
             f"{self.chance.choice(['floor', 'ceil'])}({one})"]
        )  # fmt: skip

    def real(self, depth: int) -> str:
        if depth <= 0 or self.chance.random() < 0.5:
            return super().real(depth)
        one, function = self.real(depth - 1), self.chance.choice(["sum", "min", "max", "first"])
        return self.chance.choice(
            [f"round({one}, {self.chance.choice(['0', '0', '9', '-1', 's'])})", f"abs({one})",
             f"[{one}, {self.real(0)}].{function}()"]
        )  # fmt: skip

    def text(self, depth: int) -> str:
        if depth <= 0 or self.chance.random() < 0.5:
            return super().text(depth)
        one, two = self.text(depth - 1), self.texts(depth - 1)
        return self.chance.choice(
            [f"{one}.trim()", f"{one}.lowerAscii()", f"{one}.upperAscii()", f"{one}.split({self.text(0)}).first()",
             f'{one}.replace({self.text(0)}, "-")', f"{one}.substring(0, j)",
             f"{two}.join({self.text(0)})", f"{two}.first()", f"{two}.max()"]
        )  # fmt: skip

    def numbers(self, depth: int) -> str:
        return self.chance.choice(["l", "e", "w", "[i, 1]", f"[{self.number(depth)}, 7]", self.list(depth)])

    def texts(self, depth: int) -> str:
        at = self.chance.choice(["s", '"a"', '""'])
        cut = f"{self.text(0)}.split({at})"
        return self.chance.choice(['["b", s]', f"[{self.text(depth)}, s]", "w", "e", cut, self.list(depth)])


def environment() -> Any:
    variables = dict.fromkeys((*NAMES, *REALS, "q"), TYPE.DYN)
    return cel.NewEnv(variables=variables, functions=registered())


@pytest.fixture(scope="module")
def env() -> Any:
    return environment()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_our_functions_give_what_their_definitions_give_inside_cel(seed: int, env: Any) -> None:
    chance, used = random.Random(1000 + seed), 0
    for _ in range(EXPRESSIONS):
        text = Functions(chance).any(3)
        mine, compiled = ours(text), env.compile(text, disable_check=True)
        used += any(f"{name}(" in text for name in ("sum", "min", "max", "first", "join", "round", "abs", "replace"))
        for _ in range(RECORDS):
            data = records(chance)
            value = compiled.eval(data=data)
            other = "error" if value.type() == TYPE.ERROR else plain(value)
            assert shape(mine(data)) == shape(other), f"{text} on {data}"
    assert used > EXPRESSIONS // 4
