"""YAML text -> nodes with the place of every key and value. Knows YAML 1.2 core types, nothing about mapping.

The C parser of PyYAML finds the events; the types are our own, because PyYAML's are YAML 1.1 (``no`` is False,
``12:30`` is 750). What two readers could read differently is refused here, and everything wrong is reported in
one run: duplicate keys, anchors, aliases, tags, ambiguous words, depth, size, syntax.
Next: ``form`` reads a mapping key by key, ``build`` makes the frozen table of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from hub.mapping.unreadable import unreadable
from hub.model.diagnostic import Diagnostic, Place

DEPTH_MAX = 32
"""Levels of nesting. A mapping needs about ten; a bomb needs thousands."""
BYTES_MAX = 1024 * 1024

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)\Z")
_AMBIGUOUS = re.compile(
    r"(?:[-+]?0[0-9]+|[-+]?0o[0-7]+|[-+]?0b[01_]+|[-+]?[0-9]+_[0-9_.]*"
    r"|[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"
    r"|[-+]?[0-9.]+[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|<<|=)\Z"
)
_AMBIGUOUS_WORDS = frozenset(("yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"))
_WORDS: dict[str, Any] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(slots=True)
class Scalar:
    """One value. ``text`` as written, ``value`` by its core type; ``style`` is the quote, empty when plain."""

    text: str
    value: Any
    style: str
    line: int
    column: int
    end: int
    flow: bool = False
    """Stands inside ``{}`` or ``[]``."""
    raw: str = ""
    """What the file holds, quotes included, where that is not ``text``: escapes, doubled quotes, several lines."""


@dataclass(slots=True)
class Sequence:
    items: list[Node]
    line: int
    column: int
    end: int


@dataclass(slots=True)
class Mapping:
    """``pairs`` by the key's text; the first of duplicate keys stands."""

    pairs: dict[str, tuple[Scalar, Node]]
    line: int
    column: int
    end: int


@dataclass(slots=True)
class Hole:
    """Where something refused stood: reported already, so readers pass over it in silence."""

    line: int
    column: int
    end: int


Node = Scalar | Sequence | Mapping | Hole


@dataclass(slots=True)
class Findings:
    """Everything wrong with one file so far."""

    file: str
    found: list[Diagnostic] = field(default_factory=list)
    named: list[tuple[str, str, Place]] = field(default_factory=list)
    """Whom the file names as ``owner`` or ``review``, and where; whether there is such a person the check knows."""

    def place(self, node: Node) -> Place:
        return Place(self.file, node.line, node.column, node.end)

    def report(self, rule: str, node: Node | Place, message: str, why: str, fix: str) -> None:
        place = node if isinstance(node, Place) else self.place(node)
        self.found.append(Diagnostic(place, rule, "error", message, why, fix))


def read(source: bytes | str, file: str) -> tuple[Node | None, Findings]:
    """The root node of a YAML file (None when it has none) and everything wrong with its YAML."""
    findings = Findings(file)
    text = _decoded(source, findings)
    if text is None:
        return None, findings
    reader = _Reader(findings, text)
    try:
        root = reader.document(_events(text))
    except yaml.YAMLError as error:
        findings.report("syntax", *unreadable(error, file, text))
        return None, findings
    except _TooDeep:
        return None, findings
    if root is None:
        why = "a mapping file is one integration"
        findings.report(
            "syntax", Place(file, 1, 1, 2), "the file is empty", why, "write at least `integration: NAME`"
        )
    return root, findings


def _events(text: str) -> Iterator[Any]:
    """What ``yaml.parse`` gives, without its look ahead at every event."""
    loader = _LOADER(text)
    try:
        while (event := loader.get_event()) is not None:
            yield event
            if isinstance(event, yaml.StreamEndEvent):
                return
    finally:
        loader.dispose()


def _decoded(source: bytes | str, findings: Findings) -> str | None:
    start = Place(findings.file, 1, 1, 2)
    if len(source) > BYTES_MAX:
        why = f"it has {len(source):,} bytes; a mapping file may have {BYTES_MAX:,}"
        findings.report("syntax", start, "the file is too large", why, "split the integration into several files")
        return None
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        why = f"byte {error.start} is no UTF-8"
        findings.report("syntax", start, "the file is not UTF-8 text", why, "save it as UTF-8")
        return None


class _TooDeep(Exception):
    """Reading stopped at the depth limit; the finding is made."""


