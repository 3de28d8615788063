"""Edited cells -> the file's text with exactly those places changed; comments and layout around them stay.

Nothing is written that does not read back as the cells say: the patched text is taken apart again and compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from hub.errors import ConfigError
from hub.mapping.read import Mapping, Scalar, Sequence, core, read
from hub.mapping.spreadsheet import COLUMNS, Cells, Line, Sheets, entries, ids, lines, sheets, text_at
from hub.mapping.spreadsheet_rows import below, last_line, said, span
from hub.mapping.table import IntegrationDef

_PLAIN = re.compile(r"[^\W\d_][\w./@-]*(?: [\w./@-]+)*\Z")
_WORDS = frozenset(["yes", "no", "on", "off", "true", "false", "null", "y", "n"])


@dataclass(frozen=True, slots=True)
class Edit:
    """One edited cell. ``entry``: the source value of a value map, empty for a cell of a row."""

    line: Line
    column: str
    before: str
    after: str
    entry: bool = False
    row: Literal["", "added", "removed"] = ""
    """The whole row: ``line`` is the one it was added below, or the one that went; ``cells`` what a new one says."""
    cells: Cells = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The row's id; that of a new one is its table's with its own field."""
        return f"{self.line.id.rpartition('.')[0]}.{self.column}" if self.row == "added" else self.line.id

    @property
    def where(self) -> str:
        if self.row:
            return f"{self.id} ({self.row})"
        return f"{self.line.id} {'values.' if self.entry else ''}{self.column}"


Gone = frozenset[tuple[str, str]]
"""(row id, source value) of value-map entries that are taken out."""


@dataclass(frozen=True, slots=True)
class _Change:
    """Replace the text of one line from ``start`` to ``end`` (columns from 1); equal: insert there."""

    line: int
    start: int
    end: int
    text: str


def edits(definition: IntegrationDef, edited: Sheets) -> tuple[Edit, ...]:
    """Every cell that says something else than the file. Raises ``ConfigError`` for lines nobody knows."""
    known = {line.id: line for line in lines(definition)}
    now = sheets(definition)
    unknown = sorted({*edited.rows, *edited.values} - set(known))
    if unknown:
        fix = "leave the id of a new line empty; rows are renamed in the YAML file"
        raise _refused(f"line {unknown[0]} is not in the file", fix)
    gone = [line for name, line in known.items() if name not in edited.rows]
    found = [Edit(line, "field", line.row.field, "", row="removed") for line in gone]
    every = list(known.values())
    for cells in edited.new:
        last = below(cells, every)
        found.append(Edit(last, cells["field"].strip(), "", cells["from"].strip(), row="added", cells=cells))
    found += [edit for name, cells in edited.rows.items() for edit in _of_row(known[name], now.rows[name], cells)]
    for name in {**now.values, **edited.values}.keys() & edited.rows.keys():
        found += _of_values(known[name], now.values.get(name, {}), edited.values.get(name, {}))
    return tuple(found)


def _of_row(line: Line, now: Cells, cells: Cells) -> Iterator[Edit]:
    for column in COLUMNS:
        before, after = now[column.name], cells.get(column.name, now[column.name]).strip()
        if before.strip() == after:
            continue
        if not column.key:
            raise _refused(f"{line.id}: {column.en} is computed", "edit what it follows from: owner, frequency …")
        yield Edit(line, column.key, before, after)


def _of_values(line: Line, now: Cells, cells: Cells) -> Iterator[Edit]:
    if cells and "values" not in line.node.pairs:
        raise _refused(f"{line.id} has no value map", "add values: to the row in the YAML file first")
    for name in {**now, **cells}:
        if now.get(name) != cells.get(name):
            yield Edit(line, name, now.get(name, ""), cells.get(name, ""), entry=True)


def _refused(what: str, fix: str) -> ConfigError:
    return ConfigError(what, fix=fix)


def patched(definition: IntegrationDef, edited: Sheets) -> tuple[str, tuple[Edit, ...]]:
    """The file's text with the edits in it, and the edits. Byte-identical when there are none."""
    source = definition.source
    todo = edits(definition, edited)
    if not todo:
        return source, ()
    rows = source.splitlines(keepends=True)
    gone = frozenset((edit.line.id, edit.column) for edit in todo if edit.entry and not edit.after)
    changes = [change for edit in todo for change in _changes(edit, rows, gone)]
    for change in sorted(changes, key=lambda one: (one.line, one.start), reverse=True):
        text = rows[change.line - 1]
        rows[change.line - 1] = text[: change.start - 1] + change.text + text[change.end - 1 :]
    new = "".join(rows)
    _verify(new, definition, todo)
    return new, todo


