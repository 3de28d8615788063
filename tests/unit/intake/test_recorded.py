"""Recorded deliveries keep their bytes; a bad line is told with its number and does not stop the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.intake.recorded import BadLine, recorded
from hub.model.delivery import Raw


def read(tmp_path: Path, text: str) -> list[Raw | BadLine]:
    file = tmp_path / "some.jsonl"
    file.write_text(text, "utf-8")
    return [found for _, found in recorded(file)]


@pytest.mark.parametrize(
    "body",
    [
        '{"a":12345678901234567.89,  "b": 1E400}',
        '{"a":1,"a":2}',
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        "[" * 200 + "]" * 200,
        '{"n": ' + "9" * 5000 + "}",
    ],
)
def test_a_body_keeps_its_very_bytes(tmp_path: Path, body: str) -> None:
    (found,) = read(tmp_path, '{"headers": {"X-Id": "7"}, "body": ' + body + "}\n")
    assert isinstance(found, Raw)
    assert found.body == body.encode()
    assert found.headers["x-id"] == "7"


def test_a_text_body_is_the_text_and_base64_is_decoded(tmp_path: Path) -> None:
    first, second = read(tmp_path, '{"body": "{broken"}\n{"body_base64": "AAE="}\n')
    assert isinstance(first, Raw)
    assert isinstance(second, Raw)
    assert (first.body, second.body) == (b"{broken", b"\x00\x01")


def test_received_at_is_kept_and_needs_a_zone(tmp_path: Path) -> None:
    good, bad = read(
        tmp_path,
        '{"body": {}, "received_at": "1970-01-01T00:00:01Z"}\n{"body": {}, "received_at": "2026-01-01T00:00:00"}\n',
    )
    assert isinstance(good, Raw)
    assert good.received_at == 1_000_000
    assert isinstance(bad, BadLine)
    assert "zone" in bad.message


@pytest.mark.parametrize("line", ["nonsense", "[1]", '{"body": {}', '{"bodyy": {}}', "{}", '{"body": 1} x'])
def test_a_bad_line_names_its_number_and_the_next_one_counts(tmp_path: Path, line: str) -> None:
    bad, good = read(tmp_path, line + '\n{"body": {"a": 1}}\n')
    assert isinstance(bad, BadLine)
    assert (bad.line, bad.reason) == (1, "bad-line")
    assert isinstance(good, Raw)


def test_a_file_of_another_kind_is_one_body(tmp_path: Path) -> None:
    file = tmp_path / "issue.json"
    file.write_bytes(b'{"a": 1}\n')
    ((line, found),) = recorded(file)
    assert line == 0
    assert isinstance(found, Raw)
    assert found.body == b'{"a": 1}\n'