def core(text: str) -> Any:
    """A plain scalar's value by YAML 1.2 core types: null, bool, int, Decimal or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0].isalpha():
        return text
    if _INTEGER.match(text):
        return int(text)
    if _HEX.match(text):
        return int(text, 16)
    return Decimal(text) if _DECIMAL.match(text) else text


def is_ambiguous(text: str) -> bool:
    """Whether readers of YAML 1.1 and 1.2 read it differently without quotes."""
    return text in _AMBIGUOUS_WORDS if text[:1].isalpha() else _AMBIGUOUS.match(text) is not None


class _Reader:
    """Events -> nodes, reporting what is refused."""

    def __init__(self, findings: Findings, source: str) -> None:
        self.findings = findings
        self.source = source
        self.depth = 0

    def document(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        for event in events:
            if isinstance(event, (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentEndEvent)):
                continue
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._report("syntax", event, "a second document begins here", "one file is one integration")
                    return root
                continue
            root = self.node(event, events, flow=False)
        return root

    def node(self, event: Any, events: Iterator[Any], *, flow: bool) -> Node:
        kind = type(event)
        if kind is yaml.AliasEvent:
            why = "an alias makes one line mean what another line says; the owner of a row must see it in the row"
            self._report("anchor", event, f"alias *{event.anchor} is not allowed", why, "write the value out here")
            return Hole(*_span(event))
        if event.anchor is not None:
            why = "anchors and aliases hide what a row says from the people who approve it"
            self._report("anchor", event, f"anchor &{event.anchor} is not allowed", why, "write the value out")
        if event.tag is not None:
            why = "types come from the key (as: money CNY, as: instant), never from a YAML tag"
            fix = 'remove it; quote the value: "…"'
            if not event.tag.startswith("tag:"):
                fix = f"put quotes around the whole value if {event.tag} belongs to it, or remove it"
            self._report("tag", event, f"tag {event.tag} is not allowed", why, fix)
        if kind is yaml.ScalarEvent:
            return self.scalar(event, flow)
        return self._collection(event, events, flow)

    def scalar(self, event: Any, flow: bool) -> Scalar:
        text, style, mark = event.value, event.style or "", event.start_mark
        column = mark.column + 1
        end_mark = event.end_mark
        end = end_mark.column + 1 if end_mark.line == mark.line else column + 1
        plain = not style and event.tag is None
        node = Scalar(text, core(text) if plain else text, style, mark.line + 1, column, end, flow)
        quotes = 2 if style else 0
        if end_mark.index - mark.index != len(text.strip()) + quotes:
            node.raw = self.source[mark.index : end_mark.index]
        if plain and is_ambiguous(text):
            self._ambiguous(node)
        return node

    def _ambiguous(self, node: Scalar) -> None:
        why = "YAML 1.1 and 1.2 readers read it differently (a truth value, an octal or base-60 number, or text)"
        fix = f'quote it where text is meant: "{node.text}"; write true, false or a plain number where not'
        self.findings.report("ambiguous-scalar", node, f"{node.text} without quotes is ambiguous", why, fix)

    def _collection(self, event: Any, events: Iterator[Any], flow: bool) -> Node:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            why = "deeper nesting than any mapping needs costs memory and hides what it says"
            self._report("syntax", event, f"nested deeper than {DEPTH_MAX} levels", why, "flatten it")
            raise _TooDeep
        inside = flow or bool(event.flow_style)
        read = self._mapping if isinstance(event, yaml.MappingStartEvent) else self._sequence
        node = read(event, events, inside)
        self.depth -= 1
        return node

    def _sequence(self, event: Any, events: Iterator[Any], flow: bool) -> Sequence:
        items: list[Node] = []
        for each in events:
            if type(each) is yaml.SequenceEndEvent:
                break
            items.append(self.node(each, events, flow=flow))
        return Sequence(items, *_span(event))

    def _mapping(self, event: Any, events: Iterator[Any], flow: bool) -> Mapping:
        pairs: dict[str, tuple[Scalar, Node]] = {}
        for each in events:
            if type(each) is yaml.MappingEndEvent:
                break
            key = self.node(each, events, flow=flow)
            value = self.node(next(events), events, flow=flow)
            if not isinstance(key, Scalar):
                if not isinstance(key, Hole):
                    self._report(
                        "syntax", each, "a list or mapping cannot be a key", "keys are words", "name the key"
                    )
            elif not key.text and not key.style:
                self._keyless(key)
            elif key.text in pairs:
                self._duplicate(key, pairs[key.text][0])
            else:
                pairs[key.text] = (key, value)
        return Mapping(pairs, *_span(event))

    def _keyless(self, key: Scalar) -> None:
        """At the ``?``, where a reader sees it: the parser gives the place behind it."""
        why = "YAML reads a ? here as the mark of a key, and nothing stands behind it"
        line = self.source.split("\n")[key.line - 1]
        column = line.rfind("?", 0, key.column - 1) + 1 or key.column
        place = Place(self.findings.file, key.line, column, column + 1)
        self.findings.report("syntax", place, "a value without a key", why, "write the key in place of the ?")

    def _duplicate(self, key: Scalar, first: Scalar) -> None:
        why = f"it stands at line {first.line}, column {first.column} already; readers keep the first or the last"
        self.findings.report("duplicate-key", key, f'key "{key.text}" a second time', why, "keep one of the two")

    def _report(self, rule: str, event: Any, message: str, why: str, fix: str = "") -> None:
        self.findings.report(rule, Hole(*_span(event)), message, why, fix or "move it to a file of its own")


def _span(event: Any) -> tuple[int, int, int]:
    start, end = event.start_mark, event.end_mark
    column = start.column + 1
    return start.line + 1, column, end.column + 1 if end.line == start.line and end.column >= column else column + 1
