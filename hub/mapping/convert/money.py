"""``money [CUR]``: amounts as systems and people write them, exact, in one known currency.

Taken: 1234.5, "12,345.60", "¥1.2万", "3.5亿元", "CNY 100", "100元", 壹佰元整, full-width digits, a minus sign.
Refused: "1.234,56" (two meanings), NaN, parentheses, words. A sign or code of another currency is
``currency-mismatch``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hub.mapping.convert import chinese
from hub.mapping.convert.failure import Unconvertible
from hub.mapping.convert.numbers import DIGITS_MAX, number_of, typed
from hub.model.values import CURRENCIES, EXACT, MINOR_DIGITS, Money, amount_text

MoneyJson = dict[str, str]
_DOLLARS = frozenset(("USD", "HKD", "TWD", "SGD", "AUD", "CAD", "NZD", "MOP", "MXN"))
SIGNS: dict[str, frozenset[str]] = {
    "¥": frozenset(("CNY", "CNH", "JPY")),
    "元": frozenset(("CNY", "CNH")),
    "圆": frozenset(("CNY", "CNH")),
    "人民币": frozenset(("CNY", "CNH")),
    "RMB": frozenset(("CNY", "CNH")),
    "円": frozenset(("JPY",)),
    "日元": frozenset(("JPY",)),
    "美元": frozenset(("USD",)),
    "港元": frozenset(("HKD",)),
    "港币": frozenset(("HKD",)),
    "欧元": frozenset(("EUR",)),
    "英镑": frozenset(("GBP",)),
    "US$": frozenset(("USD",)),
    "HK$": frozenset(("HKD",)),
    "NT$": frozenset(("TWD",)),
    "$": _DOLLARS,
    "€": frozenset(("EUR",)),
    "£": frozenset(("GBP",)),
    "₩": frozenset(("KRW", "KPW")),
    "₹": frozenset(("INR",)),
}
_SURE = {"元": "CNY", "圆": "CNY", "人民币": "CNY", "RMB": "CNY"}
"""Signs that name one currency although a second code for it exists."""
_UNITS = {"千": 3, "万": 4, "十万": 5, "百万": 6, "千万": 7, "亿": 8, "十亿": 9, "百亿": 10, "千亿": 11, "万亿": 12}
_WORDS = "|".join(sorted(map(re.escape, SIGNS), key=len, reverse=True))
_FORM = re.compile(
    rf"(?P<minus>-?)\s*(?P<before>{_WORDS}|[A-Za-z]{{3}})?\s*(?P<number>-?[0-9.,]+)\s*"
    rf"(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})?\s*(?P<after>{_WORDS}|[A-Za-z]{{3}})?\Z"
)
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,40})(?:\.[0-9]{1,40})?\Z")
ALLOWED = 'an amount: 1234.5, "12,345.60", "¥1.2万", "CNY 100"'


def fixed(currency: str) -> Callable[[Any], MoneyJson | None]:
    """The converter ``money CUR``."""
    digits = MINOR_DIGITS.get(currency, 2)
    point = -digits - 1

    def convert(value: Any) -> MoneyJson | None:
        kind = value.__class__
        if kind is Decimal or kind is int or (kind is str and _PLAIN.match(value)):
            text = str(value)
            # Spellings that need nothing worked out: all of the currency's digits are there, or only zeros lack.
            if digits and "E" not in text and text[:2] != "-0":
                if text[point:-digits] == ".":
                    return {"amount": text, "currency": currency}
                if digits == 2 and (text[-2:-1] == "." or kind is int):
                    return {"amount": text + ("0" if kind is not int else ".00"), "currency": currency}
        return of(value, currency)

    return convert


def of(value: Any, currency: str) -> MoneyJson | None:
    """Canonical money of a value; ``currency`` empty: it must say its own. None for empty text."""
    match value:
        case bool():
            pass
        case int() | Decimal():
            return _number(value, currency)
        case str():
            return _text(value, currency)
        case Money():
            return _known(value, value.currency, currency, value.amount)
        case {"amount": str(amount), "currency": str(own)} if own in CURRENCIES and _PLAIN.match(amount):
            return _known(value, own, currency, Decimal(amount))
    raise Unconvertible("bad-money", value, ALLOWED)


def _number(value: int | Decimal, currency: str) -> MoneyJson:
    number = value if isinstance(value, Decimal) else Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > DIGITS_MAX:
        raise Unconvertible("bad-money", "a number out of range", f"at most {DIGITS_MAX} digits")
    if not currency:
        raise Unconvertible("missing-currency", value, "an amount with its currency")
    return _json(number, currency)


def _known(value: Any, own: str, currency: str, amount: Decimal) -> MoneyJson:
    if currency and own != currency:
        raise Unconvertible("currency-mismatch", value, f"an amount in {currency}")
    return _json(amount, own)


def _json(amount: Decimal, currency: str) -> MoneyJson:
    text = amount_text(amount, currency)
    if text.startswith("-") and not text.strip("-0."):
        text = text[1:]
    return {"amount": text, "currency": currency}


def _text(value: str, currency: str) -> MoneyJson | None:
    words = typed(value)
    if not words:
        return None
    found = _FORM.match(words) if len(words) <= DIGITS_MAX else None
    number = number_of(found["number"]) if found else None
    spelt = chinese.amount(words) if number is None and currency in ("", "CNY") else None
    if spelt is not None:
        return _json(spelt, "CNY")
    if found is None or number is None or (found["minus"] and found["number"].startswith("-")):
        raise Unconvertible("bad-money", value, ALLOWED)
    own = _currency(value, (found["before"], found["after"]), currency)
    if found["minus"]:
        number = number.copy_negate()
    return _json(number.scaleb(_UNITS[found["unit"]], EXACT) if found["unit"] else number, own)


def _currency(value: str, signs: tuple[str | None, str | None], currency: str) -> str:
    """The currency that the row and the signs agree on."""
    allowed = frozenset((currency,)) if currency else CURRENCIES
    said = False
    for sign in filter(None, signs):
        means = SIGNS.get(sign) or SIGNS.get(sign.upper()) or frozenset((sign.upper(),)) & CURRENCIES
        if not means:
            raise Unconvertible("bad-money", value, ALLOWED)
        if not allowed & means:
            raise Unconvertible("currency-mismatch", value, f"an amount in {currency or 'one currency'}")
        allowed, said = allowed & means, True
        if not currency and sign.upper() in _SURE:
            allowed &= frozenset((_SURE[sign.upper()],))
    if len(allowed) == 1 and (currency or said):
        return min(allowed)
    raise Unconvertible("missing-currency", value, "an amount with its currency code, e.g. “100 CNY”")


def code_of(value: Any) -> str:
    """A currency code read by ``currency: <path>``."""
    code = value.strip().upper() if isinstance(value, str) else ""
    if code in CURRENCIES:
        return code
    signs = SIGNS.get(code, frozenset())
    if code in _SURE or len(signs) == 1:
        return _SURE.get(code) or min(signs)
    raise Unconvertible("bad-currency", value, "a currency code of ISO 4217, e.g. CNY")
