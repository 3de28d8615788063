"""A ``related`` list is used by a step or a requirement.

The loop takes the list, waits for what of it is in quarantine and reads it again from its source: all for nothing,
and whoever reads the file believes its items are acted on.

Example::

    related:
      items: {entity: purchase_item, by: project}      # no step names items

Fix: use it in ``each:`` or an expression, or remove it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.expression.tree import names
from hub.mapping.table import Expression, LoopDef, Path, flat
from hub.model.diagnostic import Diagnostic

ID = "unused-related"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for each in checked.loops:
        used = _used(checked, each.definition)
        for related in each.definition.related:
            if related.name not in used:
                why = "no each, path or expression of a step or requirement names it"
                message = f'related list "{related.name}" is not used'
                yield finding(related.place, ID, message, why, "use it, or remove it", "warning")


def _used(checked: Checked, loop: LoopDef) -> set[str]:
    found = {str(path.steps[0]) for path in _paths(loop) if path.steps}
    if any(step.each is None and "each" in step.places for step in loop.steps):
        return {one.name for one in loop.related}  # an each that was refused: reported already
    for expression in _expressions(checked, loop):
        root = checked.roots.get(id(expression))
        # What cannot be parsed is reported already; it may well use every list.
        found |= {one.name for one in loop.related} if root is None else names(root)
    return found


def _paths(loop: LoopDef) -> Iterator[Path]:
    for step in loop.steps:
        yield from (right for _, right in (step.until.matches if step.until else ()))
        yield from (path for path in (step.key, step.each[1] if step.each else None) if path is not None)
        for row in flat(step.payload):
            yield from row.sources
            if row.each is not None:
                yield row.each[1]


def _expressions(checked: Checked, loop: LoopDef) -> Iterator[Expression]:
    yield from (one.check for one in loop.require)
    for step in loop.steps:
        yield from checked.expressions(step)
