"""``quantity UNIT``: an amount of something in one declared unit. Conversions are exact and between equals only.

A number alone is already in the unit; a text may carry another unit of the same kind: "1500 g" as kg is 1.5. Months,
boxes and working days are not here: how much they are depends on who counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from typing import Any

from hub.mapping.convert.failure import Unconvertible
from hub.mapping.convert.numbers import exact, number_of, typed
from hub.model.values import EXACT, decimal_text

_KINDS: Mapping[str, Mapping[str, str]] = {
    "mass": {"mg": "0.000001", "g": "0.001", "kg": "1", "t": "1000", "毫克": "0.000001", "克": "0.001",
             "千克": "1", "公斤": "1", "斤": "0.5", "吨": "1000"},
    "length": {"mm": "0.001", "cm": "0.01", "m": "1", "km": "1000", "毫米": "0.001", "厘米": "0.01", "米": "1",
               "公里": "1000", "千米": "1000"},
    "area": {"cm2": "0.0001", "m2": "1", "㎡": "1", "平方米": "1", "公顷": "10000"},
    "volume": {"ml": "0.001", "l": "1", "m3": "1000", "毫升": "0.001", "升": "1", "立方米": "1000"},
    "time": {"s": "1", "min": "60", "h": "3600", "秒": "1", "分钟": "60", "小时": "3600"},
    "data": {"B": "1", "kB": "1000", "MB": "1000000", "GB": "1000000000", "TB": "1000000000000"},
    "pieces": {"pcs": "1", "件": "1", "个": "1", "台": "1", "套": "1"},
}  # fmt: skip
UNITS: Mapping[str, tuple[str, Decimal]] = {
    unit: (kind, Decimal(factor)) for kind, units in _KINDS.items() for unit, factor in units.items()
}
"""Unit -> (what it measures, how many of the kind's own unit it is)."""
_FORM = re.compile(r"(-?[0-9.,]+)\s*([^\s0-9.,-]+[23]?)\Z")


def quantity(unit: str) -> Callable[[Any], str | None]:
    """The converter ``quantity UNIT``."""
    kind, worth = UNITS[unit]
    allowed = f"a number of {unit}, or one with a unit of {kind}: {', '.join(_KINDS[kind])}"

    def convert(value: Any) -> str | None:
        if value.__class__ is not str:
            found = exact(value)
            return None if found is None else decimal_text(found)
        words = typed(value.replace("㎡", "m2").replace("²", "2").replace("³", "3"))
        if not words:
            return None
        number = number_of(words)
        if number is not None:
            return decimal_text(number)
        form = _FORM.match(words)
        amount = number_of(form[1]) if form else None
        if form is None or amount is None:
            raise Unconvertible("bad-number", value, allowed)
        own = UNITS.get(form[2]) or UNITS.get(form[2].lower())
        if own is None or own[0] != kind:
            raise Unconvertible("unit-mismatch", value, allowed)
        return _in(EXACT.multiply(amount, own[1]), worth, value, allowed)

    return convert


def _in(amount: Decimal, worth: Decimal, value: Any, allowed: str) -> str:
    """The amount in the row's unit; refused where that would have to be rounded."""
    try:
        return decimal_text(EXACT.divide(amount, worth))
    except DecimalException:
        raise Unconvertible("bad-number", value, f"{allowed}, exact in that unit") from None
