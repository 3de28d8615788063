"""A path is spelt as the connector documents it.

A path that is nearly, but not quite, a documented one gives nothing, and nothing tells: the row stays empty, or every
record is set aside where a value is required. What is not documented at all (custom fields) is nobody's mistake.

Example::

    - {field: closed_at, from: fields.resolutionDate, as: instant}      # Jira: fields.resolutiondate

Fix: write the path the message suggests; ``hub connector show pm.issue`` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from hub.mapping.check.checked import Checked, Documented, finding
from hub.mapping.expression.tree import Name, Node, Select, place_of, walk
from hub.mapping.table import Path, Row, TableDef, flat
from hub.model.diagnostic import Diagnostic, Place

ID = "misspelt-path"
Steps = tuple[str, ...]
_ALIKE = 0.8
"""How like a documented name a segment must be: one or two letters of a word, never another word."""


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        stream = checked.stream(table)
        documented = _below(stream.fields) if stream else {}
        for steps, place in _read(checked, table) if documented else ():
            meant = _meant(steps, documented)
            if meant:
                message = f'{table.stream.rpartition(".")[2]} has no "{".".join(steps)}"'
                why = f"nothing is found there, and nothing would tell; documented: hub connector show {table.stream}"
                yield finding(place, ID, message, why, f'did you mean "{".".join(meant)}"?', "warning")


def _read(checked: Checked, table: TableDef) -> Iterator[tuple[Steps, Place]]:
    """What the table reads of a record, as far as it is names."""
    paths = [table.key, *([table.label] if table.label else []), *(path for _, path in table.match)]
    for row in flat(table.rows):
        paths += _paths(row)
        yield from _selected(checked, row.value)
    for path in paths:
        yield _names(path.steps), path.place
    yield from _selected(checked, table.only)


def _paths(row: Row) -> list[Path]:
    looked = row.lookup.sources if row.lookup else ()
    return [*row.sources, *looked, *(each for each in (row.currency, row.each[1] if row.each else None) if each)]


def _names(steps: Sequence[str | int | None]) -> Steps:
    at = next((at for at, step in enumerate(steps) if not isinstance(step, str)), len(steps))
    return tuple(str(step) for step in steps[:at])


def _selected(checked: Checked, expression: object) -> Iterator[tuple[Steps, Place]]:
    """``a.b.c`` in an expression, the longest of each chain."""
    root = checked.roots.get(id(expression))
    if root is None:
        return
    inner = {id(node.of) for node in walk(root) if isinstance(node, Select)}
    for node in walk(root):
        steps = _chain(node) if isinstance(node, Select) and id(node) not in inner else ()
        if steps:
            yield steps, place_of(root.expression, node.span)


def _chain(node: Node) -> Steps:
    if isinstance(node, Name):
        return (node.name,)
    before = _chain(node.of) if isinstance(node, Select) else ()
    return (*before, node.name) if before and isinstance(node, Select) else ()


def _below(fields: Sequence[Documented]) -> Mapping[Steps, set[str]]:
    """Beginning of a path -> the names documented to follow it."""
    found: dict[Steps, set[str]] = {}
    for each in fields:
        steps = tuple(each.path.split("."))
        for at, step in enumerate(steps):
            found.setdefault(steps[:at], set()).add(step)
    return found


def _meant(steps: Steps, documented: Mapping[Steps, set[str]]) -> Steps:
    """The path with its first wrong segment as it is documented; empty where all is well, or nothing is alike."""
    for at, step in enumerate(steps):
        beside = documented.get(steps[:at], set())
        if step in beside:
            continue
        if at == 0 or not beside:  # unknown-name speaks of the first
            return ()
        same = [name for name in beside if name.lower().replace("_", "") == step.lower().replace("_", "")]
        like = same or ([] if _numbered(step) else get_close_matches(step, sorted(beside), 1, _ALIKE))
        return (*steps[:at], like[0], *steps[at + 1 :]) if like and not _numbered(like[0]) else ()
    return ()


def _numbered(name: str) -> bool:
    """Custom fields differ by their numbers alone: they are never misspelt ones of each other."""
    return any(letter.isdigit() for letter in name) or "NNN" in name