def _changes(edit: Edit, rows: list[str], gone: Gone) -> Iterator[_Change]:
    node = edit.line.node
    if edit.row:
        yield from _row(edit, rows)
        return
    if edit.entry:
        yield from _entry(edit, node.pairs["values"][1], rows, gone)
        return
    name, _, inner = edit.column.partition(".")
    pair = node.pairs.get(name)
    if pair is None:
        if edit.after:
            yield _beside(node, _pair(name, inner, edit.after))
        return
    value = pair[1]
    if inner and isinstance(value, Mapping):
        yield from _inside(edit, value, inner, rows)
    elif not edit.after:
        yield _without(edit, node, name, rows)
    elif isinstance(value, Scalar):
        text = _value(name, edit.after) if not inner else _texts(value.text, inner, edit.after)
        yield from _over(edit, pair[0], value, text, rows)
    else:
        yield _list(edit, value, _value(name, edit.after), rows)


def _inside(edit: Edit, node: Mapping, inner: str, rows: list[str]) -> Iterator[_Change]:
    pair = node.pairs.get(inner)
    if pair is None:
        yield _after_first(node, f"{inner}: {_value(inner, edit.after)}")
    elif not edit.after:
        yield _without(edit, node, inner, rows)
    elif isinstance(pair[1], Scalar):
        yield from _over(edit, pair[0], pair[1], _value(inner, edit.after), rows)
    else:
        yield _list(edit, pair[1], _value(inner, edit.after), rows)


def _entry(edit: Edit, node: object, rows: list[str], gone: Gone) -> Iterator[_Change]:
    if not isinstance(node, Mapping) or not node.pairs:
        raise _refused(f"{edit.where} is not written as one value map", "edit it in the YAML file")
    pair = node.pairs.get(edit.column)
    if pair is None:
        yield _after_last(edit, node, gone, f"{quoted(edit.column)}: {quoted(edit.after)}")
    elif not edit.after:
        yield _without(edit, node, edit.column, rows)
    elif isinstance(pair[1], Scalar):
        yield from _over(edit, pair[0], pair[1], quoted(edit.after), rows)


# --- places


def _over(edit: Edit, key: Scalar, value: Scalar, text: str, rows: list[str]) -> Iterator[_Change]:
    """The new value in place of the old one; one on several lines becomes one."""
    last = value.line if value.flow else last_line(rows, key.line, key.column - 1)
    if last == key.line == value.line and value.end > value.column and "\n" not in value.text:
        yield _Change(value.line, value.column, value.end, text)
        return
    if value.flow:
        raise _refused(f"{edit.where} stands on several lines", "edit it in the YAML file")
    first = rows[key.line - 1]
    yield _Change(key.line, first.index(":", key.end - 1) + 2, len(first.rstrip("\n")) + 1, f" {text}")
    yield from (_Change(number, 1, len(rows[number - 1]) + 1, "") for number in range(key.line + 1, last + 1))


def _row(edit: Edit, rows: list[str]) -> Iterator[_Change]:
    """A whole row: its lines go, or a line of its own comes below the last one."""
    first, last = span(edit.line.node, rows)
    if edit.row == "removed":
        yield from (_Change(number, 1, len(rows[number - 1]) + 1, "") for number in range(first, last + 1))
        return
    indent = rows[first - 1].index("-")
    parts = [f"field: {quoted(edit.column)}", *_parts(edit.cells)]
    text = rows[last - 1]
    joined = f"{' ' * indent}- {{{', '.join(parts)}}}\n"
    yield _Change(last, len(text) + 1, len(text) + 1, joined if text.endswith("\n") else f"\n{joined}")


def _parts(cells: Cells) -> Iterator[str]:
    """What a new row says, key by key; both languages of a meaning in one."""
    told = said(cells)
    for name in dict.fromkeys(name.partition(".")[0] for name, _ in told):
        inner = [(key.partition(".")[2], text) for key, text in told if key.partition(".")[0] == name]
        if inner[0][0]:
            yield f"{name}: {{{', '.join(f'{one}: {_value(one, text)}' for one, text in inner)}}}"
        else:
            yield f"{name}: {_value(name, inner[0][1])}"


def _list(edit: Edit, value: object, text: str, rows: list[str]) -> _Change:
    """A flow list is replaced whole."""
    line, column = getattr(value, "line", 0), getattr(value, "column", 0)
    end = rows[line - 1].find("]", column - 1) if isinstance(value, Sequence) and line else -1
    if end < 0 or rows[line - 1][column - 1] != "[":
        raise _refused(f"{edit.where} is not a list on one line", "edit it in the YAML file")
    return _Change(line, column, end + 2, text)


