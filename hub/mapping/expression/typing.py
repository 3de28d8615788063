"""What typing an expression gives: a type for every node, and what is wrong. Shared by all parts of the check."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches

from hub.mapping.expression.kinds import DYN, Type
from hub.mapping.expression.tree import Node, Root, Span, place_of
from hub.model.diagnostic import Diagnostic

_WHY = {
    "expression-type": "such a value is an error when it is read: the record is set aside, a loop asks somebody",
    "unknown-function": "the functions are those of the manual, docs/mapping-table.md",
}
_FIX = {"expression-type": "convert it, or name another value: docs/mapping-table.md says what each function gives"}


@dataclass(slots=True)
class Typing:
    """The types of all nodes (by identity) and what is wrong."""

    root: Root
    types: dict[int, Type] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)

    @property
    def result(self) -> Type:
        return self.types[id(self.root.body)]

    def of(self, node: Node) -> Type:
        return self.types[id(node)]

    def report(self, span: Span, rule: str, message: str, why: str = "", fix: str = "") -> Type:
        place = place_of(self.root.expression, span)
        why, fix = why or _WHY.get(rule, ""), fix or _FIX.get(rule, "")
        self.findings.append(Diagnostic(place, rule, "error", message, why, fix))
        return DYN


def near(word: str, known: Collection[str], what: str) -> str:
    close = get_close_matches(word, list(known), 3, 0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"{what}: {', '.join(sorted(known)[:12])}" if known else ""
