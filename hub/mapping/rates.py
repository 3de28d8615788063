"""Tables of rates: dated files below ``mappings/rates``, declared and versioned, never asked of anybody live.

``days`` says what one unit of each currency is worth in ``base`` from that day on. The rate of a record is that of
the newest day not after the record's own date; before the first day, or later than ``valid`` after the day that
counts, there is none. Pure: building and converting; the file was read by ``files``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from hub.mapping.convert import Unconvertible
from hub.mapping.convert.money import code_of, of
from hub.mapping.form import Form
from hub.mapping.literals import duration
from hub.mapping.read import Mapping, Scalar
from hub.mapping.table import RatesDef
from hub.model.clock import SECOND
from hub.model.record import Json
from hub.model.values import CURRENCIES, MINOR_DIGITS, amount_text, decimal_text

RATES_KEYS = ("rates", "title", "source", "base", "valid", "days")
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_DAY = 86_400 * SECOND


@dataclass(frozen=True, slots=True)
class Rated:
    """Converted money, and how: what the event keeps."""

    money: dict[str, str]
    about: dict[str, Json]


def rates_of(form: Form, name: str) -> RatesDef:
    """The table a file says. What is wrong is reported in the file's own lines."""
    base = form.text("base", example="CNY")
    if base and base not in CURRENCIES:
        _bad(form, "base", f'"{base}" is no currency', "a code of ISO 4217")
    valid = form.literal("valid", duration)
    days: dict[str, dict[str, Decimal]] = {}
    form.need("days", "{2026-01-01: {USD: 7.12}}")
    for key, node in form.pairs("days"):
        day = _day(key)
        if day is None or not isinstance(node, Mapping):
            form.findings.report("bad-literal", key, f'"{key.text}" is no day', "", "write 2026-01-31: {USD: 7.12}")
            continue
        days[day] = dict(_worth(form, node))
    found = tuple((day, days[day]) for day in sorted(days))
    return RatesDef(name, base, found, None if valid is None else valid // _DAY)


def _bad(form: Form, key: str, message: str, why: str) -> None:
    form.findings.report("bad-literal", form.place(key), message, why, "correct it")


def _day(key: Scalar) -> str | None:
    try:
        return date.fromisoformat(key.text).isoformat() if len(key.text) == 10 else None
    except ValueError:
        return None


def _worth(form: Form, node: Mapping) -> list[tuple[str, Decimal]]:
    found = []
    for key, value in node.pairs.values():
        number = value.value if isinstance(value, Scalar) else None
        if key.text not in CURRENCIES or isinstance(number, bool) or not isinstance(number, int | Decimal):
            why = "a currency of ISO 4217 and what one unit of it is worth in the base"
            form.findings.report("bad-literal", key, f'"{key.text}" is no rate', why, "write USD: 7.12")
        elif number <= 0:
            form.findings.report("bad-literal", key, "a rate is above zero", "", "write USD: 7.12")
        else:
            found.append((key.text, Decimal(number)))
    return found


def known(rates: RatesDef) -> frozenset[str]:
    """Every currency the table can convert."""
    return frozenset({rates.base, *(code for _, worth in rates.days for code in worth)})


def rated(rates: RatesDef, target: str, day_of: Callable[[Any], str | None]) -> Callable[[Any, Any, Any], Any]:
    """The converter of a row: (value, the currency beside it or None, the record's date) to money in ``target``."""
    days = [day for day, _ in rates.days]
    cent = Decimal(1).scaleb(-MINOR_DIGITS.get(target, 2))

    def convert(value: Any, currency: Any, dated: Any) -> Any:
        found = of(value, code_of(currency) if currency is not None else "")
        if found is None or found["currency"] == target:
            return found
        day = day_of(dated) if dated is not None else None
        if day is None:
            raise Unconvertible("no-rate", dated, "a date: which day's rate counts is not known")
        at = bisect_right(days, day) - 1
        worth = _at(rates, at, day, found["currency"], target)
        exact = _EXACT.multiply(Decimal(found["amount"]), worth)
        amount = _EXACT.quantize(exact, cent)
        about = {"from": found, "rate": decimal_text(+_EXACT.plus(worth)), "day": days[at], "table": rates.name}
        return Rated({"amount": amount_text(amount, target), "currency": target}, about)

    return convert


def _at(rates: RatesDef, at: int, day: str, source: str, target: str) -> Decimal:
    """What one unit of ``source`` is worth in ``target``."""
    stale = at >= 0 and rates.valid_days is not None and _between(rates.days[at][0], day) > rates.valid_days
    worth = {} if at < 0 or stale else {**rates.days[at][1], rates.base: Decimal(1)}
    if source not in worth or target not in worth:
        allowed = f"a day for which {rates.name} has {source} and {target}"
        raise Unconvertible("no-rate", f"{source} on {day}", allowed)
    return _EXACT.divide(worth[source], worth[target])


def _between(before: str, after: str) -> int:
    return (date.fromisoformat(after) - date.fromisoformat(before)).days
