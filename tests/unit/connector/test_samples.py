"""Samples live relative to now, and say where they are wrong."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from hub.connector.samples import render
from hub.errors import ConfigError
from hub.model.clock import SECOND, Micros

NOW: Micros = 1_767_225_600 * SECOND + 123_000  # 2026-01-01T00:00:00.123Z


def rendered(tmp_path: Path, line: str) -> list[tuple[dict[str, str], object]]:
    file = tmp_path / "samples.jsonl"
    file.write_text(line)
    return [(dict(raw.headers), orjson.loads(raw.body)) for raw in render(file, NOW)]


@pytest.mark.parametrize(
    ("placeholder", "value"),
    [
        ("{{-2h}}", "2025-12-31T22:00:00.123Z"),
        ("{{-1h|iso}}", "2025-12-31T23:00:00.123Z"),
        ("{{-2h|jira}}", "2026-01-01T06:00:00.123+0800"),
        ("{{+14d|date}}", "2026-01-15"),
        ("{{-1s|ms}}", 1_767_225_599_123),
        ("at {{-1s|ms}}!", "at 1767225599123!"),
        ("{{+0s}}", "2026-01-01T00:00:00.123Z"),
    ],
)
def test_a_placeholder_becomes_its_time(tmp_path: Path, placeholder: str, value: object) -> None:
    line = orjson.dumps({"headers": {"X-Time": placeholder}, "body": {"a": [{"t": placeholder}]}}).decode()
    assert rendered(tmp_path, line) == [({"x-time": str(value)}, {"a": [{"t": value}]})]


def test_bodies_may_be_raw_bytes(tmp_path: Path) -> None:
    assert rendered(tmp_path, '{"body_base64": "eyJhIjoxfQ=="}\n\n{"body": "{\\"a\\":2}"}') == [
        ({}, {"a": 1}),
        ({}, {"a": 2}),
    ]


@pytest.mark.parametrize("line", ["{", '{"headers": {}}', '{"body": "{{-1h|moon}}"}', '{"body_base64": "*"}', "[]"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rendered(tmp_path, '{"body": 1}\n' + line)
    assert caught.value.where.endswith(":2")