def _beside(node: Mapping, text: str) -> _Change:
    """A new key right after ``field``, in the same style."""
    key, value = node.pairs["field"]
    if not isinstance(value, Scalar):
        raise _refused("a row without a plain field name", "edit it in the YAML file")
    joined = f", {text}" if value.flow else f"\n{' ' * (key.column - 1)}{text}"
    return _Change(value.line, value.end, value.end, joined)


def _after_first(node: Mapping, text: str) -> _Change:
    key, value = next(iter(node.pairs.values()))
    if not isinstance(value, Scalar):
        raise _refused("texts are not plain", "edit it in the YAML file")
    joined = f", {text}" if value.flow else f"\n{' ' * (key.column - 1)}{text}"
    return _Change(value.line, value.end, value.end, joined)


def _after_last(edit: Edit, node: Mapping, gone: Gone, text: str) -> _Change:
    """Below the last entry that stays."""
    stays = [pair for name, pair in node.pairs.items() if (edit.line.id, name) not in gone]
    if not stays:
        raise _refused(f"{edit.where}: no entry of the value map stays", "edit it in the YAML file")
    key, value = stays[-1]
    if not isinstance(value, Scalar):
        raise _refused(f"{edit.where}: the last entry is not plain", "edit it in the YAML file")
    joined = f", {text}" if value.flow else f"\n{' ' * (key.column - 1)}{text}"
    return _Change(value.line, value.end, value.end, joined)


def _without(edit: Edit, node: Mapping, name: str, rows: list[str]) -> _Change:
    """A key taken away, with the comma beside it; in block style its line."""
    key, value = node.pairs[name]
    end = value.end if isinstance(value, Scalar) else rows[key.line - 1].find("]", key.column) + 2
    text = rows[key.line - 1]
    if value.line != key.line or end <= key.column:
        raise _refused(f"{edit.where} stands on several lines", "remove it in the YAML file")
    if not key.flow:
        return _Change(key.line, 1, len(text) + 1, "")
    after = re.match(r"\s*,\s*", text[end - 1 :])
    if after:
        return _Change(key.line, key.column, end + after.end(), "")
    before = re.search(r"\s*,\s*\Z", text[: key.column - 1])
    return _Change(key.line, (before.start() + 1) if before else key.column, end, "")


# --- words


def _pair(name: str, inner: str, text: str) -> str:
    return f"{name}: {{{inner}: {_value(inner, text)}}}" if inner else f"{name}: {_value(name, text)}"


def _texts(known: str, inner: str, text: str) -> str:
    """``means: one text`` counts as English; with another language both are written."""
    if inner == "en":
        return quoted(text)
    return f"{{{inner}: {quoted(text)}, en: {quoted(known)}}}"


def _value(name: str, text: str) -> str:
    parts = [part.strip() for part in text.split("|") if part.strip()]
    if name == "review":
        return f"[{', '.join(map(quoted, parts))}]"
    if name == "from":
        return _path(parts[0]) if len(parts) == 1 else f"[{', '.join(map(_path, parts))}]"
    return quoted(text)


def _path(text: str) -> str:
    return text if re.fullmatch(r"[\w.$@-]+", text) else json.dumps(text, ensure_ascii=False)


def quoted(text: str) -> str:
    """A text as a YAML scalar that every reader reads as that text."""
    safe = _PLAIN.match(text) and text.lower() not in _WORDS and core(text) == text
    return text if safe or re.fullmatch(r"[1-9]\d*[smhd]", text) else json.dumps(text, ensure_ascii=False)


def _verify(new: str, definition: IntegrationDef, todo: tuple[Edit, ...]) -> None:
    """The patched text says in every edited place what the cell says."""
    root, findings = read(new, definition.name)
    if root is None or findings.found:
        raise ConfigError("the patch does not read back", findings.found, fix="edit the YAML file")
    told = {line.id: line.node for line in _lines_of(new, definition)}
    ids = _ids(new, definition.name)
    for edit in todo:
        if edit.row:
            if (edit.id in ids) is not (edit.row == "added"):
                raise _refused(f"{edit.where} cannot be written there", "edit it in the YAML file")
            continue
        node = told.get(edit.line.id)
        got = "" if node is None else entries(node).get(edit.column, "") if edit.entry else text_at(node, edit.column)
        if _plain(got) != _plain(edit.after):
            raise _refused(f"{edit.where}: {edit.after!r} cannot be written there", "edit it in the YAML file")


def _ids(source: str, file: str) -> frozenset[str]:
    """The rows a text has, by its own words: the patched text is not built yet."""
    return frozenset(ids(read(source, file)[0]))


def _plain(text: str) -> str:
    return " | ".join(part.strip() for part in text.split("|"))


def _lines_of(source: str, definition: IntegrationDef) -> Iterator[Line]:
    return lines(replace(definition, source=source))
