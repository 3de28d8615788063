"""YAML text -> a tree with styles, spans and comments: what the formatter writes anew. Knows nothing of mapping.

``read`` keeps values and places; a formatter also needs what readers drop: quotes, comments, blank lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What the parser counts as the end of a line."""
_HEADER = re.compile(r"[|>][-+0-9]*[ \t]+(#.*)$")


@dataclass(slots=True)
class Leaf:
    """A scalar; lines and columns count from 0. ``style`` is its quote, ``|``, ``>`` or empty."""

    text: str
    style: str
    line: int
    column: int
    end: int
    """Last line."""


@dataclass(slots=True)
class Branch:
    """A mapping (items have a key) or a list (they have none)."""

    is_map: bool
    flow: bool
    line: int
    column: int
    end: int = 0
    items: list[tuple[Leaf | None, Node]] = field(default_factory=list)


Node = Leaf | Branch


@dataclass(frozen=True, slots=True)
class Comment:
    line: int
    column: int
    text: str
    alone: bool
    """Nothing else stands in its line."""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole file."""

    root: Node
    comments: tuple[Comment, ...]
    blank: frozenset[int]
    """Lines with nothing in them."""


def page_of(text: str) -> Page:
    """The tree of a file that ``read`` accepts: one document, no anchors, no tags."""
    leaves: list[Leaf] = []
    lines = _BREAK.split(text)
    root = _document(text, leaves)
    inside = _covered(leaves, lines)
    comments = tuple(_comments(lines, inside, leaves))
    return Page(root, comments, frozenset(number for number, line in enumerate(lines) if not line.strip()))


def _document(text: str, leaves: list[Leaf]) -> Node:
    loader = _LOADER(text)
    try:
        while not isinstance(loader.get_event(), yaml.DocumentStartEvent):
            continue
        return _node(loader.get_event(), loader, leaves)
    finally:
        loader.dispose()


def _node(event: Any, loader: Any, leaves: list[Leaf]) -> Node:
    start: Any = event.start_mark
    end: Any = event.end_mark
    if isinstance(event, yaml.ScalarEvent):
        last = end.line - 1 if event.style in ("|", ">") and end.line > start.line else end.line
        leaf = Leaf(event.value, event.style or "", start.line, start.column, last)
        leaves.append(leaf)
        return leaf
    is_map = isinstance(event, yaml.MappingStartEvent)
    branch = Branch(is_map, bool(event.flow_style), start.line, start.column)
    for each in iter(loader.get_event, None):
        if type(each) in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            branch.end = each.end_mark.line
            return branch
        if is_map:
            key = _node(each, loader, leaves)
            branch.items.append((key if isinstance(key, Leaf) else None, _node(loader.get_event(), loader, leaves)))
        else:
            branch.items.append((None, _node(each, loader, leaves)))
    raise AssertionError("events end inside a collection")


def _covered(leaves: list[Leaf], lines: list[str]) -> dict[int, list[tuple[int, int]]]:
    """By line: columns that belong to a scalar, where ``#`` is a letter like any other."""
    found: dict[int, list[tuple[int, int]]] = {}
    for leaf in leaves:
        if leaf.style in ("'", '"') or leaf.line != leaf.end:
            header = leaf.style in ("|", ">")
            for number in range(leaf.line + (1 if header else 0), leaf.end + 1):
                start = leaf.column if number == leaf.line else 0
                end = len(lines[number]) if number < leaf.end or header else _closing(leaf, lines[number], start)
                found.setdefault(number, []).append((start, end))
    return found


def _closing(leaf: Leaf, line: str, start: int) -> int:
    """Where a quoted scalar ends in its last line; a plain one ends where a comment begins."""
    if not leaf.style:
        return start
    at = start + (1 if leaf.line == leaf.end else 0)
    while at < len(line):
        if (leaf.style == '"' and line[at] == "\\") or (leaf.style == "'" and line[at : at + 2] == "''"):
            at += 2
        elif line[at] == leaf.style:
            return at + 1
        else:
            at += 1
    return len(line)


def _comments(lines: list[str], inside: dict[int, list[tuple[int, int]]], leaves: list[Leaf]) -> Iterator[Comment]:
    headers = {leaf.line: leaf.column for leaf in leaves if leaf.style in ("|", ">")}
    for number, line in enumerate(lines):
        at = _comment_at(line, inside.get(number, []))
        header = _HEADER.match(line, headers[number]) if number in headers else None
        at = header.start(1) if header else at
        if at >= 0:
            yield Comment(number, at, line[at:].rstrip(), not line[:at].strip())


def _comment_at(line: str, covered: list[tuple[int, int]]) -> int:
    """The column of a line's comment, -1 without one."""
    at = line.find("#")
    while at >= 0:
        free = not any(start <= at < end for start, end in covered)
        if free and (at == 0 or line[at - 1] in " \t"):
            return at
        at = line.find("#", at + 1)
    return -1
