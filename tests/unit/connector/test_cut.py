"""Items are cut out of an answer byte for byte."""

from __future__ import annotations

import pytest

from hub.connector.cut import items


@pytest.mark.parametrize(
    ("body", "name", "expected"),
    [
        (b'[{"a": 1.10}, {"b": [{"c": "}"}]}]', "", [b'{"a": 1.10}', b'{"b": [{"c": "}"}]}']),
        (
            b'{"x": {"issues": [{"no": 1}]}, "issues" : [ {"a":"\\"]"} , {} ], "z": 1}',
            "issues",
            [b'{"a":"\\"]"}', b"{}"],
        ),
        (b'{"s": "issues", "issues": []}', "issues", []),
        (b'{"other": [{"a": 1}]}', "issues", []),
        (b'{"a": "issues", "b": [{"x": 1}], "issues": [{"y": 2}]}', "issues", [b'{"y": 2}']),
    ],
)
def test_items_are_cut_byte_for_byte(body: bytes, name: str, expected: list[bytes]) -> None:
    assert items(body, name) == expected
