"""Conversions back: from a field's canonical value to what a record of its system would hold. Pure.

A row can be written back when reading what was written gives the same value again. Where that can be seen from the
row, ``one_way`` says why not and a check refuses it; where it hangs on the value, ``Unwritable`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from hub.mapping.apply import ABSENT, RowPlan, value_of
from hub.mapping.compiled import ExpressionError
from hub.mapping.convert import Unconvertible
from hub.mapping.table import Path, Row
from hub.model.record import Json
from hub.model.twoway import alike
from hub.model.values import decimal_text

Back = Callable[[Json], Json]
"""Canonical value -> the record's own shape. Raises ``Unwritable``."""


class Unwritable(ValueError):
    """This value cannot be said in that system; the text says why."""


_FROM_ROW = (
    ("rows", "it is made of several values"),
    ("value", "an expression has no way back"),
    ("lookup", "it is another entity's value"),
    ("has_const", "it is a constant"),
    ("currency", "its currency is read from another path"),
    ("rates", "it was converted by a rate"),
)
_ONE_WAY_CONVERTERS = {
    "lower": "capital letters are lost in lower",
    "cn-number": "how the number was written is lost in cn-number",
    "quantity": "the unit it was written in is lost in quantity",
    "person": "an employee code does not say which account is meant",
    "ref": "an entity's key is not how another system names it",
}
_ONE_WAY_TYPES = {"ref": _ONE_WAY_CONVERTERS["ref"], "object": "it is made of several values"}


def one_way(row: Row, x_type: str, shape: str = "") -> str:
    """Why a row cannot be written back, empty when it can. ``shape``: the type of the record's field, if known."""
    for name, why in _FROM_ROW:
        if getattr(row, name):
            return why
    if not row.sources:
        return ""  # a row without a source has a finding of its own
    if len(row.sources) > 1:
        return "it is read from the first of several paths that is filled"
    if any(not isinstance(step, str) for step in row.sources[0].steps):
        return f"{row.sources[0].text} names a place in a list"
    if row.values is not None:
        return _ambiguous(row.values)
    name = row.convert.name if row.convert else ""
    if {name, shape} in ({"date", "instant"}, {"instant", "date"}):
        return f"the record holds a {shape}, the field a {name}: part of it is lost"
    return _ONE_WAY_CONVERTERS.get(name, "" if name else _ONE_WAY_TYPES.get(x_type, ""))


def one_way_type(x_type: str, shape: str = "") -> str:
    """The same for a path that no row reads: the value goes there as it is."""
    if x_type == "money" and shape != "money":
        return "no row reads that path, so nothing says how it writes an amount"
    if x_type == "person":
        return "no row reads that path, so nothing says whether it holds an employee code"
    return _ONE_WAY_TYPES.get(x_type, "")


def _ambiguous(values: Mapping[str, Json]) -> str:
    said: dict[str, list[str]] = {}
    for text, value in values.items():
        said.setdefault(str(value), []).append(text)
    twice = [f"{value}: {', '.join(texts)}" for value, texts in said.items() if len(texts) > 1]
    return f"several entries of values give the same ({'; '.join(twice)})" if twice else ""


def back(plan: RowPlan, shape: str = "") -> Back:
    """The way back of a row ``one_way`` has nothing against."""
    row = plan.row
    inverse = {str(value): text for text, value in (plan.mapped or {}).items()}

    def give(value: Json) -> Json:
        if value is None:
            return None
        if plan.mapped is None:
            return _checked(plan, _plain(row, value, shape), value)
        text = inverse.get(str(value))
        if text is not None:
            return _checked(plan, _typed(text, shape), value)
        if row.otherwise.kind != "keep":
            known = ", ".join(sorted(inverse))
            raise Unwritable(f"values has no entry that gives {value}; it gives {known}")
        return _checked(plan, _plain(row, value, shape), value)

    return give


def as_it_is(shape: str = "") -> Back:
    """The way to a path that no row reads."""
    return lambda value: _shaped(value, shape)


def _plain(row: Row, value: Json, shape: str) -> Json:
    argument = row.convert.argument if row.convert else ""
    match row.convert.name if row.convert else "":
        case "percent":
            return decimal_text(Decimal(value) * 100)
        case "money":
            return _money(value, argument, shape)
        case "list":
            return value if shape == "list" else _joined(value, argument)
        case "join":
            return str(value).split(argument or ", ")
        case _:
            return _shaped(value, shape)


def _money(value: Json, currency: str, shape: str) -> Json:
    if currency and value["currency"] != currency:
        raise Unwritable(f"{value['amount']} {value['currency']} is no amount in {currency}")
    if shape == "money":
        return value
    return value["amount"] if currency else f"{value['currency']} {value['amount']}"


def _joined(words: Json, separator: str) -> str:
    return (separator or ", ").join(words)


def _shaped(value: Json, shape: str) -> Json:
    """Whole numbers as numbers where the record holds numbers; everything else is canonical JSON already."""
    if shape in ("integer", "decimal", "number") and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value


def _typed(text: str, shape: str) -> Json:
    """A key of ``values`` as the record holds it: keys are texts, the record's value may be none."""
    if shape == "boolean":
        return text == "true"
    return _shaped(text, shape)


def _checked(plan: RowPlan, written: Json, value: Json) -> Json:
    """What was written must read as the same value: the law of every way back."""
    try:
        read, _ = value_of(plan, _record(plan.row.sources[0], written), snapshot=True)
    except (Unconvertible, ExpressionError) as error:
        raise Unwritable(f"{written} would not be read: {error}") from error
    if read is ABSENT or not alike(read, value):
        raise Unwritable(f"{written} would be read as {read}")
    return written


def _record(path: Path, value: Any) -> dict[str, Any]:
    """The least record that holds the value at that path."""
    record: Any = value
    for step in reversed(path.steps):
        record = {step: record}
    return dict(record)
