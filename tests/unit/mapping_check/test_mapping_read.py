"""Reading YAML: 1.2 types, places, and everything that is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hub.mapping.literals import BadLiteral, duration, money, path_steps, point_in_time, share
from hub.mapping.read import BYTES_MAX, DEPTH_MAX, Mapping, Scalar, Sequence, read
from hub.model.values import Money


def value(text: str) -> object:
    root, findings = read(f"a: {text}", "t.yaml")
    assert findings.found == []
    assert isinstance(root, Mapping)
    node = root.pairs["a"][1]
    assert isinstance(node, Scalar)
    return node.value


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1", 1),
        ("-12", -12),
        ("0x1F", 31),
        ("1.50", Decimal("1.50")),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("2026-01-01", "2026-01-01"),
        ("99.9 %", "99.9 %"),
        ("null value", "null value"),
        ("'no'", "no"),
        ('"12:30"', "12:30"),
        ("中文", "中文"),
        ("y", "y"),
    ],
)
def test_plain_scalars_have_their_yaml_1_2_type(text: str, wanted: object) -> None:
    found = value(text)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    "text", ["no", "NO", "Yes", "on", "OFF", "010", "0o7", "12:30", "1_000", "1e3", ".inf", "<<"]
)
def test_words_that_readers_read_differently_are_refused_without_quotes(text: str) -> None:
    for written in (f"a: {text}", f"a: [{text}]", f"{text}: a"):
        assert [each.rule for each in read(written, "t.yaml")[1].found] == ["ambiguous-scalar"], written


def test_places_count_from_one_and_cover_the_value_in_characters() -> None:
    root, _ = read("键: [中文, two words]", "t.yaml")
    assert isinstance(root, Mapping)
    key, node = root.pairs["键"]
    assert (key.line, key.column, key.end) == (1, 1, 2)
    assert isinstance(node, Sequence)
    assert [(item.column, item.end) for item in node.items] == [(5, 7), (9, 18)]


def test_a_second_key_says_where_the_first_stands() -> None:
    _, findings = read("a: 1\nb: 2\na: 3", "t.yaml")
    assert [str(each.place) for each in findings.found] == ["t.yaml:3:1"]
    assert "line 1, column 1" in findings.found[0].why


def test_everything_before_a_syntax_error_is_reported_with_it() -> None:
    _, findings = read("a: no\na: 1\nb: &x 2\nc: {", "t.yaml")
    assert [each.rule for each in findings.found] == ["ambiguous-scalar", "duplicate-key", "anchor", "syntax"]


def test_a_file_may_be_as_deep_as_the_limit_and_no_deeper() -> None:
    assert read("[" * DEPTH_MAX + "]" * DEPTH_MAX, "t.yaml")[1].found == []
    assert len(read("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), "t.yaml")[1].found) == 1
    assert len(read("[" * 100_000, "t.yaml")[1].found) == 1


@pytest.mark.parametrize(
    "source",
    [
        b"a: " + b"x" * BYTES_MAX,
        b"a: \xff\xfe",
        b"",
        b"# nothing\n",
        b"a: \x00",
        "a: \ud800".encode("utf-8", "surrogatepass"),
    ],
)
def test_what_is_no_yaml_text_is_one_finding_and_never_an_exception(source: bytes) -> None:
    root, findings = read(source, "t.yaml")
    assert root is None
    assert [each.rule for each in findings.found] == ["syntax"]


def test_a_byte_order_mark_is_passed_over() -> None:
    root, findings = read(b"\xef\xbb\xbfa: 1", "t.yaml")
    assert findings.found == []
    assert root is not None


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("id", ("id",)),
        ("fields.customfield_10200", ("fields", "customfield_10200")),
        ('a.b[0][*]["两个 词"].c', ("a", "b", 0, None, "两个 词", "c")),
        ('f["say \\"hi\\""]', ("f", 'say "hi"')),
        ("项目.名称", ("项目", "名称")),
    ],
)
def test_paths_are_names_indexes_and_each(text: str, steps: tuple[object, ...]) -> None:
    assert path_steps(text) == steps


@pytest.mark.parametrize("text", ["", ".a", "a.", "a..b", "a[", "a[x]", "a[-1]", "[0]", "a b", 'a["x]'])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(BadLiteral):
        path_steps(text)


def test_literals_mean_what_they_say() -> None:
    assert duration("4h") == 4 * 3600 * 1_000_000
    assert money("50000.50 CNY") == Money(Decimal("50000.50"), "CNY")
    assert share("99.9 %") == pytest.approx(0.999)
    assert point_in_time("2026-01-01", "Asia/Shanghai") == point_in_time("2025-12-31T16:00:00Z", "UTC")


@pytest.mark.parametrize(
    ("parse", "text"),
    [(duration, "4 hours"), (duration, "-4h"), (money, "CNY 5"), (money, "5"), (share, "101 %"), (share, "0.99")],
)
def test_literals_that_could_be_guessed_two_ways_are_refused(parse: object, text: str) -> None:
    with pytest.raises(BadLiteral):
        parse(text)  # type: ignore[operator]


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(BadLiteral, match="no zone"):
        point_in_time("2026-01-01T08:00:00", "UTC")
