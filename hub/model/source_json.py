"""Source JSON: read through decimals, refused where two readers could disagree about it.

Every check looks at the raw bytes first (one pass of C each) and walks the value only when those bytes could
hold what it forbids; a normal body pays under two microseconds over the parser itself.
"""

from __future__ import annotations

import re
from decimal import Decimal

import jiter

from hub.model.record import Json, Rejected

DEPTH_MAX = 64
NODES_MAX = 100_000
NUMBER_DIGITS_MAX = 100

_BOM = b"\xef\xbb\xbf"
_SHAPE = bytes.maketrans(b"123456789E[", b"000000000e{")
_SIGNS = b"+-"
"""``body.translate(_SHAPE, _SIGNS)``: digits become 0, brackets {, signs go; then forbidden shapes are one find."""
_WORDS = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF:,{["))
"""What the shape can do without in a first look: a third of it is left. (Letters of hashes part their digits.)"""
_LONG = b"0" * (NUMBER_DIGITS_MAX // 2)
"""Half the limit, because a number of 101 digits may have its point in the middle."""
_NOT_A_NUMBER = re.compile(rb"[\[{,:]\s*-?(?:NaN|Infinity|inf|nan)\b|^\s*-?(?:NaN|Infinity)\s*$")
_LONE_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F])|\xed[\xa0-\xbf]"
)


def parse(body: bytes) -> Json | Rejected:
    """The value of a JSON text in UTF-8 (a byte order mark is tolerated), or why it cannot be taken."""
    if body.startswith(_BOM):
        body = body[3:]
    try:
        value = jiter.from_json(
            body, float_mode="decimal", catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys"
        )
    except ValueError as error:
        return _refused(body, str(error))
    if _is_suspect(body):
        return _walked(value)
    return value


def _is_suspect(body: bytes) -> bool:
    """Whether the bytes could hold something forbidden. (``12e99`` passes: an exponent of two digits is harmless.)"""
    if (b"\\" in body and b"\\u0000" in body) or len(body) > NODES_MAX:
        return True
    core = body.translate(_SHAPE, _WORDS)
    if b"0e000" not in core and _LONG not in core and core.count(b"{") <= DEPTH_MAX:
        return False  # what stands together in the shape stands together in its core
    shape = body.translate(_SHAPE, _SIGNS)
    if shape.count(b"{") > DEPTH_MAX or _LONG in shape:
        return True
    return b"0e000" in shape and _has_long_exponent(shape)


def _has_long_exponent(shape: bytes) -> bool:
    """Whether one of the ``0e000`` is a number; in hashes and ids, which often hold one, a letter or quote leads."""
    at = shape.find(b"0e000")
    while at >= 0:
        start = at
        while start > 0 and shape[start - 1] in b"0.":
            start -= 1
        if start == 0 or shape[start - 1] in b":,{ \t\r\n":
            return True
        at = shape.find(b"0e000", at + 1)
    return False


def _walked(value: Json) -> Json | Rejected:
    """The value, looked at node by node, level by level (no recursion: depth is what is being bounded)."""
    level, depth, nodes = [value], 0, 0
    while level:
        depth += 1
        nodes += len(level)
        if nodes > NODES_MAX:
            return Rejected("too-many-nodes", f"more than {NODES_MAX} values in one body")
        below: list[Json] = []
        for node in level:
            kind = type(node)
            if kind is dict:
                below.extend(node.values())
                if any("\0" in name for name in node):
                    return _nul()
            elif kind is list:
                below.extend(node)
            elif (problem := _scalar_problem(node)) is not None:
                return problem
        if below and depth > DEPTH_MAX:
            return _too_deep()
        level = below
    return value


def _scalar_problem(node: Json) -> Rejected | None:
    if isinstance(node, str):
        return _nul() if "\0" in node else None
    if isinstance(node, Decimal):
        return _number_too_long() if _decimal_digits(node) > NUMBER_DIGITS_MAX else None
    if isinstance(node, int) and abs(node) >= 10**NUMBER_DIGITS_MAX:
        return _number_too_long()
    return None


def _decimal_digits(number: Decimal) -> int:
    """The digits it takes to write the number without an exponent."""
    _, digits, exponent = number.as_tuple()
    return max(len(digits), len(digits) + int(exponent), -int(exponent))


def _too_deep() -> Rejected:
    return Rejected("too-deep", f"nested deeper than {DEPTH_MAX} levels")


def _nul() -> Rejected:
    return Rejected("nul", "a text holds a NUL character (\\u0000), which no database text can")


def _number_too_long() -> Rejected:
    return Rejected("number-too-long", f"a number of more than {NUMBER_DIGITS_MAX} digits")


def _refused(body: bytes, words: str) -> Rejected:
    """Why the parser stopped, in our slugs. The message never repeats the body: it may be private."""
    if "uplicate key" in words:
        at = words.rpartition(" at ")[2]
        return Rejected("duplicate-key", f"an object names a key twice, at {at}")
    if "recursion limit" in words:
        return _too_deep()
    if "number out of range" in words or "NumberOutOfRange" in words:
        return _number_too_long()
    if ("surrogate" in words or "hex escape" in words or b"\xed" in body) and _LONE_SURROGATE.search(body):
        return Rejected("lone-surrogate", f"half of a surrogate pair: {words}")
    if _NOT_A_NUMBER.search(body):
        return Rejected("not-a-number", "NaN and Infinity are no JSON numbers")
    return Rejected("bad-json", f"not JSON: {words}")
