"""From a row to the function that converts its value: ``as`` where written, else what the schema type implies.

The function takes source JSON or an expression's typed value (never None) and gives canonical JSON, or None
for what is empty. It raises ``Unconvertible``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from hub.mapping.convert import chinese, lists, money, names, numbers, texts, times, units
from hub.mapping.convert.failure import Unconvertible
from hub.mapping.table import Row
from hub.model.people import People
from hub.model.schema import x_type
from hub.model.values import canonical

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ConvertContext:
    """What converters know besides the value. ``shared``: kinds whose keys are natural (``key: {shared: …}``)."""

    connection: str
    people: People
    zone: str
    shared: frozenset[str] = frozenset()


def converter(row: Row, schema: Mapping[str, Any] | None, context: ConvertContext) -> Convert:
    """The row's conversion. ``schema``: the target field's property, None where nobody describes it."""
    if row.convert is None:
        return implied(schema)
    argument = row.convert.argument
    match row.convert.name:
        case "text" | "trim" | "lower" | "bool" | "integer" | "decimal" | "percent" as name:
            return _PLAIN[name]
        case "money":
            return money.fixed(argument) if argument else _money_with_own_currency
        case "person":
            return names.person(context.people, context.connection)
        case "instant":
            return times.instant(zone_of(row.zone or context.zone))
        case "date":
            return times.day(zone_of(row.zone or context.zone))
        case "ref":
            return names.ref(context.connection, shared=argument in context.shared)
        case "quantity":
            return units.quantity(argument)
        case "list":
            return lists.split(argument)
        case "join":
            return lists.join(argument)
        case "cn-number":
            return chinese.integer if schema is not None and x_type(schema) == "integer" else chinese.number
        case name:
            raise ValueError(f"unknown converter {name}")


_PLAIN: Mapping[str, Convert] = {
    "text": texts.text,
    "trim": texts.trim,
    "lower": texts.lower,
    "bool": texts.boolean,
    "integer": numbers.integer,
    "decimal": numbers.decimal,
    "percent": numbers.percent,
}


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    return ZoneInfo(name or "UTC")


def _money_with_own_currency(value: Any) -> Any:
    return money.of(value, "")


def implied(schema: Mapping[str, Any] | None) -> Convert:
    """Without ``as`` nothing is reinterpreted: the value must already be of the field's type."""
    return canonical if schema is None else _IMPLIED.get(x_type(schema), canonical)


def is_plain_text(convert: Convert) -> bool:
    """Whether the conversion takes texts as they are and nothing else (generated code then needs no call)."""
    return convert is _string


def _string(value: Any) -> str:
    if value.__class__ is str:
        return value
    raise Unconvertible("wrong-type", value, "text (write as: text to take numbers)")


def _integer(value: Any) -> int:
    if value.__class__ is int or (value.__class__ is Decimal and value == value.to_integral_value()):
        return numbers.whole(value, value)
    raise Unconvertible("wrong-type", value, "a whole number (write as: integer to read texts)")


def _boolean(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise Unconvertible("wrong-type", value, "true or false (write as: bool to read words)")


def _decimal(value: Any) -> str | None:
    if value.__class__ is int or value.__class__ is Decimal:
        return numbers.decimal(value)
    raise Unconvertible("wrong-type", value, "a number (write as: decimal to read texts)")


def _money(value: Any) -> Any:
    if isinstance(value, int | str):
        raise Unconvertible("wrong-type", value, "money (write as: money CUR)")
    return money.of(value, "")


def _instant(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and value.endswith("Z")):
        return times.instant(zone_of("UTC"))(value)
    raise Unconvertible("wrong-type", value, "a moment in UTC (write as: instant)")


def _date(value: Any) -> Any:
    if value.__class__ is date or (isinstance(value, str) and len(value) == 10):
        return times.day(zone_of("UTC"))(value)
    raise Unconvertible("wrong-type", value, "a day (write as: date)")


def _bounded(value: Any) -> Any:
    """Whatever a field takes as it is: no integer in it may be beyond 64 bits."""
    if value.__class__ is int:
        numbers.whole(value, value)
    elif value.__class__ is list or value.__class__ is dict:
        for part in value.values() if value.__class__ is dict else value:
            _bounded(part)
    return value


def _list(value: Any) -> Any:
    if value.__class__ is list:
        return _bounded(canonical(value))
    raise Unconvertible("wrong-type", value, "a list")


def _object(value: Any) -> Any:
    if value.__class__ is dict:
        return _bounded(canonical(value))
    raise Unconvertible("wrong-type", value, "an object")


_IMPLIED: Mapping[str, Convert] = {
    "string": _string,
    "person": _string,
    "ref": _string,
    "integer": _integer,
    "boolean": _boolean,
    "decimal": _decimal,
    "money": _money,
    "instant": _instant,
    "date": _date,
    "array": _list,
    "object": _object,
}
