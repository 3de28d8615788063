"""Workbooks in the drop folder: the first sheet's rows, values as people see them, and what is refused unread."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import Workbook

from connectors.file.rows import decode
from hub.model.record import Decoded

HEAD = ["编号", "金额", "日期", "备注"]


def book(*rows: list[Any]) -> bytes:
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    made.create_sheet("other").append(["not read"])
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def read(body: bytes, name: str = "采购.xlsx", id_column: str = "编号", kind: str = "") -> Decoded:
    return decode(body, name, 5, id_column, kind)


def repacked(body: bytes, change: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, change.get(part.filename, old.read(part)))
        for name in change.keys() - set(old.namelist()):
            new.writestr(name, change[name])
    return out.getvalue()


def reason(found: Decoded) -> str:
    return found.rejected.reason if found.rejected else ""


def test_a_row_is_a_record_with_its_cells_as_they_are_meant() -> None:
    found = read(
        book(HEAD, ["A-1", 12345.6, date(2026, 1, 5), " 两行 "], ["A-2", 7, datetime(2026, 1, 5, 9, 30), None])  # noqa: DTZ001
    )
    assert [one.data["row"] for one in found.records] == [
        {"编号": "A-1", "金额": Decimal("12345.6"), "日期": "2026-01-05", "备注": "两行"},
        {"编号": "A-2", "金额": 7, "日期": "2026-01-05T09:30:00", "备注": None},
    ]
    assert [(one.source, one.data["line"], one.data["file"]) for one in found.records] == [
        ("A-1", 2, "采购.xlsx"),
        ("A-2", 3, "采购.xlsx"),
    ]


@pytest.mark.parametrize("value", ["0.1", "0.3", "1234567.89", "1E-7"])
def test_a_number_keeps_the_digits_people_see(value: str) -> None:
    (one,) = read(book(["编号", "金额"], ["A", float(value)])).records
    assert one.data["row"]["金额"] == Decimal(value)


def test_empty_rows_and_cleared_columns_count_for_nothing() -> None:
    found = read(book(["编号", "金额", None], [None, None], ["A-1", None, None], ["A-2"]))
    assert [one.data["row"] for one in found.records] == [
        {"编号": "A-1", "金额": None},
        {"编号": "A-2", "金额": None},
    ]


def test_a_workbook_is_known_by_its_first_bytes_too() -> None:
    assert len(read(book(["编号"], ["A"]), "export").records) == 1
    assert len(read(book(["编号"], ["A"]), "export.dat", kind="xlsx").records) == 1


def test_a_formula_that_no_spreadsheet_has_computed_is_empty() -> None:
    (one,) = read(book(["编号", "金额"], ["A", "=1+1"])).records
    assert one.data["row"]["金额"] is None


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["编号", "编号"], ["A", "B"]], "bad-header"),
        ([["编号", None, "金额"], ["A", 1, 2]], "bad-header"),
        ([["编号"], ["A", "B"]], "bad-row"),
        ([["编号"], ["#DIV/0!"]], "bad-row"),
        ([["编号", "金额"], [None, 5]], "missing-id"),
        ([[]], "bad-header"),
    ],
)
def test_a_sheet_with_a_wrong_line_is_refused_whole(rows: list[list[Any]], expected: str) -> None:
    assert reason(read(book(*rows))) == expected


@pytest.mark.parametrize(
    "body", [b"PK\x03\x04 no zip", b"", b"\xd0\xcf\x11\xe0 old format", book(["编号"], ["A"])[:-200]]
)
def test_what_is_no_workbook_is_refused(body: bytes) -> None:
    assert reason(read(body)) == "bad-sheet"


def test_a_document_type_is_refused() -> None:
    evil = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><worksheet/>'
    assert reason(read(repacked(book(["编号"], ["A"]), {"xl/worksheets/sheet1.xml": evil}))) == "bad-sheet"


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    assert reason(read(repacked(book(["编号"], ["A"]), {"xl/bomb.bin": bytes(20 * 1024 * 1024)}))) == "too-large"


def test_too_many_parts_and_names_that_lead_outside_are_refused() -> None:
    plain = book(["编号"], ["A"])
    many = {f"xl/x{number}.bin": b"" for number in range(1_001)}
    assert reason(read(repacked(plain, many))) == "too-large"
    assert reason(read(repacked(plain, {"../evil.xml": b"<a/>"}))) == "bad-sheet"
