"""The mapping table as business people know it: one line a row, one line a value-map entry, as plain cells.

What a line says itself can be edited; what follows from the table and the integration around it is computed. A line
is found again by its id (``project/pm.issue.status``). Pure: no workbook here (``spreadsheet_book``), no file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hub.mapping.read import Mapping, Node, Scalar, Sequence, read
from hub.mapping.table import IntegrationDef, Row, TableDef

Cells = dict[str, str]
"""Column -> text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``key``: the YAML key an editable cell stands for; empty for what is computed."""

    name: str
    zh: str
    en: str
    key: str = ""
    width: int = 18


COLUMNS = (
    Column("id", "编号", "Id", width=34),
    Column("entity", "对象", "Entity"),
    Column("field", "字段", "Field"),
    Column("means_zh", "定义", "Definition (zh)", "means.zh", 24),
    Column("means_en", "英文定义", "Definition (en)", "means.en", 30),
    Column("from", "来源", "Source", "from", 40),
    Column("as", "转换", "Conversion"),
    Column("every", "更新频率", "Frequency", "every"),
    Column("owner", "责任人", "Owner", "owner"),
    Column("review", "变更流程", "Change review", "change.review", 22),
    Column("privacy", "敏感级别", "Privacy", "privacy"),
    Column("effective_owner", "实际责任人", "Effective owner"),
    Column("effective_every", "实际更新频率", "Effective frequency"),
)
VALUE_COLUMNS = (
    Column("id", "编号", "Id", width=34),
    Column("source", "来源值", "Source value", "source", 28),
    Column("target", "目标值", "Target value", "target", 28),
)


@dataclass(frozen=True, slots=True)
class Sheets:
    """Both sheets as cells: the rows, and the entries of their value maps."""

    rows: dict[str, Cells]
    values: dict[str, Cells] = field(default_factory=dict)
    """Row id -> {source value: target value}"""
    new: tuple[Cells, ...] = ()
    """Lines somebody wrote below: rows that are not in the file yet."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file: its node, what it means."""

    id: str
    node: Mapping
    table: TableDef
    row: Row


def lines(definition: IntegrationDef) -> Iterator[Line]:
    """The rows that stand in the file itself; those of shared files are edited there."""
    root, _ = read(definition.source, "")
    tables = _items(root, "tables")
    for node, table in zip(tables, definition.tables, strict=False):
        yield from _lines(_items(node, "fields"), table.rows, f"{table.entity}/{_source(node)}", table)


def _lines(nodes: list[Node], rows: tuple[Row, ...], above: str, table: TableDef) -> Iterator[Line]:
    by_name = {row.field: row for row in rows}
    for node in nodes:
        named = _scalar(node, "field")
        row = by_name.get(named.text.strip()) if named else None
        if row is not None and isinstance(node, Mapping):
            yield Line(f"{above}.{row.field}", node, table, row)
            yield from _lines(_items(node, "fields"), row.rows, f"{above}.{row.field}", table)


def ids(root: Node | None) -> Iterator[str]:
    """The ids of the rows a file holds, before it is built."""
    for table in _items(root, "tables"):
        entity = _scalar(table, "entity")
        yield from _ids(table, f"{entity.text.strip() if entity else ''}/{_source(table)}")


def _ids(node: Node, above: str) -> Iterator[str]:
    for row in _items(node, "fields"):
        if named := _scalar(row, "field"):
            yield f"{above}.{named.text.strip()}"
            yield from _ids(row, f"{above}.{named.text.strip()}")


def _source(node: Node) -> str:
    found = _scalar(node, "source")
    return found.text.strip() if found else ""


def _items(node: Node | None, key: str) -> list[Node]:
    found = node.pairs.get(key) if isinstance(node, Mapping) else None
    return found[1].items if found and isinstance(found[1], Sequence) else []


def _scalar(node: Node | None, key: str) -> Scalar | None:
    found = node.pairs.get(key) if isinstance(node, Mapping) else None
    return found[1] if found and isinstance(found[1], Scalar) else None


def sheets(definition: IntegrationDef) -> Sheets:
    """The file as cells."""
    every = list(lines(definition))
    values = {line.id: entries(line.node) for line in every if "values" in line.node.pairs}
    return Sheets({line.id: _cells(line) for line in every}, {name: found for name, found in values.items() if found})


def _cells(line: Line) -> Cells:
    told = line.row.governance
    computed = {
        "id": line.id,
        "entity": line.table.entity,
        "field": line.row.field,
        "as": f"{line.row.convert.name} {line.row.convert.argument}".strip() if line.row.convert else "",
        "effective_owner": told.owner,
        "effective_every": told.every,
    }
    said = {one.name: text_at(line.node, one.key) for one in COLUMNS if one.key}
    return {one.name: (computed | said)[one.name] for one in COLUMNS}


def text_at(node: Mapping, key: str) -> str:
    """What a row says itself at ``owner`` or ``means.zh``; lists joined by `` | ``; empty where it says nothing."""
    name, _, inner = key.partition(".")
    pair = node.pairs.get(name)
    if pair is None:
        return ""
    found = pair[1]
    if inner and isinstance(found, Mapping):
        return text_at(found, inner)
    if inner:
        return found.text if isinstance(found, Scalar) and inner == "en" else ""
    if isinstance(found, Sequence):
        return " | ".join(one.text for one in found.items if isinstance(one, Scalar))
    return found.text if isinstance(found, Scalar) else ""


def entries(node: Mapping) -> Cells:
    """Source value -> target value of a row's value map, where all of it is plain."""
    pair = node.pairs.get("values")
    if pair is None or not isinstance(pair[1], Mapping):
        return {}
    return {name: value.text for name, (_, value) in pair[1].pairs.items() if isinstance(value, Scalar)}
