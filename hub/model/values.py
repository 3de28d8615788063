"""Values with meaning: money, decimals, instants, dates; their canonical JSON and their typed form.

Canonical JSON (what ``entity.state``, event data and payloads hold), by the schema's ``x-type``:

=========  ==========================================  =======================
x-type     canonical JSON                              typed (in expressions)
=========  ==========================================  =======================
money      {"amount": "1234.50", "currency": "CNY"}    Money
decimal    "1.5"                                       Decimal
instant    "2026-01-05T01:02:03.000Z"                  datetime, aware, UTC
date       "2026-01-05"                                date
person     "E1001" (employee code of people.yaml)      str
ref        "jira:10041" (or a label not yet known)     str
=========  ==========================================  =======================

Text, booleans, integers, lists and objects are themselves. No float appears anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

from hub.model.clock import instant_text
from hub.model.record import Json

_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_MILS = "BHD IQD JOD KWD LYD OMR TND"
MINOR_DIGITS = {**dict.fromkeys(_WHOLE.split(), 0), **dict.fromkeys(_MILS.split(), 3)}
"""ISO 4217 minor units that are not two."""


_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH
UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
"""Codes of ISO 4217 in use (and CNH, offshore renminbi, which systems write)."""

EXACT = Context(prec=300, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])
"""Sums, differences and products are exact or an error; Python's default would round at 28 digits unseen."""


class CurrencyMismatch(ValueError):
    """Money of different currencies was added or compared."""


@dataclass(frozen=True, slots=True)
class Money:
    """A decimal amount with its ISO 4217 currency. Adding different currencies raises ``CurrencyMismatch``."""

    amount: Decimal
    currency: str

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add up without a declared rate")
        return other

    def __add__(self, other: Money) -> Money:
        return Money(EXACT.add(self.amount, self._same(other).amount), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(EXACT.subtract(self.amount, self._same(other).amount), self.currency)

    def __neg__(self) -> Money:
        return Money(self.amount.copy_negate(), self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        return Money(EXACT.multiply(self.amount, factor), self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other).amount

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other).amount

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other).amount

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other).amount

    def json(self) -> dict[str, str]:
        """Canonical JSON: at least the currency's minor digits, more only where the amount has them."""
        return {"amount": amount_text(self.amount, self.currency), "currency": self.currency}


def amount_text(amount: Decimal, currency: str) -> str:
    """The amount with the currency's minor digits (``12.50``); further digits are kept, never rounded."""
    digits = MINOR_DIGITS.get(currency, 2)
    exponent = amount.as_tuple().exponent
    if exponent == -digits:
        return format(amount, "f")
    plain = decimal_text(amount)
    whole, _, fraction = plain.partition(".")
    fraction = fraction.ljust(digits, "0")
    return f"{whole}.{fraction}" if fraction else whole


def decimal_text(value: Decimal | int) -> str:
    """Canonical text of a number: no exponent, no trailing zeros, no negative zero (``1.50`` -> ``1.5``)."""
    if isinstance(value, int):
        return str(value)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def canonical(value: object) -> Json:
    """The canonical JSON of a typed value, recursively (Money, Decimal, datetime, date; tuples become lists)."""
    match value:
        case Money():
            return value.json()
        case Decimal():
            return decimal_text(value)
        case datetime():
            return instant_text(value)
        case date():
            return value.isoformat()
        case dict():
            return {name: canonical(part) for name, part in value.items()}
        case list() | tuple():
            return [canonical(part) for part in value]
        case _:
            return value


def money_of(value: Json) -> Money | None:
    """The Money of its canonical JSON (None stays None)."""
    return None if value is None else Money(Decimal(value["amount"]), value["currency"])


def instant_of(value: Json) -> datetime | None:
    """The aware UTC datetime of its canonical text (None stays None)."""
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)
