"""Text into tokens of the expression language, with offsets. Knows spelling, not grammar."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from hub.mapping.expression.habits import instead_of
from hub.mapping.expression.tree import Span
from hub.mapping.signs import ASCII, INVISIBLE, name_of

TEXT_BYTES_MAX = 64 * 1024
"""Longer than any expression a person reads; bounds the parser and the generated function."""
NUMBER_DIGITS_MAX = 100

_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\r\n]+|//[^\n]*)+)
      |(?P<number>0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      |(?P<string>[rR]?(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
      |(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
      |(?P<mark>&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_RAW = re.compile(
    r"""[rR](?P<q>\"\"\"|'''|"|')(?P<text>.*?)(?P=q)""",
    re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|[xX](?P<x>[0-9a-fA-F]{2})|(?P<o>[0-3][0-7]{2})|(?P<c>.))",
    re.DOTALL,
)
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip

Fail = Callable[[Span, str, str], NoReturn]


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is name, text, number, mark or end; ``value`` the read literal, else the spelling."""

    kind: str
    value: str | int | Decimal
    span: Span


def tokens(text: str, fail: Fail) -> Iterator[Token]:
    """All tokens, then one of kind ``end``. Calls ``fail`` (which raises) at what is no token."""
    at = 0
    while at < len(text):
        raw = _RAW.match(text, at)
        found = raw or _TOKEN.match(text, at)
        if found is None:
            _no_token(text, at, fail)
        span = Span(at, found.end())
        at = found.end()
        kind = "raw" if raw else str(found.lastgroup)
        if kind != "space":
            yield _token(kind, found, span, fail)
    yield Token("end", "", Span(len(text), len(text)))


def _token(kind: str, found: re.Match[str], span: Span, fail: Fail) -> Token:
    spelling = found.group()
    match kind:
        case "raw":
            return Token("text", found.group("text"), span)
        case "string":
            return Token("text", _unescape(_inside(spelling), span, fail), span)
        case "number":
            return Token("number", _number(spelling, span, fail), span)
        case _:
            return Token(kind, spelling, span)


def _inside(spelling: str) -> str:
    quotes = 3 if spelling[:3] in ('"""', "'''") and len(spelling) >= 6 else 1
    return spelling[quotes:-quotes]


def _number(spelling: str, span: Span, fail: Fail) -> int | Decimal:
    if len(spelling) > NUMBER_DIGITS_MAX:
        fail(span, f"a number of {len(spelling)} characters", f"at most {NUMBER_DIGITS_MAX}")
    if spelling[:2] in ("0x", "0X"):
        return int(spelling, 16)
    if spelling.isdigit():
        return int(spelling)
    value = Decimal(spelling)
    if abs(value.adjusted()) > NUMBER_DIGITS_MAX:
        fail(span, f"the number {spelling} is out of range", f"at most {NUMBER_DIGITS_MAX} digits")
    return value


def _unescape(text: str, span: Span, fail: Fail) -> str:
    if "\\" not in text:
        return text

    def one(found: re.Match[str]) -> str:
        if simple := found.group("c"):
            return _SIMPLE.get(simple) or fail(
                span, f'"\\{simple}" is no escape', "write \\\\ for a backslash, or r'...' for raw text"
            )
        code = int(found.group("o"), 8) if found.group("o") else int(found["u"] or found["U"] or found["x"], 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or code == 0:
            fail(span, f"{found.group()} is no character", "write a code point that is one")
        return chr(code)

    return _ESCAPE.sub(one, text)


def _no_token(text: str, at: int, fail: Fail) -> NoReturn:
    character = text[at]
    span = Span(at, at + 1)
    if character in "\"'":
        fail(span, "this text has no closing quote", f"end it with {character}")
    if character in "=&|":
        fail(span, f'"{character}" is no operator', f"write {character * 2}")
    if character in ASCII:
        run = re.match(f"{re.escape(character)}+", text[at:])
        signs = run[0] if run else character
        kind = "is no quote here" if ASCII[character] in "\"'" else "is a full-width sign"
        fail(Span(at, at + len(signs)), f"{signs} {kind}", f"write {ASCII[character] * len(signs)}")
    if INVISIBLE.match(character):
        fail(span, f"{name_of(character)} stands here", "remove it; separate with plain blanks")
    if character.isalpha():
        _foreign_name(text, at, fail)
    if text[at : at + 2] == "${":
        fail(span, "$ has no meaning here", "write the name alone, without ${ }")
    fail(span, f'"{character}" has no meaning here', "see the expression page of the manual")


def _foreign_name(text: str, at: int, fail: Fail) -> NoReturn:
    """``project.状态``: a name of other letters is written in brackets, behind what holds it."""
    before = re.search(r"(?P<of>[\w.\[\]\"]*)\.\w*$", text[:at])
    found = re.match(r"\w+", text[at:])
    word = found[0] if found else text[at]
    fix = f'write {before["of"]}["{word}"]' if before else instead_of(word) or f'a text needs quotes: "{word}"'
    fail(Span(at, at + len(word)), f'a name cannot hold "{text[at]}"', fix)
