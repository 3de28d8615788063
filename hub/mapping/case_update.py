"""A cases file with what came out in place of what it wanted; comments and everything else stay. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hub.mapping.case_difference import At, Difference
from hub.mapping.cases import CaseResult, CasesReport
from hub.mapping.format import data_text
from hub.mapping.format_tree import Branch, Leaf, Node, page_of
from hub.model.values import decimal_text

_WANTS = ("gives", "refuses", "skips")


def updated(source: str, report: CasesReport) -> str:
    """The text in the canonical layout, every difference that the case itself can settle put right."""
    page = page_of(source)
    items = _child(page.root, "items")
    for number, result in enumerate(report.results):
        case = items.items[number][1] if isinstance(items, Branch) else None
        if isinstance(case, Branch):
            _settle(case, result)
    return data_text(page)


def lasting(report: CasesReport) -> tuple[CaseResult, ...]:
    """Failed cases that no change of the case can settle: an unknown loop, a step that cannot be computed."""
    return tuple(result for result in report.failed if any(_at(problem) is None for problem in result.problems))


def _at(problem: str) -> At | None:
    return problem.at if isinstance(problem, Difference) else None


def _settle(case: Branch, result: CaseResult) -> None:
    for problem in result.problems:
        if isinstance(problem, Difference) and problem.at is not None:
            if problem.at:
                _put(case, problem.at, problem.value)
            else:
                _replace(case, problem.value)


def _replace(case: Branch, wants: dict[str, Any]) -> None:
    """Another kind of outcome: what the case wanted goes, what came out stands at its place."""
    place = next((n for n, (key, _) in enumerate(case.items) if key and key.text in _WANTS), len(case.items))
    line = case.items[min(place, len(case.items) - 1)][1].line
    kept = [pair for pair in case.items if not (pair[0] and pair[0].text in _WANTS)]
    new = [(_leaf(name, line), _node(value, line)) for name, value in wants.items()]
    case.items[:] = [*kept[:place], *new, *kept[place:]]


def _put(node: Node, at: Sequence[str | int], value: Any) -> None:
    """Set what stands at a path; a key that is not there is added at the end."""
    head, rest = at[0], at[1:]
    if not isinstance(node, Branch):
        return
    if isinstance(head, int):
        below = node if node.is_map else node.items[head][1]
        _put(below, rest, value)
        return
    for number, (key, child) in enumerate(node.items):
        if key is not None and key.text == head:
            if rest and isinstance(child, Branch):
                _put(child, rest, value)
            else:  # `purchase: skipped` says the state alone
                node.items[number] = (key, _node(value, child.line, child.end))
            return
    if node.items:
        line = node.items[-1][1].end
        node.items.append((_leaf(str(head), line), _node(value, line)))


def _child(node: Node, name: str) -> Node | None:
    pairs = node.items if isinstance(node, Branch) else []
    return next((child for key, child in pairs if key and key.text == name), None)


def _node(value: Any, line: int, end: int | None = None) -> Node:
    """A canonical JSON value as a node in braces."""
    last = line if end is None else end
    match value:
        case dict():
            made = Branch(True, True, line, 0, last)
            made.items += [(_leaf(str(name), line), _node(part, line)) for name, part in value.items()]
            return made
        case list():
            return Branch(False, True, line, 0, last, [(None, _node(part, line)) for part in value])
        case str():
            return Leaf(value, '"', line, 0, last)
        case Decimal():
            return Leaf(decimal_text(value), "", line, 0, last)
        case _:
            return Leaf("null" if value is None else str(value).lower(), "", line, 0, last)


def _leaf(text: str, line: int) -> Leaf:
    return Leaf(text, '"', line, 0, line)
