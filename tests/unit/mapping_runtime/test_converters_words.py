"""Numbers in Chinese, shares, lists: what they take, what they refuse, and integers at the edge of 64 bits."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.mapping.convert import Unconvertible, chinese, lists, money, numbers

DIGITS = "零一二三四五六七八九"
CAPITALS = str.maketrans("零一二三四五六七八九十百千", "零壹贰叁肆伍陆柒捌玖拾佰仟")


def section(number: int) -> str:
    """Four digits as they are spelt, zeros between them once."""
    said, gap = "", False
    for place, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // place % 10
        if digit:
            said += ("零" if gap and said else "") + DIGITS[digit] + unit
        gap = not digit
    return said


def spelt(number: int) -> str:
    """A number below 10^12 as contracts spell it."""
    said = ""
    for place, unit in ((10**8, "亿"), (10**4, "万"), (1, "")):
        part = number // place % 10**4
        if part:
            said += ("零" if said and part < 1000 else "") + section(part) + unit
    return said or "零"


@given(st.integers(0, 10**12 - 1))
def test_every_number_is_read_as_it_is_spelt_small_and_capital(number: int) -> None:
    assert chinese.number(spelt(number)) == str(number)
    assert chinese.number(spelt(number).translate(CAPITALS)) == str(number)
    assert chinese.number("负" + spelt(number)) == str(-number) or number == 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("一千二百三十四", "1234"),
        ("壹佰", "100"),
        ("十五", "15"),
        ("一百十五", "115"),
        ("二〇二六", "2026"),
        ("两万", "20000"),
        ("十二点五", "12.5"),
        ("3万5千", "35000"),
        ("1.2万", "12000"),
        ("1,234", "1234"),
        (" １２ ", "12"),
        (7, "7"),
        (Decimal("1.50"), "1.5"),
        ("一万亿", "1000000000000"),
    ],
)
def test_numbers_as_people_write_them(text: Any, number: str) -> None:
    assert chinese.number(text) == number


@pytest.mark.parametrize(
    "text",
    ["二百五", "一万五", "一千五", "百", "万", "元", "一百零五十", "一万五千万", "十十", "半", True, [], "一" * 80],
)
def test_what_could_mean_two_numbers_or_none_is_refused(text: Any) -> None:
    with pytest.raises(Unconvertible) as refused:
        chinese.number(text)
    assert refused.value.reason == "bad-number"


def test_a_chinese_number_fills_an_integer_field_only_when_it_is_whole() -> None:
    assert chinese.integer("一千二百三十四") == 1234
    assert chinese.integer("") is None
    with pytest.raises(Unconvertible):
        chinese.integer("十二点五")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("壹万贰仟元整", "12000.00"),
        ("人民币壹拾贰元叁角肆分", "12.34"),
        ("叁佰元零伍分", "300.05"),
        ("伍角", "0.50"),
        ("负壹佰元整", "-100.00"),
    ],
)
def test_amounts_are_read_as_contracts_spell_them(text: str, amount: str) -> None:
    assert money.of(text, "CNY") == {"amount": amount, "currency": "CNY"}
    assert money.of(text, "") == {"amount": amount, "currency": "CNY"}
    with pytest.raises(Unconvertible):
        money.of(text, "USD")


@pytest.mark.parametrize(
    ("value", "fraction"),
    [("12.5 %", "0.125"), ("99.9%", "0.999"), (12, "0.12"), (Decimal("0.5"), "0.005"), ("百分之五", None),
     ("百分之5", "0.05"), ("１００％", "1"), ("-3%", "-0.03"), ("", None), ("  ", None)],
)  # fmt: skip
def test_a_share_of_a_hundred_becomes_a_fraction(value: Any, fraction: str | None) -> None:
    if value == "百分之五":
        with pytest.raises(Unconvertible):
            numbers.percent(value)
    else:
        assert numbers.percent(value) == fraction


@pytest.mark.parametrize("value", ["12 %%", "a %", "%", True, ["1%"], "1/2"])
def test_what_is_no_share_is_refused(value: Any) -> None:
    with pytest.raises(Unconvertible) as refused:
        numbers.percent(value)
    assert refused.value.reason == "bad-number"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("红, 蓝；绿、白", ["红", "蓝", "绿", "白"]),
        (["a ", "", None, 5, True], ["a", "5", "true"]),
        ("", None),
        (" , ", None),
        ([], []),
    ],
)
def test_a_text_is_cut_into_words(value: Any, words: list[str] | None) -> None:
    assert lists.split("")(value) == words


def test_a_separator_of_its_own_cuts_only_there() -> None:
    assert lists.split("|")("a,b | c") == ["a,b", "c"]
    assert lists.split('" / "')("a/b / c") == ["a/b", "c"]


def test_words_are_joined_and_a_text_stays() -> None:
    assert lists.join("")(["红", None, " 蓝 ", ""]) == "红, 蓝"
    assert lists.join('" / "')(["a", "b"]) == "a / b"
    assert lists.join("、")("x ") == "x"
    assert lists.join("")([]) is None


@pytest.mark.parametrize("value", [{"a": 1}, 5, None])
def test_a_list_is_made_of_words_only(value: Any) -> None:
    with pytest.raises(Unconvertible) as refused:
        lists.split("")(value)
    assert refused.value.reason == "wrong-type"


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, str(2**63), Decimal(2**63), Decimal("1E+30")])
def test_an_integer_beyond_64_bits_is_refused_wherever_it_comes_from(value: Any) -> None:
    with pytest.raises(Unconvertible) as refused:
        numbers.integer(value)
    assert "64 bits" in refused.value.allowed


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), str(2**63 - 1)])
def test_the_largest_integers_pass(value: Any) -> None:
    assert numbers.integer(value) == int(value)
