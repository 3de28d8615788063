"""Cells <-> an Excel workbook: headings in Chinese and English, lists to choose from, computed columns protected.

Every cell is text: what starts with ``= + - @`` stays what it is, and a formula in an edited workbook is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Font, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from hub.errors import ConfigError
from hub.mapping.spreadsheet import COLUMNS, VALUE_COLUMNS, Cells, Column, Sheets
from hub.model.values import decimal_text

ROWS, VALUES, LISTS, ABOUT = "字段 Fields", "值映射 Values", "lists", "about"
HEADINGS = 2
SPARE = 200
"""Empty lines below the value maps where new entries can be written."""
SPARE_ROWS = 50
"""Empty lines below the rows where new ones can be written: entity, field, source and what else they say."""
_COMPUTED = PatternFill("solid", start_color="EEF1F4")
_HEAD = PatternFill("solid", start_color="DCE6F1")


def write(cells: Sheets, about: Mapping[str, str], choices: Mapping[str, Sequence[str]]) -> bytes:
    """The workbook. ``about`` says which version it shows; ``choices``: column -> what it may hold."""
    book = Workbook()
    rows = book.active
    assert isinstance(rows, Worksheet)
    rows.title = ROWS
    _sheet(rows, COLUMNS, list(cells.rows.values()), spare=SPARE_ROWS)
    values = book.create_sheet(VALUES)
    entries = [
        {"id": name, "source": one, "target": to} for name, said in cells.values.items() for one, to in said.items()
    ]
    _sheet(values, VALUE_COLUMNS, entries, spare=SPARE)
    _choices(book, rows, {**choices}, len(cells.rows))
    note = book.create_sheet(ABOUT)
    note.sheet_state = "veryHidden"
    for name, text in about.items():
        note.append([name, text])
    data = BytesIO()
    book.save(data)
    return data.getvalue()


def _sheet(sheet: Worksheet, columns: Sequence[Column], lines: Sequence[Cells], spare: int = 0) -> None:
    for number, column in enumerate(columns, start=1):
        for top, text in enumerate((column.zh, column.en), start=1):
            head = sheet.cell(top, number, text)
            head.font, head.fill = Font(bold=top == 1), _HEAD
        sheet.column_dimensions[get_column_letter(number)].width = column.width
    for at, line in enumerate([*lines, *({} for _ in range(spare))], start=HEADINGS + 1):
        for number, column in enumerate(columns, start=1):
            open_ = bool(column.key) or (spare > 0 and at > HEADINGS + len(lines))
            _text(sheet.cell(at, number), line.get(column.name, ""), open_)
    sheet.freeze_panes = f"{get_column_letter(4 if columns is COLUMNS else 2)}{HEADINGS + 1}"
    sheet.auto_filter.ref = f"A{HEADINGS}:{get_column_letter(len(columns))}{HEADINGS + len(lines)}"
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.autoFilter = False


def _text(cell: Cell | Any, text: str, open_: bool) -> None:
    """Text and nothing else: no formula, no number, whatever it looks like."""
    if text:
        cell.value = text
        cell.data_type = "s"
    cell.number_format = "@"
    cell.quotePrefix = text[:1] in tuple("=+-@")
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    cell.protection = Protection(locked=not open_)
    if not open_:
        cell.fill = _COMPUTED


def _choices(book: Workbook, sheet: Worksheet, choices: Mapping[str, Sequence[str]], lines: int) -> None:
    """Lists to choose from; another word is allowed with a warning, the check says what it means."""
    hidden = book.create_sheet(LISTS)
    hidden.sheet_state = "hidden"
    names = [column.name for column in COLUMNS]
    for number, (name, words) in enumerate(sorted(choices.items()), start=1):
        if not words:
            continue
        for line, word in enumerate(words, start=1):
            _text(hidden.cell(line, number), word, open_=False)
        letter = get_column_letter(number)
        found = DataValidation("list", formula1=f"{LISTS}!${letter}$1:${letter}${len(words)}", allow_blank=True)
        found.errorStyle, found.showErrorMessage = "warning", True
        column = get_column_letter(names.index(name) + 1)
        found.add(f"{column}{HEADINGS + 1}:{column}{HEADINGS + max(1, lines)}")
        sheet.add_data_validation(found)


def parse(data: bytes) -> tuple[Sheets, dict[str, str]]:
    """The cells of an edited workbook and what it is about. Raises ``ConfigError`` naming the cell."""
    try:
        book = load_workbook(BytesIO(data), read_only=False, keep_links=False)
    except (BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        fix = "save it as .xlsx; make one with: hub mapping export"
        raise ConfigError("this is no Excel workbook", why=str(error), fix=fix) from error
    missing = [name for name in (ROWS, VALUES, ABOUT) if name not in book.sheetnames]
    if missing:
        raise ConfigError(f"the workbook has no sheet {missing[0]}", fix="make one with: hub mapping export")
    about = {str(line[0]): str(line[1]) for line in book[ABOUT].iter_rows(values_only=True) if line[0]}
    told = list(_lines(book[ROWS], COLUMNS))
    rows = {line["id"]: line for line in told if line["id"]}
    new = tuple(line for line in told if not line["id"] and any(line.values()))
    values: dict[str, Cells] = {}
    for line in _lines(book[VALUES], VALUE_COLUMNS):
        if line["id"] and line["source"] and line["target"]:
            values.setdefault(line["id"], {})[line["source"]] = line["target"]
    return Sheets(rows, values, new), about


def _lines(sheet: Worksheet, columns: Sequence[Column]) -> list[Cells]:
    """Every line by column; columns are found by either heading, wherever they were moved."""
    heads = [
        {str(cell.value).strip() for cell in (first, second)}
        for first, second in zip(sheet[1], sheet[2], strict=True)
    ]
    places = {column.name: _place(heads, column, sheet.title) for column in columns}
    return [
        {name: _cell(sheet, line[place]) for name, place in places.items()}
        for line in sheet.iter_rows(min_row=HEADINGS + 1)
    ]


def _place(heads: Sequence[set[str]], column: Column, sheet: str) -> int:
    found = [number for number, texts in enumerate(heads) if texts & {column.zh, column.en}]
    if len(found) != 1:
        raise ConfigError(f"{sheet}: no column {column.zh} / {column.en}", fix="keep both heading lines as they were")
    return found[0]


def _cell(sheet: Worksheet, cell: Cell | Any) -> str:
    value = cell.value
    if cell.data_type in ("f", "e"):
        raise ConfigError(f"{sheet.title}!{cell.coordinate} holds a formula", fix="write the text itself")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return decimal_text(Decimal(repr(value)))
    return str(value)
