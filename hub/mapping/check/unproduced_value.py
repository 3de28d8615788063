"""A value that an expression waits for is produced by some row.

The schema allows it, but no value map, constant or ``otherwise`` gives it: the loop never starts, the step never
runs, and nothing else would tell. ``hub check --all`` also names every value of a schema's list that no row gives,
awaited or not: a status the source has and the value map forgot looks like that.

Example::

    - {field: deliverable, from: fields.kind, values: {Software: software}}
    …
    if: 'project.deliverable == "equipment"'

Fix: add the entry to ``values``, or wait for a value the rows give.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.expressions import Bound, bound_expressions
from hub.mapping.expression.tree import Binary, ListOf, Literal, Name, Node, Select, place_of, walk
from hub.mapping.form import near
from hub.mapping.table import Row
from hub.model.diagnostic import Diagnostic

ID = "unproduced-value"
Produced = Mapping[tuple[str, str], frozenset[str]]
"""(entity, field) -> every value its rows can give, where that is known."""


def check(checked: Checked) -> Iterator[Diagnostic]:
    produced = _produced(checked)
    for bound in bound_expressions(checked):
        for node in walk(bound.root):
            if isinstance(node, Binary) and node.operator in ("==", "in"):
                yield from _waits(bound, node, produced)

    if checked.context.thorough:
        yield from _never(checked, produced)


def _never(checked: Checked, produced: Produced) -> Iterator[Diagnostic]:
    """Values of a schema's list that nobody gives, at the last row that could."""
    last = {(table.entity, row.field): (checked.schema(table), row) for table in checked.tables for row in table.rows}
    for (entity, field), given in produced.items():
        schema, row = last[entity, field]
        allowed = schema.fields[field].get("enum", ()) if schema is not None and field in schema.fields else ()
        missing = [str(value) for value in allowed if value is not None and value not in given]
        if missing:
            listed = ", ".join(sorted(given)) or "nothing"
            why = f"schemas/{entity} allows it, the rows of {entity}.{field} give: {listed}"
            message = f"no row gives {entity}.{field}: {', '.join(missing)}"
            yield finding(
                row.place, ID, message, why, "add entries to values, if the source has such a value", "info"
            )


def _produced(checked: Checked) -> Produced:
    found: dict[tuple[str, str], set[str] | None] = {}
    for table in checked.tables:
        schema = checked.schema(table)
        for row in table.rows:
            allowed = schema.fields.get(row.field, {}).get("enum") if schema else None
            if allowed:
                known, given = found.setdefault((table.entity, row.field), set()), _gives(row)
                given = (
                    given if given and given <= {str(value) for value in allowed if value is not None} else None
                )  # reported already
                found[table.entity, row.field] = None if known is None or given is None else known | given
    return {name: frozenset(values) for name, values in found.items() if values is not None}


def _gives(row: Row) -> set[str] | None:
    """All values a row can give; None where nobody can know."""
    if row.convert is not None or row.otherwise.kind == "keep":
        return None
    if row.values is None:
        return {str(row.const)} if row.has_const else None
    extra = {row.otherwise.const} if row.otherwise.kind == "const" else set()
    return {str(value) for value in (*row.values.values(), *extra) if value is not None}


def _waits(bound: Bound, node: Binary, produced: Produced) -> Iterator[Diagnostic]:
    for field, literals in ((node.left, node.right), (node.right, node.left)):
        if isinstance(field, Select) and isinstance(field.of, Name):
            entity = bound.entities.get(field.of.name, "")
            known = produced.get((entity, field.name))
            for literal in _texts(literals) if known is not None else ():
                if literal.value not in (known or ()):
                    yield _missing(bound, f"{entity}.{field.name}", literal, known or frozenset())


def _texts(node: Node) -> Iterator[Literal]:
    for part in node.parts if isinstance(node, ListOf) else (node,):
        if isinstance(part, Literal) and isinstance(part.value, str):
            yield part


def _missing(bound: Bound, field: str, literal: Literal, known: frozenset[str]) -> Diagnostic:
    listed = ", ".join(sorted(known))
    why = f"the rows of {field} give: {listed or 'nothing'}"
    fix = near(str(literal.value), tuple(known)) or "add an entry to values that gives it"
    place = place_of(bound.root.expression, literal.span)
    return finding(place, ID, f'no row gives {field} the value "{literal.value}"', why, fix, "warning")
