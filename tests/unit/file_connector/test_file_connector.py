"""Drop folder: files are taken whole, once, and put away only after they are kept."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.file.connector import FileConnector
from connectors.file.rows import decode
from hub.connector.answers import ReadFailed
from hub.connector.base import Connection
from hub.connector.http import Http
from hub.connector.suite import WebhookSuite
from hub.model.delivery import Raw
from hub.model.record import Decoded

AT = 1_767_600_000_000_000
CSV = '编号,金额,备注\nA-1,"12,345.60","两行\n备注"\nA-2,,ok\n'


def drop(folder: Path, **settings: object) -> FileConnector:
    return FileConnector(
        Connection("drop", {"folder": str(folder), **settings}), Http(""), clock=lambda: 2_000_000_000
    )


def put(folder: Path, name: str, body: bytes) -> None:
    (folder / name).write_bytes(body)
    os.utime(folder / name, (1_900_000_000, 1_900_000_000))


def reason(found: Decoded) -> str:
    return found.rejected.reason if found.rejected else ""


class TestFileBodies(WebhookSuite):
    connector = FileConnector
    settings = {"folder": ".", "id_column": "id"}
    bodies = (
        Raw(b"id,x\n1,2\n", {"x-file-name": "a.csv", "x-file-time": str(AT)}),
        Raw(b'{"id": 1, "x": 1.50}\n', {"x-file-name": "a.jsonl"}),
    )

    def test_an_unknown_field_changes_nothing_but_itself(self) -> None:
        found = decode(b'{"id": 1, "new": {"deep": [1, null]}}', "a.jsonl", AT, "id")
        assert [record.source for record in found.records] == ["1"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_in_the_encodings_and_delimiters_spreadsheets_write(encoding: str, delimiter: str) -> None:
    text = f"编号{delimiter}名称\r\nA-1{delimiter}激光头\r\n"

    found = decode(text.encode(encoding), "采购.csv", AT, "编号")

    assert [(record.source, record.at, record.data["row"]) for record in found.records] == [
        ("A-1", AT, {"编号": "A-1", "名称": "激光头"})
    ]


def test_cells_are_text_empty_cells_are_null_and_lines_are_numbered() -> None:
    found = decode(CSV.encode(), "a.csv", AT, "编号")

    assert [record.data for record in found.records] == [
        {"row": {"编号": "A-1", "金额": "12,345.60", "备注": "两行\n备注"}, "line": 3, "file": "a.csv"},
        {"row": {"编号": "A-2", "金额": None, "备注": "ok"}, "line": 4, "file": "a.csv"},
    ]


def test_json_lines_keep_their_numbers() -> None:
    (record,) = decode(b'\xef\xbb\xbf{"id": 7, "price": 12345678901234567.89}\r\n\n', "a.jsonl", AT, "id").records

    assert record.data["row"] == {"id": 7, "price": Decimal("12345678901234567.89")}


def test_without_an_id_column_a_row_is_its_own_content() -> None:
    first, second, third = decode(b"a,b\n1,2\n1,2\n1,3\n", "a.csv", AT, "").records

    assert first.source == second.source != third.source


@pytest.mark.parametrize(
    ("body", "name", "expected"),
    [
        (b"id,x\n1,2,3\n", "a.csv", "bad-row"),
        (b"id,id\n1,2\n", "a.csv", "bad-header"),
        (b"id,\n1,2\n", "a.csv", "bad-header"),
        (b"", "a.csv", "bad-header"),
        (b"id,x\n,2\n", "a.csv", "missing-id"),
        (b'id,x\n1,"open\n', "a.csv", "bad-csv"),
        (b"id,x\n1,\x00\n", "a.csv", "nul"),
        (b"id,x\n1,\xff\xff\n", "a.csv", "bad-encoding"),
        (b'{"id": 1}\n{"id": 1, "id": 2}\n', "a.jsonl", "duplicate-key"),
        (b'{"id": 1}\n[1]\n', "a.jsonl", "not-an-object"),
        (b'{"id": 1, "n": 99999999999999999999}\n', "a.jsonl", "bad-number"),
    ],
)
def test_a_file_with_one_bad_line_is_refused_whole_with_the_reason(body: bytes, name: str, expected: str) -> None:
    found = decode(body, name, AT, "id")

    assert found.records == ()
    assert reason(found) == expected


async def test_a_file_is_put_away_only_after_the_cursor_says_it_is_kept(tmp_path: Path) -> None:
    put(tmp_path, "采购 1.csv", CSV.encode())
    connector = drop(tmp_path, id_column="编号")

    page = await connector.poll("row", "")

    assert [raw.body for raw in page.deliveries] == [CSV.encode()]
    assert page.more
    assert (tmp_path / ".claimed" / "采购 1.csv").exists()
    assert (
        connector.decode(page.deliveries[0].headers, page.deliveries[0].body).records[0].data["file"] == "采购 1.csv"
    )

    last = await connector.poll("row", page.cursor)

    assert last.deliveries == ()
    assert not last.more
    assert (tmp_path / "done" / "采购 1.csv").read_bytes() == CSV.encode()


async def test_a_crash_before_the_cursor_is_kept_reads_the_file_again_as_the_same_delivery(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", b"id\n1\n")

    first = (await drop(tmp_path).poll("row", "")).deliveries[0]
    again = (await drop(tmp_path).poll("row", "")).deliveries[0]

    connector = drop(tmp_path)
    assert connector.identify(first.headers, first.body) == connector.identify(again.headers, again.body)


async def test_unfinished_hidden_and_fresh_files_wait(tmp_path: Path) -> None:
    for name in (".hidden.csv", "a.csv.part", "b.tmp"):
        put(tmp_path, name, b"id\n1\n")
    (tmp_path / "fresh.csv").write_bytes(b"id\n1\n")
    os.utime(tmp_path / "fresh.csv", (1_999_999_999, 1_999_999_999))
    (tmp_path / "link.csv").symlink_to("/etc/hostname")

    assert drop(tmp_path).waiting() == []


async def test_a_file_that_is_too_large_goes_to_failed_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path, "big.csv", b"x" * (10 * 1024 * 1024 + 1))

    page = await drop(tmp_path).poll("row", "")

    assert page.deliveries == ()
    assert (tmp_path / "failed" / "big.csv").exists()
    assert "at most" in (tmp_path / "failed" / "big.csv.reason.txt").read_text()


async def test_a_second_file_of_the_same_name_is_not_put_over_the_first(tmp_path: Path) -> None:
    connector, cursor = drop(tmp_path), ""
    for body in (b"id\n1\n", b"id\n2\n"):
        put(tmp_path, "a.csv", body)
        cursor = (await connector.poll("row", cursor)).cursor
    await connector.poll("row", cursor)

    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["a-2.csv", "a.csv"]


async def test_a_folder_that_is_not_there_is_a_failed_read_and_a_probe_with_a_fix(tmp_path: Path) -> None:
    connector = drop(tmp_path / "nowhere")

    with pytest.raises(ReadFailed):
        await connector.poll("row", "")
    assert (await connector.probe()).fix
    assert (await drop(tmp_path).probe()).ok
