"""Small mistakes made on purpose: a mapping with one of them that still passes its cases is not tested there. Pure.

Four kinds, the ones editors make: a path that leads nowhere, a row that is gone, two targets of a value map
exchanged, a comparison turned round. ``where`` is left out: cases hand over the lists as they are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from hub.mapping.expression.parse import parse
from hub.mapping.expression.tree import Binary, ExpressionSyntaxError, walk
from hub.mapping.table import Expression, IntegrationDef, LoopDef, Path, RequireDef, Row, StepDef, TableDef
from hub.model.diagnostic import Place

_TURNED = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "&&": "||", "||": "&&"}
_NOWHERE = "nowhere"
_Rows = tuple[Row, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: where it was made, in words, and the definition that has it."""

    place: Place
    words: str
    definition: IntegrationDef


def mutants(definition: IntegrationDef) -> Iterator[Mutant]:
    """Every mistake, in the order of the file."""
    for number, table in enumerate(definition.tables):
        for place, words, changed in _table(table):
            tables = _with(definition.tables, number, changed)
            yield Mutant(place, words, replace(definition, tables=tables))
    for number, loop in enumerate(definition.loops):
        for place, words, altered in _loop(loop):
            yield Mutant(place, words, replace(definition, loops=_with(definition.loops, number, altered)))


def _with(parts: Sequence[T], number: int, changed: T | None) -> tuple[T, ...]:
    """The parts with one of them changed, or gone."""
    middle = () if changed is None else (changed,)
    return (*parts[:number], *middle, *parts[number + 1 :])


def _table(table: TableDef) -> Iterator[tuple[Place, str, TableDef]]:
    for expression, words in _turned(table.only):
        yield expression.place, words, replace(table, only=expression)
    for place, words, rows in _rows(table.rows):
        yield place, words, replace(table, rows=rows)


def _loop(loop: LoopDef) -> Iterator[tuple[Place, str, LoopDef]]:
    for expression, words in _turned(loop.when):
        yield expression.place, words, replace(loop, when=expression)
    for number, one in enumerate(loop.require):
        yield one.place, "requirement dropped", replace(loop, require=_with(loop.require, number, None))
        for expression, words in _turned(one.check):
            changed: RequireDef = replace(one, check=expression)
            yield expression.place, words, replace(loop, require=_with(loop.require, number, changed))
    for number, step in enumerate(loop.steps):
        for place, words, altered in _step(step):
            yield place, words, replace(loop, steps=_with(loop.steps, number, altered))


def _step(step: StepDef) -> Iterator[tuple[Place, str, StepDef]]:
    for expression, words in _turned(step.applies):
        yield expression.place, words, replace(step, applies=expression)
    for place, words, rows in _rows(step.payload):
        yield place, words, replace(step, payload=rows)


def _rows(rows: _Rows) -> Iterator[tuple[Place, str, _Rows]]:
    for number, row in enumerate(rows):
        yield row.place, f"row {row.field} dropped", _with(rows, number, None)
        for place, words, changed in _row(row):
            yield place, words, _with(rows, number, changed)


def _row(row: Row) -> Iterator[tuple[Place, str, Row]]:
    for number, path in enumerate(row.sources):
        flipped = _flipped(path)
        yield path.place, f"{path.text} → {flipped.text}", replace(row, sources=_with(row.sources, number, flipped))
    yield from _swapped(row)
    if row.value is not None:
        for expression, words in _turned(row.value):
            yield expression.place, words, replace(row, value=expression)
    for place, words, inner in _rows(row.rows):
        yield place, words, replace(row, rows=inner)


def _flipped(path: Path) -> Path:
    """The path with its last name misspelt."""
    last = max(number for number, step in enumerate(path.steps) if isinstance(step, str))
    steps = _with(path.steps, last, f"{path.steps[last]}_{_NOWHERE}")
    if last == 0:  # the first name is a name of the scope: a path below it leads nowhere as well
        steps = (*path.steps, _NOWHERE)
    return replace(path, steps=steps, text=f"{path.text}_{_NOWHERE}" if last else f"{path.text}.{_NOWHERE}")


def _swapped(row: Row) -> Iterator[tuple[Place, str, Row]]:
    """Each entry of a value map with the target of the next one that gives something else."""
    entries = list((row.values or {}).items())
    for number, (entry, value) in enumerate(entries):
        other = next((found for _, found in entries[number + 1 :] + entries[:number] if found != value), None)
        if other is not None:
            values = {**(row.values or {}), entry: other}
            yield row.values_places.get(entry, row.place), f"{entry}: {value} → {other}", replace(row, values=values)


def _turned(expression: Expression | None) -> Iterator[tuple[Expression, str]]:
    """The expression with one comparison or connective turned round."""
    if expression is None:
        return
    try:
        root = parse(expression)
    except ExpressionSyntaxError:  # reported by the check
        return
    for node in walk(root):
        if isinstance(node, Binary) and node.operator in _TURNED:
            start, end = node.left.span.end, node.right.span.start
            at = expression.text.index(node.operator, start, end)
            new = _TURNED[node.operator]
            text = expression.text[:at] + new + expression.text[at + len(node.operator) :]
            part = expression.text[node.span.start : node.span.end]
            yield replace(expression, text=text), f"{node.operator} → {new} in {part}"


Passes = Callable[[IntegrationDef], bool]
"""Whether every case still holds."""


def survivors(found: Sequence[Mutant], passes: Passes) -> tuple[Mutant, ...]:
    """The mistakes that no case notices."""
    return tuple(mutant for mutant in found if passes(mutant.definition))
