"""Rows somebody added to or took out of the workbook, as changes of the file's lines. Pure.

A new row goes below the last one of its table, in braces on a line of its own; a row that went takes its lines along.
Comments stay: one that stands before a row belongs to what comes after it.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.errors import ConfigError
from hub.mapping.read import Mapping
from hub.mapping.spreadsheet import COLUMNS, Cells, Line

ORDER = ("from", "as", "means", "every", "owner", "change", "privacy")


def refused(what: str, fix: str) -> ConfigError:
    return ConfigError(what, fix=fix)


def span(node: Mapping, rows: Sequence[str]) -> tuple[int, int]:
    """First and last line of a row (from 1). Raises ``ConfigError`` where it has no line of its own."""
    text = rows[node.line - 1]
    before = text[: node.column - 1]
    if before.strip() != "-":
        raise refused(f"the row at line {node.line} has no line of its own", "edit it in the YAML file")
    return node.line, last_line(rows, node.line, before.index("-"))


def last_line(rows: Sequence[str], first: int, indent: int) -> int:
    """The last line of what begins at ``first``: until one that is indented no further; empty ones stay behind."""
    end = first
    for number in range(first + 1, len(rows) + 1):
        text = rows[number - 1]
        if text.strip():
            if len(text) - len(text.lstrip(" ")) <= indent:
                break
            end = number
    return end


def below(cells: Cells, known: Sequence[Line]) -> Line:
    """The last row of the one table the new one can belong to. Raises ``ConfigError``."""
    field, entity = cells.get("field", ""), cells.get("entity", "")
    if not field or not entity or not cells.get("from"):
        raise refused(f"the new line {field or entity or '?'} is not whole", "write entity, field and source")
    tables = {line.id.rpartition(".")[0]: line for line in known if line.table.entity == entity and _top(line)}
    if len(tables) != 1:
        fix = "write the row in the YAML file"
        raise refused(f"{len(tables)} tables fill {entity}: which one gets {field}?", fix)
    [(prefix, last)] = tables.items()
    if any(line.id == f"{prefix}.{field}" for line in known):
        raise refused(f"{prefix}.{field} is in the file already", "edit its line")
    return last


def _top(line: Line) -> bool:
    """A row of the table itself, not one inside another row."""
    return any(line.row is row for row in line.table.rows)


def said(cells: Cells) -> list[tuple[str, str]]:
    """(YAML key, text) of the filled cells, in the order rows are written in."""
    keys = {column.name: column.key or column.name for column in COLUMNS}
    found = [(keys[name], text.strip()) for name, text in cells.items() if text.strip() and name in keys]
    known = [one for one in found if one[0].partition(".")[0] in ORDER]
    return sorted(known, key=lambda one: ORDER.index(one[0].partition(".")[0]))
