"""``as:`` names a converter of the closed list, with the argument it takes.

Converters are tested functions; a new one is written in Python with its test, not in a table.

Example::

    as: mony CNY

Fix: use the converter the message suggests.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.convert import CONVERTERS, ConverterSpec
from hub.mapping.convert.failure import Unconvertible
from hub.mapping.convert.money import code_of
from hub.mapping.convert.units import UNITS
from hub.mapping.form import near
from hub.mapping.table import Convert, flat
from hub.model.diagnostic import Diagnostic
from hub.model.values import CURRENCIES

ID = "unknown-converter"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for rows in (*(table.rows for table in checked.tables), *(step.payload for _, step in checked.steps())):
        for row in flat(rows):
            if row.convert is not None:
                yield from _converter(checked, row.convert)


def _converter(checked: Checked, convert: Convert) -> Iterator[Diagnostic]:
    spec = CONVERTERS.get(convert.name)
    if spec is None:
        why = f"converters: {', '.join(CONVERTERS)}"
        fix = near(convert.name, tuple(CONVERTERS)) or "use one of the list"
        fix = f"write as: ref {convert.name}" if convert.name in checked.context.schemas.kinds else fix
        yield finding(convert.place, ID, f'unknown converter "{convert.name}"', why, fix)
        return
    problem = _argument(spec, convert.argument)
    if problem:
        yield finding(convert.place, ID, problem, f"it is written: as: {spec.form}", _fix(spec, convert.argument))


def _fix(spec: ConverterSpec, argument: str) -> str:
    if spec.argument == "currency":
        return f"write as: {spec.name} {_currency(argument)}"
    if spec.argument == "unit":
        close = near(argument, tuple(UNITS)).removeprefix('did you mean "').removesuffix('"?')
        return f"write as: {spec.name} {close or 'kg'}"
    return f"write as: {spec.form}"


def _currency(word: str) -> str:
    try:
        return code_of(word)
    except Unconvertible:
        return "CNY"


def _argument(spec: ConverterSpec, argument: str) -> str:
    if spec.argument == "none":
        return f"{spec.name} takes no argument" if argument else ""
    if not argument:
        return f"{spec.name} needs an argument" if spec.argument_required else ""
    if spec.argument == "currency" and argument not in CURRENCIES:
        return f"{argument} is no ISO 4217 currency"
    if spec.argument == "unit" and argument not in UNITS:
        return f"{argument} is no unit; units: {', '.join(UNITS)}"
    return ""
