"""The expressions of loops, each with the entity kinds its names stand for. No rule: rules ask it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hub.mapping.check.checked import Checked
from hub.mapping.expression.tree import Root
from hub.mapping.table import Expression, LoopDef, Path, StepDef


@dataclass(frozen=True, slots=True)
class Bound:
    """A parsed expression; ``entities``: name in scope -> entity kind; ``lists``: related name -> kind."""

    root: Root
    entities: Mapping[str, str]
    lists: Mapping[str, str]
    loop: LoopDef
    step: StepDef | None = None


def bound_expressions(checked: Checked) -> Iterator[Bound]:
    """Every expression of every loop that could be parsed."""
    for each in checked.loops:
        loop = each.definition
        lists = {related.name: related.entity for related in loop.related}
        subject = {loop.entity: loop.entity, "was": loop.entity}
        for expression in (loop.when, *((loop.rearm,) if loop.rearm else ()), *(one.check for one in loop.require)):
            yield from _bound(checked, expression, subject, lists, loop)
        for related in loop.related:
            if related.where:
                yield from _bound(checked, related.where, {related.entity: related.entity}, {}, loop)
        for step in loop.steps:
            arriving = {} if step.until is None else {step.until.entity: step.until.entity}
            entities = {**subject, **_each(step, lists), **arriving}
            for expression in checked.expressions(step):
                yield from _bound(checked, expression, entities, lists, loop, step)


def _bound(
    checked: Checked,
    expression: Expression,
    entities: Mapping[str, str],
    lists: Mapping[str, str],
    loop: LoopDef,
    step: StepDef | None = None,
) -> Iterator[Bound]:
    root = checked.roots.get(id(expression))
    if root is not None:
        yield Bound(root, entities, lists, loop, step)


def _each(step: StepDef, lists: Mapping[str, str]) -> dict[str, str]:
    """The step's own name for one of a related list."""
    if step.each is None or len(step.each[1].steps) != 1:
        return {}
    return {step.each[0]: lists.get(str(step.each[1].steps[0]), "")}


def paths_of(step: StepDef) -> Iterator[Path]:
    """Every path of a step's payload, key and ``each``."""
    if step.each is not None:
        yield step.each[1]
    if step.key is not None:
        yield step.key
    for row in step.payload:
        yield from row.sources
        for inner in row.rows:
            yield from inner.sources
        if row.each is not None:
            yield row.each[1]
