"""A dropped workbook's bytes -> rows of its first sheet, like a CSV's. Pure; reads, never runs, what is inside.

An XLSX is a ZIP of XML: sizes, ratios and names are looked at before anything is unpacked, XML with a document type
is refused, formulas give the value that the spreadsheet kept, links are not followed.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from hub.model.record import Json
from hub.model.values import decimal_text

FILES_MAX, RATIO_MAX, EXPANDED_MAX = 1_000, 100, 50 * 1024 * 1024
ROWS_MAX, COLUMNS_MAX = 100_000, 1_000
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ERRORS = frozenset(("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"))


class BadSheet(ValueError):
    """A workbook that cannot be taken: a reason and words for people."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


def rows_of(body: bytes) -> Iterator[tuple[int, list[Json]]]:
    """(row number, cells) of the first sheet, empty rows left out. Raises ``BadSheet``."""
    _look(body)
    try:
        book = load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            if number > ROWS_MAX or len(cells) > COLUMNS_MAX:
                raise BadSheet("too-large", f"more than {ROWS_MAX} rows or {COLUMNS_MAX} columns: split the file")
            found = [_cell(value, number) for value in cells]
            if any(value is not None for value in found):
                yield number, found
    except (InvalidFileException, KeyError, IndexError, ValueError, zipfile.BadZipFile, EOFError, OSError) as error:
        if isinstance(error, BadSheet):
            raise
        raise BadSheet("bad-sheet", f"the workbook cannot be read: {error}") from error


def _look(body: bytes) -> None:
    """What must be known before anything is unpacked; then every part is searched for a document type."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            parts = archive.infolist()
            _sizes(parts)
            for part in parts:
                if part.filename.endswith((".xml", ".rels")) and _DOCTYPE.search(archive.read(part)):
                    raise BadSheet("bad-sheet", f"{part.filename} declares a document type or an entity")
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise BadSheet("bad-sheet", f"the file is no readable workbook: {error}") from error


def _sizes(parts: list[zipfile.ZipInfo]) -> None:
    if len(parts) > FILES_MAX:
        raise BadSheet("too-large", f"{len(parts)} parts; a workbook has at most {FILES_MAX}")
    if sum(part.file_size for part in parts) > EXPANDED_MAX:
        raise BadSheet("too-large", f"it unpacks to more than {EXPANDED_MAX // 1024 // 1024} MiB")
    for part in parts:
        if part.file_size > 1024 * 1024 and part.file_size > RATIO_MAX * max(1, part.compress_size):
            raise BadSheet("too-large", f"{part.filename} unpacks to more than {RATIO_MAX} times its size")
        if part.filename.startswith("/") or ".." in part.filename.split("/"):
            raise BadSheet("bad-sheet", "a part's name leads out of the workbook")


def _cell(value: Any, row: int) -> Json:
    """A cell as JSON: text trimmed, empty is null, numbers by their shortest digits, days and moments as text."""
    match value:
        case None | bool() | int():
            return value
        case str():
            if value in _ERRORS:
                raise BadSheet("bad-row", f"line {row}: a formula gives {value}")
            return value.strip() or None
        case float():
            return Decimal(decimal_text(Decimal(repr(value))))
        case datetime():
            whole = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
            return value.date().isoformat() if whole else value.isoformat(timespec="seconds")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)
