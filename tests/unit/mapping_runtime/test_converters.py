"""Every converter: what it takes, what it refuses, exactly."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.mapping.convert import CONVERTERS, Unconvertible, money, names, numbers, texts, times
from hub.mapping.convert.make import zone_of
from hub.model.people import People, Person
from hub.model.values import Money

SHANGHAI, NEW_YORK = zone_of("Asia/Shanghai"), zone_of("America/New_York")
FROM, TO = datetime(1980, 1, 1), datetime(2090, 1, 1)  # noqa: DTZ001  # strategies take naive bounds


def reason(convert: Any, value: Any) -> str:
    with pytest.raises(Unconvertible) as caught:
        convert(value)
    assert caught.value.allowed
    assert caught.value.message(private=False)
    return caught.value.reason


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (Decimal("1234.5"), "1234.50"),
        (Decimal("12345678901234567.89"), "12345678901234567.89"),
        ("12345678901234567.89", "12345678901234567.89"),
        ("12,345.60", "12345.60"),
        ("1,234", "1234.00"),
        ("¥1.2万", "12000.00"),
        ("￥１２３．４５", "123.45"),
        ("3.5亿", "350000000.00"),
        ("3.5亿元", "350000000.00"),
        ("2百万元", "2000000.00"),
        ("CNY 100", "100.00"),
        ("cny100", "100.00"),
        ("100 RMB", "100.00"),
        ("人民币 100", "100.00"),
        ("100元", "100.00"),
        ("-5", "-5.00"),
        ("-¥5", "-5.00"),
        ("¥-5", "-5.00"),
        ("−5", "-5.00"),
        ("-0.00", "0.00"),
        (0, "0.00"),
        (5, "5.00"),
        (Decimal("1E+3"), "1000.00"),
        ("1.005", "1.005"),
        (" 7 ", "7.00"),
        ("007", "7.00"),
        (Money(Decimal("7"), "CNY"), "7.00"),
        ({"amount": "7.50", "currency": "CNY"}, "7.50"),
    ],
)
def test_money_is_read_as_people_and_systems_write_it(value: Any, amount: str) -> None:
    assert money.fixed("CNY")(value) == {"amount": amount, "currency": "CNY"}


@pytest.mark.parametrize(
    "value",
    ["abc", "NaN", "Infinity", "1.234,56", "1,23", "12,34,567", "(5)", "--5", "-¥-5", "5 xyz", "1 2", "12.", ".", "¥",
     "1e5", "1_000", True, [1], {"amount": 5, "currency": "CNY"}, "9" * 200, Decimal("1E+500")],
)  # fmt: skip
def test_what_is_no_amount_or_could_be_two_is_bad_money(value: Any) -> None:
    assert reason(money.fixed("CNY"), value) == "bad-money"


@pytest.mark.parametrize(
    "value", ["$5", "USD 5", "5 €", "5 EUR", "US$ 5", Money(Decimal(5), "USD"), {"amount": "5", "currency": "USD"}]
)
def test_an_amount_of_another_currency_is_a_mismatch(value: Any) -> None:
    assert reason(money.fixed("CNY"), value) == "currency-mismatch"


def test_the_sign_a_currency_shares_is_no_contradiction() -> None:
    assert money.fixed("JPY")("¥500") == {"amount": "500", "currency": "JPY"}
    assert money.fixed("HKD")("$500") == {"amount": "500.00", "currency": "HKD"}


def test_minor_digits_follow_the_currency() -> None:
    assert money.fixed("JPY")(500) == {"amount": "500", "currency": "JPY"}
    assert money.fixed("KWD")(Decimal("1.5")) == {"amount": "1.500", "currency": "KWD"}
    assert money.fixed("CLP")(500) == {"amount": "500", "currency": "CLP"}
    assert money.fixed("JOD")(Decimal("1.5")) == {"amount": "1.500", "currency": "JOD"}


def test_money_without_a_currency_must_say_its_own() -> None:
    assert money.of("USD 5", "") == {"amount": "5.00", "currency": "USD"}
    assert money.of("5元", "") == {"amount": "5.00", "currency": "CNY"}
    for value in ("5", 5, "$5", "¥5"):
        assert reason(lambda given: money.of(given, ""), value) == "missing-currency"


def test_empty_money_is_null() -> None:
    assert money.fixed("CNY")("  ") is None


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**20), max_value=10**20))
def test_every_spelling_of_an_amount_gives_the_same_money(amount: Decimal) -> None:
    expected = money.of(amount, "CNY")
    assert expected is not None
    assert Decimal(expected["amount"]) == amount
    for spelling in (amount, f"{amount}", f"{amount:,}", f"CNY {amount}", f"{amount}元"):
        assert money.fixed("CNY")(spelling) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2019-02-15T19:01:52.971-0800", "2019-02-16T03:01:52.971Z"),
        ("2019-02-15T19:01:52.971Z", "2019-02-15T19:01:52.971Z"),
        ("2019-02-15T19:01:52+00:00", "2019-02-15T19:01:52.000Z"),
        ("2019-02-15T19:01:52.971234Z", "2019-02-15T19:01:52.971234Z"),
        ("2019-02-15T19:01:52.971+08:00", "2019-02-15T11:01:52.971Z"),
        ("2019-02-15T19:01:52.971+05:30", "2019-02-15T13:31:52.971Z"),
        ("2019-02-15T190152.97100-0800", "2019-02-16T03:01:52.971Z"),
        ("2019-W07-5T19:01:52.971+08:00", "2019-02-15T11:01:52.971Z"),
        ("2019-02-15 19:01", "2019-02-15T11:01:00.000Z"),
        ("2019/2/15 19:01", "2019-02-15T11:01:00.000Z"),
        ("2019-02-15", "2019-02-14T16:00:00.000Z"),
        (1700000000, "2023-11-14T22:13:20.000Z"),
        (1700000000123, "2023-11-14T22:13:20.123Z"),
        ("1700000000000", "2023-11-14T22:13:20.000Z"),
        (Decimal("1700000000.5"), "2023-11-14T22:13:20.500Z"),
        (datetime(2026, 1, 5, tzinfo=UTC), "2026-01-05T00:00:00.000Z"),
        ("", None),
    ],
)  # fmt: skip
def test_an_instant_is_utc_whatever_its_spelling(value: Any, text: str | None) -> None:
    assert times.instant(SHANGHAI)(value) == text


NO_MOMENTS = [
    *("x", "2019-02-30T19:01:52.971Z", "2019-02-15T25:00:00Z", True, [], {}, 10**30),
    *("2019-02-15T19:01:52.97Z-0800", "2019-02-30T19:01:52.971-0800", "2019-02-15T19:60:52-08:00"),
    "0001-01-01T00:00:00.000+0800",
]


@pytest.mark.parametrize("value", NO_MOMENTS)
def test_what_is_no_moment_is_refused(value: Any) -> None:
    assert reason(times.instant(SHANGHAI), value) == "bad-instant"


@pytest.mark.parametrize("value", ["2026-03-08T02:30", "2026-11-01 01:30"])
def test_a_local_time_that_exists_twice_or_never_is_ambiguous(value: str) -> None:
    assert reason(times.instant(NEW_YORK), value) == "ambiguous-instant"


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-01-05", "2026-01-05"),
        ("2026/1/5", "2026-01-05"),
        ("2026-01-05T20:00:00Z", "2026-01-06"),
        ("2026-01-05 23:59", "2026-01-05"),
        (1700000000, "2023-11-15"),
        ("", None),
    ],
)
def test_a_date_is_the_day_in_the_zone(value: Any, day: str | None) -> None:
    assert times.day(SHANGHAI)(value) == day


@pytest.mark.parametrize("value", ["2026-02-30", "yesterday", True, []])
def test_what_is_no_day_is_refused(value: Any) -> None:
    assert reason(times.day(SHANGHAI), value) == "bad-date"


@given(st.datetimes(min_value=FROM, max_value=TO), st.integers(-14 * 60, 14 * 60))
def test_the_offset_only_moves_the_spelling_of_a_moment(naive: datetime, minutes: int) -> None:
    moment = naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    convert = times.instant(SHANGHAI)
    expected = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
    for spelling in (local.isoformat(timespec="milliseconds"), local.strftime("%Y-%m-%dT%H:%M:%S.%f%z")):
        assert convert(spelling) == expected
    whole = local.replace(microsecond=0).isoformat(timespec="seconds")
    assert convert(whole) == f"{expected[:19]}.000Z"


def test_texts() -> None:
    assert [texts.text(v) for v in ("a ", 5, Decimal("1.50"), True)] == ["a ", "5", "1.5", "true"]
    assert [texts.trim(v) for v in (" a ", "  ", 5)] == ["a", None, "5"]
    assert [texts.lower(v) for v in (" Done ", "")] == ["done", None]
    assert reason(texts.text, {}) == "bad-text"


def test_booleans_in_the_words_people_use() -> None:
    assert [texts.boolean(v) for v in (True, "yes", "是", 1, "TRUE")] == [True] * 5
    assert [texts.boolean(v) for v in (False, "No", "否", 0, Decimal("0"))] == [False] * 5
    assert texts.boolean("") is None
    assert reason(texts.boolean, "maybe") == "bad-bool"


def test_numbers_are_exact() -> None:
    given = (5, Decimal("1.50"), "12,345.60", "１２", "-0", "12345678901234567.89")
    assert [numbers.decimal(v) for v in given] == ["5", "1.5", "12345.6", "12", "0", "12345678901234567.89"]
    assert [numbers.integer(v) for v in (5, Decimal("5.0"), "1,200", "")] == [5, 5, 1200, None]
    assert reason(numbers.integer, "5.5") == "bad-number"
    assert {reason(numbers.decimal, v) for v in ("1.234,5", "x", True, [], Decimal("1E+999"))} == {"bad-number"}


PEOPLE = People(
    [
        Person("E1", "Ann", mail="ann@example.com", accounts={"jira": ("acc1", "ann"), "trello": ("t1",)}),
        Person("E2", "Bo", accounts={"*": ("bo@example.com",)}),
    ]
)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("acc1", "E1"),
        (" ann ", "E1"),
        ({"accountId": "acc1", "displayName": "x"}, "E1"),
        ({"name": "ann", "key": "JIRAUSER1"}, "E1"),
        ({"accountId": "?", "emailAddress": "bo@example.com"}, "E2"),
        ("", None),
    ],
)
def test_a_person_is_found_by_account(value: Any, code: str | None) -> None:
    assert names.person(PEOPLE, "jira")(value) == code


@pytest.mark.parametrize("value", ["t1", "Ann", "E1", "ann@example.com", {}, {"displayName": "Ann"}, [], True])
def test_nobody_is_guessed_from_a_name_a_code_or_another_systems_account(value: Any) -> None:
    assert reason(names.person(PEOPLE, "jira"), value) == "unknown-person"


def test_a_ref_is_a_key_of_its_connection_and_a_natural_key_stays() -> None:
    own, shared = names.ref("jira", shared=False), names.ref("jira", shared=True)
    assert [own(v) for v in ("10041", 10041, " OPS-41 ", "jira:7", "")] == [
        "jira:10041", "jira:10041", "jira:OPS-41", "jira:7", None,
    ]  # fmt: skip
    assert shared("PRJ-7") == "PRJ-7"
    assert reason(own, {"id": 1}) == "bad-ref"


def test_the_registry_names_every_converter_once_in_both_languages() -> None:
    assert set(CONVERTERS) == {
        "text", "trim", "lower", "integer", "decimal", "money", "person", "instant", "date", "bool", "ref",
        "percent", "cn-number", "list", "join", "quantity",
    }  # fmt: skip
    assert CONVERTERS["money"].form == "money [CUR]"
    assert CONVERTERS["ref"].form == "ref KIND"
    assert all(set(spec.about) == {"zh", "en"} for spec in CONVERTERS.values())
