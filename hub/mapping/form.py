"""Reads one YAML mapping key by key: which keys are known, which shape each has, what is missing.

Every reader reports and returns a harmless value, so that one mistake never hides the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

from hub.mapping.intended import instead
from hub.mapping.literals import BadLiteral, path_steps
from hub.mapping.read import Findings, Hole, Mapping, Node, Scalar, Sequence, is_ambiguous
from hub.mapping.table import Expression, Path, Texts
from hub.mapping.unknown_keys import meant
from hub.model.diagnostic import Place

_SHAPES: dict[type, str] = {Scalar: "a single value", Sequence: "a list", Mapping: "keys and values", Hole: "nothing"}


def near(word: str, known: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    """``did you mean "x"?`` or empty."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.65)
    return f'did you mean "{close[0]}"?' if close else ""


def place_of(findings: Findings, node: Scalar, offset: int = 0, length: int = 0) -> Place:
    """The place of a scalar's text (inside its quotes), or of ``length`` characters from ``offset`` on."""
    start = node.column + (1 if node.style in ("'", '"') else 0) + offset
    end = start + length if length else max(start + 1, node.end - (1 if node.style in ("'", '"') else 0))
    return Place(findings.file, node.line, start, end)


def path_of(findings: Findings, node: Node | None) -> Path | None:
    """The path a scalar holds; None (and a finding) when it is none."""
    if not isinstance(node, Scalar):
        if node is not None:
            wrong_shape(findings, node, "a path", "fields.summary")
        return None
    try:
        return Path(path_steps(node.text), node.text, place_of(findings, node))
    except BadLiteral as error:
        place = place_of(findings, node, error.offset, max(1, len(node.text) - error.offset))
        findings.report(
            "bad-path",
            place,
            str(error),
            'a path is names joined by dots, with [0], [*] or ["…"]',
            _path_meant(node.text) or f"write {error.expected}",
        )
        return None


def _path_meant(text: str) -> str:
    """``$.a.b``, ``a/b``, ``{{a.b}}`` as paths are written here; what computes something is no path."""
    plain = text.strip().removeprefix("{{").removesuffix("}}").removeprefix("$.").strip().strip("/").replace("/", ".")
    try:
        path_steps(plain)
    except BadLiteral:
        return f"write value: '{text}'" if re.search(r"[(+*]|\s[-?=]", text) and "'" not in text else ""
    return f"write {plain}"


def wrong_shape(findings: Findings, node: Node, wanted: str, example: str) -> None:
    """Report that a node is not of the wanted shape; a hole was reported already."""
    if not isinstance(node, Hole):
        got = _SHAPES[type(node)]
        findings.report("wrong-shape", node, f"{wanted} is expected here", f"this is {got}", f"write {example}")


