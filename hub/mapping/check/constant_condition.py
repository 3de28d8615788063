"""A condition depends on something.

``only`` that is always false takes no record, ``if`` that is always true decides nothing, and a field cannot equal
two different values at once. Such a table, loop or step is dead, or the condition is a left-over of a test.

Example::

    only: 'fields.issuetype.name == "Epic" && fields.issuetype.name == "Task"'

Fix: write the condition that is meant (``in [...]`` for one of several values), or remove it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.expression.tree import Binary, Literal, Macro, Name, Node, Root, children, walk
from hub.mapping.table import Expression
from hub.model.diagnostic import Diagnostic

ID = "constant-condition"


def check(checked: Checked) -> Iterator[Diagnostic]:
    wrong = {each.place for slug in ("unknown-function", "expression-type") for each in checked.found.get(slug, ())}
    for expression in _conditions(checked):
        root = checked.roots.get(id(expression))
        why = "" if root is None or expression.place in wrong else _reason(root)
        if why:
            fix = "write the condition that is meant, or remove it"
            yield finding(expression.place, ID, "this condition is always the same", why, fix, "warning")


def _conditions(checked: Checked) -> Iterator[Expression]:
    yield from (table.only for table in checked.tables if table.only)
    for each in checked.loops:
        loop = each.definition
        if "when" in loop.places:  # a missing one is reported already
            yield loop.when
        yield from (related.where for related in loop.related if related.where)
        yield from (one.check for one in loop.require)
        yield from (step.applies for step in loop.steps if step.applies)


def _reason(root: Root) -> str:
    if not any(isinstance(node, (Name, Macro)) for node in walk(root)):
        return "it names nothing that could change"
    wanted: dict[str, str] = {}
    text = root.expression.text
    for node in _all_of(root.body):
        path, value = _equality(node, text)
        if path and wanted.setdefault(path, value) != value:
            return f"{path} cannot be {wanted[path]} and {value} at once"
    return ""


def _all_of(node: Node) -> Iterator[Node]:
    """The parts that must all hold."""
    if isinstance(node, Binary) and node.operator == "&&":
        for part in children(node):
            yield from _all_of(part)
    else:
        yield node


def _equality(node: Node, text: str) -> tuple[str, str]:
    """``path == literal`` as two texts; empty for anything else."""
    if not isinstance(node, Binary) or node.operator != "==":
        return "", ""
    sides = (node.left, node.right) if isinstance(node.right, Literal) else (node.right, node.left)
    if not isinstance(sides[1], Literal) or isinstance(sides[0], Literal):
        return "", ""
    path, value = (text[side.span.start : side.span.end] for side in sides)
    return path, value
