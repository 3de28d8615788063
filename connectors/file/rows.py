"""A dropped file's bytes -> records, one a line: CSV or a workbook with a header row, or JSON lines. Pure.

A file is taken whole or refused whole, with the line that is wrong: half a file is worse than none, because nobody
would notice the other half. A refused file keeps its bytes in the log like any other delivery."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from hashlib import sha256

import orjson

from hub.connector.http import as_text
from hub.model.clock import Micros
from hub.model.record import Decoded, Json, Record, Rejected
from hub.model.source_json import parse

DELIMITERS = (",", ";", "\t")
XLSX_MAGIC = b"PK\x03\x04"
CELL_CHARACTERS_MAX = 131_072
LOG_ORDER: Micros = 1
"""Version time of a file whose time is not known (``hub ingest``): then the order of the log decides."""


def decode(body: bytes, name: str, at: Micros, id_column: str, kind: str = "", encoding: str = "") -> Decoded:
    """The records of a file. Never raises on what a file may hold."""
    try:
        rows = list(_rows(body, name, kind, encoding))
        return Decoded(
            tuple(_record(row, line, name, at, id_column) for line, row in rows), "" if rows else "no-rows"
        )
    except _Broken as broken:
        return Decoded(rejected=Rejected(broken.reason, str(broken)))


def _rows(body: bytes, name: str, kind: str, encoding: str) -> Iterator[tuple[int, dict[str, Json]]]:
    if kind == "xlsx" or (not kind and (name.lower().endswith(".xlsx") or body.startswith(XLSX_MAGIC))):
        return _sheet_rows(body)
    return _json_rows(body) if _is_json(body, name, kind) else _csv_rows(body, encoding)


class _Broken(ValueError):
    """A file that cannot be taken; becomes a rejection."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


def _is_json(body: bytes, name: str, kind: str) -> bool:
    if kind:
        return kind == "jsonl"
    ending = name.lower().rpartition(".")[2]
    if ending in ("jsonl", "ndjson"):
        return True
    return ending not in ("csv", "tsv", "txt") and body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")


def _record(row: dict[str, Json], line: int, name: str, at: Micros, id_column: str) -> Record:
    data = {"row": row, "line": line, "file": name}
    digest = sha256(orjson.dumps(row, default=as_text, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
    if not id_column:
        return Record("row", digest, at, data, "snapshot", digest)
    value = row.get(id_column)
    if isinstance(value, (dict, list, bool)) or value is None or not str(value).strip():
        raise _Broken("missing-id", f"line {line}: column {id_column!r} holds no id")
    return Record("row", str(value).strip(), at, data, "snapshot", digest)


def _json_rows(body: bytes) -> Iterator[tuple[int, dict[str, Json]]]:
    for number, line in enumerate(body.split(b"\n"), start=1):
        if not line.strip(b"\xef\xbb\xbf \r\t"):
            continue
        row = parse(line.rstrip(b"\r"))
        if isinstance(row, Rejected):
            raise _Broken(row.reason, f"line {number}: {row.message}")
        if not isinstance(row, dict):
            raise _Broken("not-an-object", f"line {number} is not a JSON object")
        if not _is_writable(row):
            raise _Broken("bad-number", f"line {number} holds a whole number beyond 64 bits; write it as text")
        yield number, row


def _is_writable(row: Mapping[str, Json]) -> bool:
    try:
        orjson.dumps(row, default=as_text)
    except TypeError:
        return False
    return True


def _csv_rows(body: bytes, encoding: str) -> Iterator[tuple[int, dict[str, Json]]]:
    text = _text(body, encoding)
    if "\0" in text:
        raise _Broken("nul", "the file holds a NUL character: it is no text file")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        header = _header(next(reader, []))
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, _row(header, cells, reader.line_num)
    except csv.Error as error:
        raise _Broken("bad-csv", f"line {reader.line_num}: {error}") from error


def _sheet_rows(body: bytes) -> Iterator[tuple[int, dict[str, Json]]]:
    """The first sheet of a workbook: its first row names the columns."""
    from connectors.file.sheets import BadSheet, rows_of  # only who drops workbooks pays for reading them

    try:
        found = rows_of(body)
        header = _header([str(cell or "") for cell in _trimmed(next(found, (1, []))[1])])
        for number, cells in found:
            filled = _trimmed(cells)
            if len(filled) > len(header):
                raise _Broken("bad-row", f"line {number} has {len(filled)} cells, the first row has {len(header)}")
            padded = [*filled, *[None] * (len(header) - len(filled))]
            row = dict(zip(header, padded, strict=True))
            if not _is_writable(row):
                raise _Broken("bad-number", f"line {number} holds a whole number beyond 64 bits; write it as text")
            yield number, row
    except BadSheet as bad:
        raise _Broken(bad.reason, str(bad)) from bad


def _trimmed(cells: list[Json]) -> list[Json]:
    """The cells without the empty ones behind the last: a spreadsheet keeps columns that were cleared."""
    last = max((at for at, cell in enumerate(cells, start=1) if cell is not None), default=0)
    return cells[:last]


def _text(body: bytes, encoding: str) -> str:
    """UTF-8 (with or without mark), else GB18030, which spreadsheets in China write."""
    tried = (encoding,) if encoding else ("utf-8-sig", "gb18030")
    for name in tried:
        try:
            return body.decode(name)
        except UnicodeDecodeError:
            continue
    raise _Broken("bad-encoding", f"the file is not {' or '.join(tried)}; set encoding")


def _delimiter(text: str) -> str:
    """Comma, semicolon or tab: the one that parts the header row most."""
    header = text.lstrip("\r\n").partition("\n")[0]
    return max(DELIMITERS, key=lambda sign: header.count(sign))


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not names or "" in names:
        raise _Broken("bad-header", "the first row must name every column")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _Broken("bad-header", f"column {twice[0]!r} stands twice in the first row")
    return names


def _row(header: list[str], cells: list[str], line: int) -> dict[str, Json]:
    """Cells are text; an empty one is null (it says: nothing there)."""
    if len(cells) != len(header):
        raise _Broken("bad-row", f"line {line} has {len(cells)} cells, the first row has {len(header)}")
    return {name: cell.strip() or None for name, cell in zip(header, cells, strict=True)}
