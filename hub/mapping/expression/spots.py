"""Where a character of an expression stands in its file when YAML wrote it otherwise: doubled quotes, escapes, lines.

Only findings ask, so it is worked out then. It must know how YAML folds and escapes, and nothing about expressions.
"""

from __future__ import annotations

import re

_BLANKS = re.compile(r"\s*")
_STYLES = {
    "'": (_BLANKS, re.compile("''|.")),
    '"': (
        re.compile(r"(?:\s|\\(?:\r?\n|[ \tnrvf_NLPt]|x20|u0020))*"),
        re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|."),
    ),
}
_PLAIN = (_BLANKS, re.compile("."))


def spots(text: str, raw: str) -> list[tuple[int, int]]:
    """From where to where in ``raw`` (quotes and block marks included) each character of ``text`` stands. Blanks
    that lines are folded into have no place of their own: they stand where the word before them ends."""
    blanks, letter = _STYLES.get(raw[:1], _PLAIN)
    at = raw.find("\n") + 1 if raw[:1] in ("|", ">") else int(raw[:1] in _STYLES)
    found: list[tuple[int, int]] = []
    for character in text:
        if character.isspace():
            found.append((at, at + 1))
            continue
        start = _end(blanks, raw, at)
        at = _end(letter, raw, start)
        found.append((start, at))
    return found


def _end(pattern: re.Pattern[str], raw: str, at: int) -> int:
    match = pattern.match(raw, at)
    return at if match is None else match.end()


def line_and_column(raw: str, at: int, line: int, column: int) -> tuple[int, int]:
    """Where ``raw[at]`` stands, when ``raw`` begins at that line and column."""
    before = raw[:at]
    if "\n" not in before:
        return line, column + at
    return line + before.count("\n"), at - before.rfind("\n")
