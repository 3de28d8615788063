"""What is most probably wrong where YAML cannot be read: the parser's complaint -> place, what, why, fix.

The parser stops where it gives up, which is often a line below the mistake, and says it in its own words. So the
lines it was at are looked through for what people do: full-width signs of a Chinese keyboard, a tab, a blank, comma,
bracket or quote too few, a text that needs quotes. What none of the looks explains is told in the parser's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from hub.mapping.signs import ASCII, INVISIBLE, name_of
from hub.model.diagnostic import Place

Told = tuple[Place, str, str, str]
"""Place, what, why, fix."""

_QUOTED = re.compile(r"(?:(?<=[\s\[{,])|^)(?:\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*')|(?:^|(?<=\s))#.*")
_KEY = r"[A-Za-z_]+"
_WIDE = (
    re.compile(rf"(?:^\s*(?:- +)?|[{{,，｛]\s*){_KEY}(?P<sign>：)"),
    re.compile(rf"(?P<sign>，)\s*{_KEY}\s*[:：]"),
    re.compile(r"(?:^\s*|[:：-]\s*|[\[{,]\s*)(?P<sign>[｛［])"),
    re.compile(r"(?P<sign>[｝］])\s*$"),
    re.compile(r"[:：]\s*(?P<sign>[“”‘’「」『』])"),
)
_TIGHT_DASH = re.compile(r"\s*-(?=[A-Za-z{\[\"'])")
_TIGHT_COLON = re.compile(rf"\s*(?:- +)?(?P<key>{_KEY}):(?P<value>[^\s/].*)$")
_BARE_WORD = re.compile(rf"\s*(?:- +)?({_KEY})\s*$")


@dataclass(frozen=True, slots=True)
class _Stop:
    """Where the parser gave up: ``at`` (line, column), ``since`` what it was reading then; both count from 0."""

    file: str
    lines: tuple[str, ...]
    problem: str
    context: str
    at: tuple[int, int]
    since: tuple[int, int]

    def line(self, number: int) -> str:
        return self.lines[number] if 0 <= number < len(self.lines) else ""

    def before(self) -> int:
        """The last line with words before the one where it stopped; -1 without one."""
        return next((n for n in range(self.at[0] - 1, -1, -1) if self.line(n).strip()), -1)

    def suspects(self) -> Iterator[int]:
        """Lines the mistake may stand in, the likeliest first."""
        begun = "simple key" in self.context or "flow" in self.context
        yield from dict.fromkeys((*([self.since[0]] if begun else []), self.at[0], self.before()))

    def told(self, line: int, column: int, length: int, what: str, why: str, fix: str) -> Told:
        return Place(self.file, line + 1, column + 1, column + 1 + max(1, length)), what, why, fix


def unreadable(error: yaml.YAMLError, file: str, text: str) -> Told:
    """What to tell about a text the parser could not read."""
    if isinstance(error, yaml.reader.ReaderError):
        return _unprintable(error, file, text)
    stop = _stop(error, file, text)
    return next((told for look in _LOOKS if (told := look(stop)) is not None), None) or _as_said(stop)


def _stop(error: Any, file: str, text: str) -> _Stop:
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    since: Any = getattr(error, "context_mark", None) or mark
    lines = tuple(text.split("\n"))
    problem, context = getattr(error, "problem", None) or str(error), getattr(error, "context", None) or ""
    at, begun = ((each.line, each.column) if each else (0, 0) for each in (mark, since))
    return _Stop(file, lines, problem, context, at, begun)


def _unprintable(error: yaml.reader.ReaderError, file: str, text: str) -> Told:
    """A control character: the parser says only how many characters stand before it."""
    at = next((at for at, letter in enumerate(text) if ord(letter) == error.character), 0)
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    message = f"the character U+{error.character:04X} is not allowed"
    why = "YAML has no control characters; an editor may not even show it"
    return Place(file, line, column, column + 1), message, why, 'remove it; inside "…" write it as an escape'


def _bare(line: str) -> str:
    """The line with quoted texts and comments blanked out, every sign in its place."""
    return _QUOTED.sub(lambda found: " " * len(found[0]), line)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


# Signs


def _invisible(stop: _Stop) -> Told | None:
    for number in stop.suspects():
        found = INVISIBLE.search(_bare(stop.line(number)))
        if found:
            why = "YAML takes it for a letter of the word beside it"
            what = f"{name_of(found[0])} stands here"
            return stop.told(number, found.start(), 1, what, why, "remove it; indent and separate with plain blanks")
    return None


def _tab(stop: _Stop) -> Told | None:
    for number in stop.suspects():
        column = len(stop.line(number)) - len(stop.line(number).lstrip(" "))
        if stop.line(number)[column : column + 1] == "\t":
            why = "how deep a tab goes differs from editor to editor, so YAML takes none"
            return stop.told(number, column, 1, "a tab cannot indent", why, "indent with blanks")
    return None


def _full_width(stop: _Stop) -> Told | None:
    for number in stop.suspects():
        bare = _bare(stop.line(number))
        found = min((f for each in _WIDE if (f := each.search(bare))), key=lambda f: f.start("sign"), default=None)
        if found:
            sign, plain = found["sign"], ASCII[found["sign"]]
            why = f'it looks like "{plain}", but YAML takes it for a letter'
            blank = " and a blank behind it" if plain in ":," else ""
            what = f"{sign} is a full-width sign" if plain not in "\"'" else f"{sign} is no quote"
            return stop.told(number, found.start("sign"), 1, what, why, f"write {plain}{blank}")
    return None


# Blanks


def _tight_dash(stop: _Stop) -> Told | None:
    for number in stop.suspects():
        if found := _TIGHT_DASH.match(stop.line(number)):
            why = "a - begins an item of a list only with a blank behind it"
            fix = f"write - {stop.line(number)[found.end() :].split(' #')[0].rstrip()}"
            return stop.told(number, found.end() - 1, 1, "no blank behind the -", why, fix)
    return None


def _tight_colon(stop: _Stop) -> Told | None:
    for number in stop.suspects():
        if found := _TIGHT_COLON.match(_bare(stop.line(number)).rstrip()):
            why = "a : ends a key only with a blank behind it"
            value = stop.line(number)[found.start("value") : found.end()].rstrip()
            fix = f"write {found['key']}: {value}"
            return stop.told(number, found.end("key"), 1, "no blank behind the :", why, fix)
    return None


# Quotes


def _open_quote(stop: _Stop) -> Told | None:
    """A quote never closed, or closed by the opening one of a later text."""
    if "quoted scalar" in stop.context and "end of stream" in stop.problem:
        return _not_closed(stop, stop.since)
    line, quote = stop.line(stop.at[0]), _quote_before(stop)
    if not quote or ("'" not in line and '"' not in line):
        return None
    if line[: stop.at[1]].count(quote) != 1:
        return None
    for number in range(stop.at[0] - 1, max(-1, stop.at[0] - 50), -1):
        if stop.line(number).count(quote) % 2:
            return _not_closed(stop, (number, stop.line(number).rindex(quote)))
    return None


def _quote_before(stop: _Stop) -> str:
    """The quote that ends right before the place where it stopped."""
    before = stop.line(stop.at[0])[: stop.at[1]].rstrip()
    return before[-1:] if before[-1:] in ("'", '"') else ""


def _not_closed(stop: _Stop, where: tuple[int, int]) -> Told:
    quote = stop.line(where[0])[where[1] : where[1] + 1]
    why = "everything up to the next quote was taken for this text"
    return stop.told(*where, 1, f"this {quote} is not closed", why, f"end the text with {quote}")


def _behind_closed(stop: _Stop) -> Told | None:
    """``'a' == 'b'``, ``["a"].exists(…)``: a quoted text or a list ends the value it begins."""
    line = stop.line(stop.at[0])
    sign, rest = line[: stop.at[1]].rstrip()[-1:], line[stop.at[1] :].split(" #")[0].rstrip()
    if sign not in ("'", '"', "]", "}") or not rest or "expected key" not in stop.problem:
        return None
    why = f"the value ends at this {sign}, and a line holds one value"
    fix = "put ' around the whole value" + (', and " around texts inside it' if sign in "'\"" else "")
    return stop.told(*stop.at, len(rest), f"text stands behind the closing {sign}", why, fix)


def _escape(stop: _Stop) -> Told | None:
    if "escape" not in stop.problem:
        return None
    why = r'inside "…" a \ begins an escape such as \n'
    return stop.told(*stop.at, 1, "no such escape", why, r"write \\, or put the text in '…'")


# Brackets and commas


def _open_bracket(stop: _Stop) -> Told | None:
    """A ``{`` or ``[`` that is still open where a line of the same or an outer level begins."""
    if "flow" not in stop.context or stop.at[0] == stop.since[0]:
        return None
    line, opened = stop.line(stop.at[0]), stop.line(stop.since[0])
    if line.strip() and _indent(line) > _indent(opened):
        return None
    sign = opened[stop.since[1] : stop.since[1] + 1]
    close = {"{": "}", "[": "]"}.get(sign, "")
    why = f"line {stop.at[0] + 1} begins something new, and it is still open there"
    return stop.told(*stop.since, 1, f"this {sign} is not closed", why, f"add the missing {close} at its end")


def _extra_bracket(stop: _Stop) -> Told | None:
    sign = stop.line(stop.at[0])[stop.at[1] : stop.at[1] + 1]
    if sign not in ("}", "]") or "flow" in stop.context:
        return None
    return stop.told(
        *stop.at, 1, f"this {sign} closes nothing", "every { and [ is closed already", f"remove the {sign}"
    )


def _in_brackets(stop: _Stop) -> Told | None:
    """``{a: x b: y}``: a comma too few; ``{zh: a: b}``: a text that needs quotes."""
    if "flow" not in stop.context:
        return None
    line, column = stop.line(stop.at[0]), stop.at[1]
    if line[column : column + 1] == ":":
        return _second_colon(stop)
    if not line[column:].strip() or line[column] == "#":
        return None
    if line[column - 1 : column] not in (" ", ",", ""):
        return _cut_value(stop, line, column)
    why = "the parts inside {} and [] are separated by commas"
    return stop.told(*stop.at, len(line[column:].split()[0]), "a comma is missing before this", why, "write a , here")


def _cut_value(stop: _Stop, line: str, column: int) -> Told:
    """``from: row["a"]`` in braces: the ``[`` ends the value in the middle of its word."""
    start = max(line.rfind(": ", 0, column) + 2, 0)
    found = re.match(r"[^,}#]*", line[start:])
    value = (found[0] if found else line[start:]).strip()
    quote = '"' if "'" in value else "'"
    why = "inside {} and [] a [ begins a list, also in the middle of a word"
    what = f"{value} needs quotes here"
    return stop.told(stop.at[0], start, len(value), what, why, f"put quotes around it: {quote}{value}{quote}")


def _second_colon(stop: _Stop) -> Told | None:
    """A ``: `` inside a value: the end of a text without quotes, or of the key behind a missing comma."""
    line, column = stop.line(stop.at[0]), stop.at[1]
    start = max(line.rfind(": ", 0, column) + 2, 0)
    value = re.match(r"[^,}\]#]*", line[start:])
    text = (value[0] if value else "").strip()
    key = re.search(rf"\s({_KEY})$", line[start:column])
    if "flow" in stop.context and key:
        why = "the parts inside {} and [] are separated by commas"
        fix = f"write , {key[1]}: …"
        return stop.told(stop.at[0], start + key.start(1), len(key[1]), f"no comma before {key[1]}", why, fix)
    quote = '"' if "'" in text else "'"
    why = "a : with a blank behind it ends a key, also in the middle of a text"
    fix = f"put quotes around it: {quote}{text}{quote}"
    return stop.told(stop.at[0], start, len(text), "a value with a : in it needs quotes", why, fix)


# Lines


def _first_sign(stop: _Stop) -> Told | None:
    """``@``, `` ` ``, ``%``, ``&``, ``|``, ``>`` begin no plain value."""
    where = stop.since if "anchor" in stop.context or "block scalar" in stop.context else stop.at
    where = stop.since if "directive" in stop.context else where
    line = stop.line(where[0])
    sign, rest = line[where[1] : where[1] + 1], line[where[1] :].split(" #")[0].rstrip(" ,}")
    if sign not in tuple("@`%&|>") or not rest:
        return None
    value = line[line.rfind(": ", 0, where[1]) + 2 :] if ": " in line[: where[1]] else rest
    value = value.split(" #")[0].strip(" ,}")
    quote = '"' if "'" in value else "'"
    what = f"{sign} cannot stand here without quotes"
    why = "at the beginning of a word it has a meaning of its own in YAML"
    return stop.told(*where, 1, what, why, f"put quotes around the value: {quote}{value}{quote}")


def _in_block(stop: _Stop) -> Told | None:
    """``title: a: b``, or a line that is deeper than the value above it lets it be."""
    if "mapping values" not in stop.problem:
        return None
    line = stop.line(stop.at[0])
    if ": " in _bare(line)[: stop.at[1]]:
        return _second_colon(stop)
    above, indent = stop.line(stop.before()), _indent(line)
    if indent <= _indent(above):
        return _no_key(stop, stop.before())
    what = "this line is indented too far"
    why = "the line above it has a value already, so nothing can stand below it"
    level = _indent(above) + (2 if above.lstrip().startswith("- ") else 0)
    fix = f"begin it after {level} blanks, not {indent}"
    return stop.told(stop.at[0], indent, stop.at[1] - indent, what, why, fix)


def _level(stop: _Stop) -> Told | None:
    """A line that begins between two levels."""
    line, indent = stop.line(stop.at[0]), stop.at[1]
    if ("expected key" not in stop.problem and "block end" not in stop.problem) or _indent(line) != indent:
        return None
    above = [_level_of(stop.line(n)) for n in range(stop.at[0]) if stop.line(n).strip()]
    levels = sorted({n for n in above if n <= max(above, default=0)})
    if line.lstrip().startswith("- ") and indent in levels:
        what, why = "an item of a list stands among keys", "what holds a list names it first: fields:"
        return stop.told(*stop.at, 1, what, why, "indent it below its key, or remove the -")
    why = f"lines above it begin after {', '.join(map(str, levels)) or 'no'} blanks, this one after {indent}"
    length = len(line.split(":")[0].strip())
    fix = f"begin it after {_level_of(stop.line(stop.before()))} blanks, like the line above it"
    return stop.told(*stop.at, length, "this line belongs to no level", why, fix)


def _level_of(line: str) -> int:
    """Where the first key of a line begins: behind the dash of a list."""
    return len(line) - len(line.lstrip(" -")) if line.lstrip().startswith("- ") else _indent(line)


def _line_without_key(stop: _Stop) -> Told | None:
    return _no_key(stop, stop.since[0]) if "simple key" in stop.context else None


def _no_key(stop: _Stop, number: int) -> Told | None:
    """A line between keys that is none: a colon or a dash is missing."""
    line = stop.line(number)
    indent, words = _indent(line), line.split(" #")[0].strip()
    if not words:
        return None
    if word := _BARE_WORD.match(line):
        what, why = f"no colon behind {word[1]}", "a key ends with a :"
        return stop.told(number, word.start(1), len(word[1]), what, why, f"write {word[1]}:")
    if words[0] in "{[":
        what, why = "no - before this", "the lines around it are items of a list, and each begins with a -"
        return stop.told(number, indent, 1, what, why, f"write - {words}")
    why = "between keys every line is `key: value`, an item of a list or a # comment"
    return stop.told(number, indent, len(words), "this line is no key and value", why, "write it as key: value")


def _as_said(stop: _Stop) -> Told:
    why = f"the parser says: {', '.join(part for part in (stop.context, stop.problem) if part)}"
    fix = "close every quote, { and [; keep the keys of one level in one column; quote texts with signs in them"
    return stop.told(*stop.at, 1, "not readable as YAML from here on", why, fix)


_LOOKS: tuple[Callable[[_Stop], Told | None], ...] = (
    _escape,
    _invisible,
    _tab,
    _full_width,
    _tight_dash,
    _tight_colon,
    _first_sign,
    _open_quote,
    _open_bracket,
    _extra_bracket,
    _in_brackets,
    _behind_closed,
    _in_block,
    _line_without_key,
    _level,
)
"""The surest first."""
