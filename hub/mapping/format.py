"""``hub mapping fmt``: one layout for every mapping file. Pure: text in, text out.

What the layout is: two spaces a level, a list's dash in the column of its key, one space after ``:`` and ``,``, none
inside braces; expressions in single quotes, other values plain where every reader agrees on them; at most one blank
line; a comment of its own line stands in the column of what follows it, one behind a value keeps its column while two
spaces remain. What stays the author's: the order of keys, braces or block, where blank lines and comments are.
A collection in braces that holds comments becomes a block, any other stands on one line.
The result is compared with the source before it is given back: a file whose meaning or comments would change is
refused, never written.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import yaml

from hub.errors import HubError
from hub.mapping.format_scalar import Role, printable, written
from hub.mapping.format_tree import Branch, Comment, Leaf, Node, Page, page_of
from hub.mapping.read import core, read
from hub.model.diagnostic import Diagnostic

STEP = "  "
GAP = 2
"""Spaces before a comment behind a value, at least."""
_CEL = frozenset({"only", "when", "where", "if", "check", "value"})
_PATHS = frozenset({"from", "key", "label", "currency", "path"})
_DATA = frozenset({"values", "const", "default", "otherwise", "means", "title", "else", "systems", "slo", "change"})
_END = 1 << 30


class FormatFailed(HubError):
    """The formatter would have changed what a file says: a bug of the formatter; the file is left as it is."""

    exit_code = 3
    slug = "format-failed"


@dataclass(frozen=True, slots=True)
class Formatted:
    """``text`` equals the source where something is wrong with its YAML; ``findings`` says what."""

    text: str
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What the keys around a node make of the values below it: ``grammar``, ``data``, ``names`` of something whose
    own keys are grammar, ``cel`` or ``path`` for every value."""

    kind: str = "grammar"
    key: str = ""

    def below(self, key: str) -> Context:
        match self.kind:
            case "data" | "cel" | "path":
                return self
            case "names":
                return Context("grammar", key)
        if key in _DATA:
            return Context("data")
        if key in _PATHS or key in ("each", "match") or (key == "of" and self.key == "starts"):
            return Context("path")
        if key in _CEL or key == "expect" or (key == "of" and self.key == "approve"):
            return Context("cel")
        return Context("names" if key == "related" else "grammar", key)

    @property
    def role(self) -> Role:
        return "cel" if self.kind == "cel" else "path" if self.kind == "path" else "text"


def formatted(source: str, file: str, *, mapping: bool = True) -> Formatted:
    """The file in the canonical layout. ``mapping`` False: other YAML of ours (cases), all of it data."""
    root, findings = read(source, file)
    wrong = tuple(each for each in findings.found if each.rule != "ambiguous-scalar")
    if root is None or wrong:
        return Formatted(source, wrong or tuple(findings.found))
    page = page_of(source)
    start = Context() if mapping else Context("data")
    text = _Writer(page, start).document()
    if not _same(page, text, start):
        raise FormatFailed(f"{file}: formatting would change what it says", fix="report it; the file is as it was")
    return Formatted(text)


def _same(page: Page, text: str, start: Context) -> bool:
    """Whether a text has the same keys, values and comments, in the same order."""
    try:
        new = page_of(text)
    except yaml.YAMLError:
        return False
    return _meaning(page.root, start) == _meaning(new.root, start) and _words(page) == _words(new)


def data_text(page: Page) -> str:
    """A tree of plain data (a cases file, perhaps changed) as text."""
    return _Writer(page, Context("data")).document()


def _words(page: Page) -> list[str]:
    return [comment.text for comment in page.comments]


def _meaning(node: Node, context: Context) -> object:
    """What must stay: keys, values with their type, order."""
    if isinstance(node, Leaf):
        return node.text.strip() if context.role == "cel" else _value(node)
    if node.is_map:
        return {key.text if key else "": _meaning(v, context.below(key.text if key else "")) for key, v in node.items}
    return [_meaning(value, context) for _, value in node.items]


def _value(leaf: Leaf) -> object:
    """The value as readers take it: quotes make text, an empty value and ``null`` are the same."""
    found = leaf.text if leaf.style else core(leaf.text)
    return (type(found).__name__, None if found is None else leaf.text)


