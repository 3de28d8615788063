"""A recording that says something twice says nothing: which of the two was meant, nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.intake.recorded import BadLine, recorded


@pytest.mark.parametrize(
    "line",
    [
        '{"body": {"a": 1}, "body": {"a": 2}}',
        '{"body": {}, "b\\u006fdy": {}}',
        '{"headers": {}, "headers": {"x": "1"}, "body": {}}',
        '{"headers": {"x": "1", "x": "2"}, "body": {}}',
        '{"headers": {"X-Id": "1", "x-id": "2"}, "body": {}}',
        '{"body_base64": "AAE=", "body_base64": "AAI="}',
        '{"received_at": "2026-01-01T00:00:00Z", "received_at": "2026-01-02T00:00:00Z", "body": {}}',
    ],
)
def test_a_line_with_a_key_or_header_twice_is_bad_and_the_next_counts(tmp_path: Path, line: str) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text(line + '\n{"body": {"a": 1, "a": 2}}\n', "utf-8")
    first, second = [found for _, found in recorded(file)]
    assert isinstance(first, BadLine)
    assert (first.line, first.reason) == (1, "bad-line")
    assert "twice" in first.message
    assert not isinstance(second, BadLine)  # inside a body it is the body's own matter: kept as it came