class Form:
    """One mapping of the file. ``what`` names it in messages: ``row status``, ``step purchase``."""

    def __init__(self, findings: Findings, node: Mapping, what: str, known: tuple[str, ...]) -> None:
        self.findings, self.node, self.what = findings, node, what
        unknown = [pair for text, pair in node.pairs.items() if text not in known]
        self.misspelt = bool(unknown)
        """A key was reported: what seems to be missing may be what it meant."""
        for key, value in unknown:
            self._unknown(key, value, known)

    def _unknown(self, key: Scalar, value: Node, known: tuple[str, ...]) -> None:
        hollow = key.flow and isinstance(value, Scalar) and value.value is None and not value.text
        why, fix = meant(key.text, known, hollow=hollow)
        allowed = f"{self.what} takes: {', '.join(sorted(known))}"
        why = f"{why}; {allowed}" if why else allowed
        self.findings.report("unknown-key", key, f'unknown key "{key.text}"', why, fix)

    @classmethod
    def of(cls, findings: Findings, node: Node | None, what: str, known: tuple[str, ...]) -> Form | None:
        """The form of a node, None (and a finding) when it is no mapping."""
        if isinstance(node, Mapping):
            return cls(findings, node, what, known)
        if node is not None:
            wrong_shape(findings, node, f"{what}: keys and values", "key: value")
        return None

    def __contains__(self, key: str) -> bool:
        return key in self.node.pairs

    def take(self, key: str) -> Node | None:
        """The value's node, None where the key is absent or its value was refused."""
        pair = self.node.pairs.get(key)
        return None if pair is None or isinstance(pair[1], Hole) else pair[1]

    def need(self, key: str, example: str) -> Node | None:
        """The value's node; a finding when the key is absent."""
        if key not in self.node.pairs and not self.misspelt:
            self.findings.report(
                "missing-key",
                self.node,
                f'{self.what} has no "{key}"',
                "nothing can stand in for it",
                f"add {key}: {example}",
            )
        return self.take(key)

    def is_hollow(self, key: str) -> bool:
        """Whether an empty list stands there: ``from: []`` reads nothing."""
        node = self.node.pairs[key][1]
        return isinstance(node, Sequence) and not node.items

    def place(self, key: str) -> Place:
        """Where the value of a key stands; where the form begins when there is none."""
        pair = self.node.pairs.get(key)
        return self.findings.place(self.node if pair is None else pair[1])

    def key_place(self, key: str) -> Place:
        return self.findings.place(self.node.pairs[key][0])

    def text(self, key: str, default: str = "", *, example: str = "") -> str:
        """A word or text. With an example the key must be there."""
        node = self.need(key, example) if example else self.take(key)
        found = default if node is None else self.text_of(node, default)
        if example and not found and isinstance(node, Scalar) and node.value is not None:
            self.findings.report(
                "wrong-shape", node, f"{key} is empty", "it needs a word or text", f"write {example}"
            )
        return found

    def owner(self, above: str = "") -> str:
        """Who answers for it: written here, or what stands around it says."""
        node = self.take("owner")
        owner = above if node is None else self.text_of(node, above)
        if isinstance(node, Scalar) and owner:
            self.findings.named.append(("owner", owner, place_of(self.findings, node)))
        return owner

    def text_of(self, node: Node, default: str = "") -> str:
        if isinstance(node, Scalar) and node.value is not None:
            return node.text.strip()
        wrong_shape(self.findings, node, "a word or text", "a word")
        return default

    def texts(self, key: str) -> Texts:
        """Text by language: ``{zh: …, en: …}``; one text alone counts as English."""
        node = self.take(key)
        if isinstance(node, Scalar):
            return {"en": node.text}
        form = Form.of(self.findings, node, key, ("zh", "en"))
        if form is None:
            return {}
        return {language: form.text(language) for language in form.node.pairs if language in ("zh", "en")}

    def words(self, key: str) -> tuple[Scalar, ...]:
        """A list of words; one word alone counts as a list of one."""
        node = self.take(key)
        nodes = [] if node is None else node.items if isinstance(node, Sequence) else [node]
        found = []
        for item in nodes:
            if isinstance(item, Scalar):
                found.append(item)
            else:
                wrong_shape(self.findings, item, f"{key}: words", "[one, two]")
        return tuple(found)

    def flag(self, key: str) -> bool:
        node = self.take(key)
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        if isinstance(node, Scalar) and not node.style and is_ambiguous(node.text):
            return False  # reported as such
        if node is not None:
            wrong_shape(self.findings, node, "true or false", "true")
        return False

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed words; the first is the default."""
        text = self.text(key, allowed[0])
        if text in allowed:
            return text
        fix = near(text, allowed) or f"write one of: {', '.join(allowed)}"
        self.findings.report(
            "bad-literal", self.place(key), f'{key} cannot be "{text}"', f"allowed: {', '.join(allowed)}", fix
        )
        return allowed[0]

    def literal(self, key: str, parse: Callable[[str], Any]) -> Any:
        """A value with its own spelling (duration, money, share); None where absent or wrong."""
        node = self.take(key)
        if node is None:
            return None
        if not isinstance(node, Scalar):
            return wrong_shape(self.findings, node, key, "a value")
        try:
            return parse(node.text)
        except BadLiteral as error:
            self.findings.report(
                "bad-literal",
                node,
                str(error),
                f"{key} is written as: {error.expected}",
                f"write {key}: {instead(error.kind, node.text) or error.expected}",
            )
            return None

    def path(self, key: str) -> Path | None:
        return path_of(self.findings, self.take(key))

    def expression(self, key: str) -> Expression | None:
        return self.expression_of(self.take(key), key)

    def expression_of(self, node: Node | None, key: str) -> Expression | None:
        """CEL source; inside ``{}`` it must be quoted, because a comma there would cut it."""
        if not isinstance(node, Scalar):
            if node is not None:
                wrong_shape(self.findings, node, f"{key}: an expression", "'project.status == \"closed\"'")
            return None
        if node.flow and not node.style and not node.text.replace("_", "").replace(".", "").isalnum():
            why = "inside {} and [] a comma, a colon or a brace would end the expression early"
            self.findings.report(
                "unquoted-expression", node, f"{key} needs quotes here", why, f"write {key}: '{node.text}'"
            )
        return Expression(node.text.strip(), place_of(self.findings, node), node.raw)

    def forms(self, key: str, what: str, known: tuple[str, ...]) -> Iterator[Form]:
        """The mappings of a list."""
        node = self.take(key)
        if node is None:
            return
        if not isinstance(node, Sequence):
            wrong_shape(self.findings, node, f"{key}: a list", f"{key}: [ … ]")
            return
        for item in node.items:
            form = Form.of(self.findings, item, what, known)
            if form is not None:
                yield form

    def pairs(self, key: str) -> Iterator[tuple[Scalar, Node]]:
        """Keys and values below a key."""
        node = self.take(key)
        if isinstance(node, Mapping):
            yield from (pair for pair in node.pairs.values() if not isinstance(pair[1], Hole))
        elif node is not None:
            wrong_shape(self.findings, node, f"{key}: keys and values", f"{key}: {{name: value}}")