class _Writer:
    """One pass over the tree, taking comments as their lines come by."""

    def __init__(self, page: Page, start: Context) -> None:
        self.page, self.start = page, start
        self.comments: deque[Comment] = deque(page.comments)
        self.lines: list[str] = []

    def document(self) -> str:
        root = self.page.root
        if isinstance(root, Branch) and not self._flows(root):
            self._block(root, 0, self.start, "", _END)
        else:
            self._alone(root.line, 0)
            self._line(self._flow(root, self.start), root.end)
        self._alone(_END, 0)
        return "\n".join(self.lines) + "\n"

    def _flows(self, node: Branch) -> bool:
        """Whether it stays in braces: it is, and no comment stands between them."""
        inside = (c for c in self.page.comments if node.line <= c.line < node.end)
        return not node.items or (node.flow and not any(c.line > node.line or c.column > node.column for c in inside))

    # Blocks

    def _block(self, node: Branch, indent: int, context: Context, lead: str, limit: int) -> None:
        """Items of a mapping or list; ``lead`` stands before the first one (``- `` of a list around it)."""
        for number, (key, value) in enumerate(node.items):
            after = node.items[number + 1] if number + 1 < len(node.items) else None
            until = limit if after is None else (after[0] or after[1]).line
            first = lead if number == 0 and lead else " " * indent
            line = (key or value).line
            if not (number == 0 and lead):
                self._alone(line, indent)
            if key is not None:
                self._pair(first, key, value, indent, context.below(key.text), until)
            else:
                self._item(first + "- ", value, indent, context, until)
        self._rest(self._column(node), indent, limit)

    def _column(self, node: Branch) -> int:
        key, value = node.items[0]
        return (key or value).column if node.is_map and not node.flow else node.column

    def _first(self, node: Branch) -> int:
        key, value = node.items[0]
        return (key or value).line

    def _pair(self, first: str, key: Leaf, value: Node, indent: int, context: Context, until: int) -> None:
        head = f"{first}{written(key, 'text', flow=False)}:"
        if isinstance(value, Branch) and not self._flows(value):
            self._line(head, self._first(value) - 1 if value.flow else key.end)
            self._block(value, indent + (len(STEP) if value.is_map else 0), context, "", until)
        else:
            self._value(head + " ", value, indent, context)

    def _item(self, first: str, value: Node, indent: int, context: Context, until: int) -> None:
        if isinstance(value, Branch) and not self._flows(value):
            self._block(value, indent + len(STEP), context, first, until)
        else:
            self._value(first, value, indent, context)

    def _value(self, first: str, value: Node, indent: int, context: Context) -> None:
        """A value on the line of its key, or a literal block below it."""
        if isinstance(value, Leaf) and (block := _literal(value, context)):
            self._line(f"{first}{block[0]}", value.line)
            self.lines += [(" " * (indent + len(STEP)) + line).rstrip() if line else "" for line in block[1:]]
        else:
            self._line(f"{first}{self._flow(value, context)}".rstrip(), value.end)

    # One line

    def _flow(self, node: Node, context: Context, *, inside: bool = False) -> str:
        if isinstance(node, Leaf):
            return written(node, context.role, flow=inside)
        if not node.is_map:
            return "[" + ", ".join(self._flow(value, context, inside=True) for _, value in node.items) + "]"
        return "{" + ", ".join(self._flow_pair(key, value, context) for key, value in node.items) + "}"

    def _flow_pair(self, key: Leaf | None, value: Node, context: Context) -> str:
        name = written(key, "text", flow=True) if key else ""
        return f"{name}: {self._flow(value, context.below(key.text if key else ''), inside=True)}"

    # Comments

    def _line(self, line: str, source: int) -> None:
        """A line; of the comments inside what it holds the last may stand behind it, the others above."""
        while self.comments and self.comments[0].line <= source:
            comment = self.comments.popleft()
            more = bool(self.comments) and self.comments[0].line <= source
            if more or comment.alone:
                self.lines.append(" " * (len(line) - len(line.lstrip())) + comment.text)
            else:
                line += " " * max(GAP, comment.column - len(line)) + comment.text
        self.lines.append(line)

    def _alone(self, until: int, indent: int) -> None:
        """Comments of their own line before ``until``, and a blank line where one was."""
        while self.comments and self.comments[0].line < until:
            self._one(indent)
        self._space(until)

    def _rest(self, column: int, indent: int, limit: int) -> None:
        """Comments at the end of a block that stand as deep as its items."""
        while indent and self.comments and self.comments[0].line < limit and self.comments[0].column >= column:
            self._one(indent)

    def _one(self, indent: int) -> None:
        comment = self.comments.popleft()
        self._space(comment.line)
        self.lines.append(" " * indent + comment.text)

    def _space(self, line: int) -> None:
        if line - 1 in self.page.blank and self.lines and self.lines[-1]:
            self.lines.append("")


def _literal(leaf: Leaf, context: Context) -> list[str]:
    """``|`` and the lines of a block scalar; empty where the value goes on one line."""
    text = leaf.text
    if leaf.style not in ("|", ">"):
        return []
    if context.role == "cel":
        text = text.strip()
    body = text.removesuffix("\n")
    lines = body.split("\n")
    if not body or (context.role == "cel" and len(lines) == 1) or body.endswith("\n") or lines[0][:1] in ("", " "):
        return []
    if not all(printable(line) and line == line.rstrip() for line in lines):
        return []
    return ["|" if text.endswith("\n") else "|-", *lines]
