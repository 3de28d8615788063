"""Common spellings of the dearest converters, written into the generated body: no call where none is needed.

Each takes a value its converter takes too and gives the same (``tests/unit/mapping_runtime`` holds them together);
for anything else the converter is called as ever.
"""

from __future__ import annotations

from hub.mapping.apply import RowPlan
from hub.model.values import MINOR_DIGITS


def spelt_out(plan: RowPlan, call: str) -> list[str]:
    """Lines that convert ``v``; ``call`` is the line that has the converter do it."""
    convert = plan.row.convert
    if convert is None or plan.currency_of is not None:
        return [call]
    match convert.name:
        case "money" if convert.argument and MINOR_DIGITS.get(convert.argument, 2) == 2:
            return _money(convert.argument, call)
        case "decimal":
            return _decimal(call)
        case "integer":
            return [f"if v.__class__ is not int or not {-(2**63)} <= v < {2**63}:", f"    {call}"]
        case _:
            return [call]


def _money(currency: str, call: str) -> list[str]:
    """Numbers with one or two digits behind the point, or none. (What ends so was written without an exponent.)"""
    return [
        "if v.__class__ is _Decimal:",
        "    w = str(v)",
        '    if w[-3:-2] == "." and w[0] != "-":',
        f'        v = {{"amount": w, "currency": {currency!r}}}',
        '    elif w[-2:-1] == "." and w[0] != "-":',
        f'        v = {{"amount": w + "0", "currency": {currency!r}}}',
        "    else:",
        f"        {call}",
        "elif v.__class__ is int and v >= 0:",
        f'    v = {{"amount": str(v) + ".00", "currency": {currency!r}}}',
        "else:",
        f"    {call}",
    ]


def _decimal(call: str) -> list[str]:
    """A whole number of at most 18 digits is its own text."""
    return [
        "if v.__class__ is int and -1000000000000000000 < v < 1000000000000000000:",
        "    v = str(v)",
        "else:",
        f"    {call}",
    ]
