"""Source JSON: exact numbers, and a slug for everything two readers could disagree about."""

from decimal import Decimal

import pytest

from hub.model.record import Rejected
from hub.model.source_json import parse


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "bad-json"),
        (b"{", "bad-json"),
        (b'{"a":1}x', "bad-json"),
        (b"<html>", "bad-json"),
        (b"\xff{}", "bad-json"),
        (b'{"a":NaN}', "not-a-number"),
        (b"[-Infinity]", "not-a-number"),
        (b"NaN", "not-a-number"),
        (b'{"a":1,"a":2}', "duplicate-key"),
        (b'{"o":{"a":1,"b":2,"a":3}}', "duplicate-key"),
        (b'{"a":"\\ud800"}', "lone-surrogate"),
        (b'{"a":"\\udc00x"}', "lone-surrogate"),
        (b'{"a":"\\ud800\\ud800"}', "lone-surrogate"),
        (b'{"a":"\xed\xa0\x80"}', "lone-surrogate"),
        (b'{"a":"\\u0000"}', "nul"),
        (b'{"a\\u0000":1}', "nul"),
        (b"[" * 65 + b"1" + b"]" * 65, "too-deep"),
        (b"[" * 200 + b"]" * 200, "too-deep"),
        (b"[" * 5000 + b"]" * 5000, "too-deep"),
        (b"[" + b"1," * 100_000 + b"1]", "too-many-nodes"),
        (b"1" * 101, "number-too-long"),
        (b"-" + b"1" * 60 + b"." + b"1" * 60, "number-too-long"),
        (b'{"a": 1E+9999}', "number-too-long"),
        (b"1e999999", "number-too-long"),
        (b"[1e-1000]", "number-too-long"),
    ],
)
def test_a_body_two_readers_could_read_differently_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    found = parse(body)
    assert isinstance(found, Rejected)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"\xef\xbb\xbf{}", {}),
        (b'{"a":12345678901234567.89}', {"a": Decimal("12345678901234567.89")}),
        (b'{"a":0.1}', {"a": Decimal("0.1")}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a":"\\\\u0000"}', {"a": "\\u0000"}),
        (b'{"a":"\\\\ud800"}', {"a": "\\ud800"}),
        (b'["4e1234", "NaN"]', ["4e1234", "NaN"]),
        (b"1" * 100, int("1" * 100)),
        (b'{"a": "' + b"7" * 300 + b'"}', {"a": "7" * 300}),
    ],
)
def test_an_ordinary_body_is_read_exactly(body: bytes, value: object) -> None:
    assert parse(body) == value
    assert repr(parse(body)) == repr(value)


def test_nesting_up_to_the_limit_passes() -> None:
    assert parse(b"[" * 64 + b"1" + b"]" * 64) is not None
    assert not isinstance(parse(b"[" * 64 + b"1" + b"]" * 64), Rejected)


def test_no_float_is_ever_made() -> None:
    value = parse(b'[1.5, 1e3, -0.0, 2E-5, {"a": 3.25}]')
    assert all(type(one) is Decimal for one in [*value[:4], value[4]["a"]])
