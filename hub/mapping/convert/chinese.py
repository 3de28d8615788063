"""Numbers written in Chinese: 一千二百三十四, 壹佰, 二〇二六, 十二点五, 3万5千; amounts as contracts spell them.

Nothing is guessed: 二百五 is said for 250 and written for 205, so it is refused (二百五十 and 二百零五 are clear).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from hub.mapping.convert.failure import Unconvertible
from hub.mapping.convert.numbers import number_of, typed, whole
from hub.model.values import EXACT, decimal_text

_SIGNS = ("零〇○", "一壹幺", "二贰貳两兩", "三叁參", "四肆", "五伍", "六陆陸", "七柒", "八捌", "九玖")
_DIGITS = {sign: value for value, signs in enumerate(_SIGNS) for sign in signs}
_TENS = {"十": 1, "拾": 1, "百": 2, "佰": 2, "千": 3, "仟": 3}
_MYRIADS = {"万": 4, "萬": 4, "亿": 8, "億": 8}
_PARTS = {"元": Decimal(1), "圆": Decimal(1), "圓": Decimal(1), "角": Decimal("0.1"), "分": Decimal("0.01")}
_AMOUNT = re.compile(r"(?:人民币)?(负)?(?:([^元圆圓角分整正]+)[元圆圓])?(?:零?(.)角)?(?:零?(.)分)?[整正]?\Z")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")
LENGTH_MAX = 60
ALLOWED = "a number: 一千二百三十四, 壹佰, 3万5千, 12.5"


def number(value: Any) -> str | None:
    """The converter ``cn-number`` for a decimal field."""
    found = _exact(value)
    return None if found is None else decimal_text(found)


def integer(value: Any) -> int | None:
    """The converter ``cn-number`` for an integer field."""
    found = _exact(value)
    return None if found is None else whole(value, found)


def _exact(value: Any) -> Decimal | int | None:
    if value.__class__ is int or (value.__class__ is Decimal and value.is_finite() and abs(value.adjusted()) <= 100):
        return value
    if value.__class__ is not str:
        raise Unconvertible("bad-number", value, ALLOWED)
    words = typed(value)
    if not words:
        return None
    found = number_of(words)
    found = spelt(words) if found is None else found
    if found is None:
        raise Unconvertible("bad-number", value, ALLOWED)
    return found


def amount(words: str) -> Decimal | None:
    """An amount in yuan as contracts spell it (壹万贰仟元整, 叁佰元零伍分); None where it is none."""
    found = _AMOUNT.match(words) if len(words) <= LENGTH_MAX else None
    if found is None or not any(found.groups()[1:]):
        return None
    yuan = spelt(found[2]) if found[2] else Decimal(0)
    cents = [_DIGITS.get(sign) if sign else 0 for sign in (found[3], found[4])]
    if yuan is None or cents[0] is None or cents[1] is None:
        return None
    total = EXACT.add(yuan, Decimal(10 * cents[0] + cents[1]).scaleb(-2))
    return total.copy_negate() if found[1] else total


def spelt(words: str) -> Decimal | None:
    """The number a text in Chinese says; None where it says none, or could say two."""
    if len(words) > LENGTH_MAX:
        return None
    minus = words[:1] in ("负", "負", "-")
    before, point, after = words[minus:].partition("点")
    found = _digits(before) if before and all(sign in _DIGITS for sign in before) else _sections(before)
    fraction = _digits(after) if after and all(sign in _DIGITS for sign in after) else None
    if found is None or (point and fraction is None):
        return None
    if fraction is not None:
        found = EXACT.add(found, fraction.scaleb(-len(after)))
    return found.copy_negate() if minus else found


def _digits(words: str) -> Decimal | None:
    """Digit by digit: 二〇二六."""
    return Decimal("".join(str(_DIGITS[sign]) for sign in words))


def _sections(words: str) -> Decimal | None:
    """Sections of four digits, each with its 万 or 亿: 三亿五千万零二十."""
    for sign in ("亿", "億", "万", "萬"):
        before, found, after = words.rpartition(sign)
        if found:
            high = _sections(before)
            low = Decimal(0) if not after else _sections(after)
            twice = any(_MYRIADS.get(other) == _MYRIADS[sign] for other in before)
            if high is None or low is None or twice or low >= Decimal(10) ** _MYRIADS[sign] or _dangling(after):
                return None
            return EXACT.add(high.scaleb(_MYRIADS[sign]), low)
    return _section(words)


def _dangling(after: str) -> bool:
    """A digit alone right behind a unit: 一万五 is said for 15,000 and would read as 10,005."""
    return len(after) == 1


def _section(words: str) -> Decimal | None:
    """Below ten thousand: 三千零五, 十五, 3千."""
    rest = words.lstrip("零〇○")
    total, last, zero = Decimal(0), 4, len(rest) < len(words)
    if not rest:
        return None
    while rest:
        digit, rest = _digit(rest)
        unit = _TENS.get(rest[:1])
        if unit is None:
            if digit is None or rest or (last > 1 and last < 4 and not zero):
                return None
            return EXACT.add(total, digit)
        if unit >= last - zero or (digit is None and unit != 1) or digit == 0:
            return None
        total = EXACT.add(total, (Decimal(1) if digit is None else digit).scaleb(unit))
        behind = rest[1:].lstrip("零〇○")
        zero, last, rest = len(behind) < len(rest) - 1, unit, behind
    return total


def _digit(words: str) -> tuple[Decimal | None, str]:
    """One digit (or a plain number) at the beginning, and what follows it."""
    sign = words[:1]
    if sign in _DIGITS:
        return Decimal(_DIGITS[sign]), words[1:]
    found = _PLAIN.match(words)
    return (Decimal(found[0]), words[found.end() :]) if found else (None, words)
