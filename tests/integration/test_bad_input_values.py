"""Values nobody expected: mapped exactly, or set aside with row, owner and words; money waits for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bad_input_bodies import at, event, expense, project, purchase, status
from tests.integration.bad_input_stage import Stage, assert_balanced, assert_once, raw, staged


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(tmp_path, monkeypatch) as made:
        yield made


async def refused(stage: Stage, body: Any, kind: str, key: str) -> dict[str, Any]:
    """The quarantine row a record ends in; the same is told by ``hub settle`` and ``hub trace``."""
    await stage.give(body)
    found = await stage.settle()
    assert_balanced(found)
    (row,) = await stage.quarantined()
    (waits,) = [one for one in found["waiting"] if one["kind"] == "quarantine"]
    assert (waits["ref"], waits["who"]) == (row["id"], row["owner"])
    (traced,) = (await stage.hub("trace", key, "--kind", kind))["quarantined"]
    assert (traced["id"], traced["reason"]) == (row["id"], row["reason"])
    return row


async def test_an_unknown_status_value_says_the_value_the_row_and_the_owner(stage: Stage) -> None:
    row = await refused(stage, project(10041, **status("archived", "Archived")), "project", "OPS-41")
    assert (row["reason"], row["row"], row["owner"]) == ("unknown-value", "rd-close/project/pm.issue.status", "pmo")
    assert "archived" in row["message"]
    assert "indeterminate" in row["message"]


@pytest.mark.parametrize("missing", [None, ""])
async def test_a_required_field_that_is_empty_sets_the_record_aside(stage: Stage, missing: Any) -> None:
    row = await refused(stage, project(10041, summary=missing), "project", "OPS-41")
    assert (row["reason"], row["row"], row["owner"]) == ("missing-field", "rd-close/project/pm.issue.name", "pmo")


async def test_a_required_field_that_is_absent_sets_the_record_aside(stage: Stage) -> None:
    body = expense(10042, 10041)
    del body["issue"]["fields"]["customfield_10310"]
    row = await refused(stage, body, "expense", "jira:10042")
    assert (row["reason"], row["row"], row["owner"]) == (
        "missing-field",
        "rd-close/expense/pm.issue.amount",
        "finance",
    )


async def test_somebody_unknown_is_set_aside_without_their_id_in_the_message(stage: Stage) -> None:
    row = await refused(stage, project(10041, assignee={"accountId": "stranger-1"}), "project", "OPS-41")
    assert (row["reason"], row["row"]) == ("unknown-person", "rd-close/project/pm.issue.manager")
    assert "stranger-1" not in row["message"]


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ("12,345.60", "12345.60"),
        ("¥1.2万", "12000.00"),
        ("￥ １,２００", "1200.00"),
        (b"12345678901234567.89", "12345678901234567.89"),
        (b"0.1", "0.10"),
        (b"1e3", "1000.00"),
        (b"18446744073709551617", "18446744073709551617.00"),
        (b"-0.00", "0.00"),
        (b"1.005", "1.005"),
        (b"1e60", "1" + "0" * 60 + ".00"),
    ],
)
async def test_money_is_exact_to_the_cent_all_the_way(stage: Stage, said: Any, amount: str) -> None:
    body = raw(expense(10042, 10041, "@@")).replace(b'"@@"', said if isinstance(said, bytes) else b'"@@"')
    await stage.give(body if isinstance(said, bytes) else expense(10042, 10041, said))
    found = await stage.settle()
    assert_balanced(found)
    assert (await stage.state("expense", "jira:10042"))["amount"] == {"amount": amount, "currency": "CNY"}


@pytest.mark.parametrize("amount", ["12,345.60", "¥1.2万", b"12345678901234567.89"])
async def test_money_reaches_the_document_as_it_was_said(stage: Stage, amount: Any) -> None:
    body = raw(expense(10042, 10041, "@@" if isinstance(amount, bytes) else amount))
    await stage.give(body.replace(b'"@@"', amount if isinstance(amount, bytes) else b""))
    await stage.give(project(10041, "done", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    (document,) = await stage.documents("reimbursements")
    exact = {"12,345.60": "12345.60", "¥1.2万": "12000.00"}.get(amount) or amount.decode()
    assert document["amount"] == {"amount": exact, "currency": "CNY"}
    assert found["status"]["loops"] == {"done": 1}
    await assert_once(stage)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("abc", "bad-money"),
        ("1.234,56", "bad-money"),
        ("12..5", "bad-money"),
        (True, "bad-money"),
        ({"value": 5}, "bad-money"),
        ([5], "bad-money"),
        ("$12", "currency-mismatch"),
    ],
)
async def test_money_that_could_be_guessed_in_two_ways_is_not_guessed(stage: Stage, said: Any, reason: str) -> None:
    body = raw(expense(10042, 10041, "@@")).replace(b'"@@"', said) if isinstance(said, bytes) else None
    row = await refused(stage, body or expense(10042, 10041, said), "expense", "jira:10042")
    assert row["reason"] == reason
    assert (row["row"], row["owner"]) == ("rd-close/expense/pm.issue.amount", "finance")


async def test_a_time_without_a_zone_is_read_in_the_integrations_zone(stage: Stage) -> None:
    body = project(10041, "done", minutes=5, resolutiondate="2026-06-01T16:05:00")
    await stage.give(body)
    found = await stage.settle()
    assert_balanced(found)
    assert (await stage.state("project", "OPS-41"))["closed_at"] == "2026-06-01T08:05:00.000Z"


async def test_a_time_in_words_is_set_aside(stage: Stage) -> None:
    row = await refused(stage, project(10041, "done", resolutiondate="yesterday"), "project", "OPS-41")
    assert (row["reason"], row["row"]) == ("bad-instant", "rd-close/project/pm.issue.closed_at")


async def test_a_quarantined_expense_makes_the_money_wait_and_its_correction_lets_it_go_on(stage: Stage) -> None:
    await stage.give(expense(10042, 10041, 50), expense(10043, 10041, "abc"), project(10041, "done", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    (row,) = await stage.quarantined()
    loop = await stage.loop("OPS-41")
    assert [(one["kind"], one["ref"], one["who"]) for one in loop["waiting_for"]] == [
        ("quarantine", row["id"], "finance")
    ]
    assert await stage.counts() == {}
    await stage.give(expense(10043, 10041, 70, minutes=9))
    found = await stage.settle()
    assert_balanced(found)
    assert not await stage.quarantined()
    assert found["status"]["loops"] == {"done": 1}
    assert sorted(one["amount"]["amount"] for one in await stage.documents("reimbursements")) == ["50.00", "70.00"]
    await assert_once(stage)


async def test_a_dropped_quarantine_lets_the_money_go_on_without_it(stage: Stage) -> None:
    await stage.give(expense(10042, 10041, 50), expense(10043, 10041, "abc"), project(10041, "done", minutes=5))
    await stage.settle()
    (row,) = await stage.quarantined()
    await stage.hub("quarantine", "drop", row["id"], "--as", "E1003", "--why", "never was an expense")
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["loops"] == {"done": 1}
    assert len(await stage.documents("reimbursements")) == 1
    await assert_once(stage)
    again = await stage.hub("quarantine", "drop", row["id"], "--as", "E1003", "--why", "again", expect=2)
    assert "closed already" in again


async def test_a_closing_record_that_is_refused_fires_once_it_is_right(stage: Stage) -> None:
    odd = project(10041, "done", minutes=5, resolution={"name": "Abandoned"})
    await stage.give(expense(10042, 10041), project(10041, "indeterminate"), odd)
    found = await stage.settle()
    assert_balanced(found)
    (row,) = await stage.quarantined()
    assert (row["reason"], row["row"]) == ("unknown-value", "rd-close/project/pm.issue.outcome")
    assert found["status"]["loops"] == {}
    await stage.give(project(10041, "done", minutes=6))
    found = await stage.settle()
    assert_balanced(found)
    assert not await stage.quarantined()
    assert found["status"]["loops"] == {"done": 1}
    await assert_once(stage)


async def test_a_requirement_that_is_not_met_blocks_and_names_its_owner_until_it_is_met(stage: Stage) -> None:
    none = {"customfield_10201": None}
    await stage.give(expense(10042, 10041), project(10041, "done", minutes=5, **none))
    found = await stage.settle()
    loop = await stage.loop("OPS-41")
    assert loop["state"] == "blocked"
    ((kind, who, words),) = [(one["kind"], one["who"], one["message"]) for one in loop["waiting_for"]]
    assert (kind, who, words) == ("missing", "pmo", "cost centre missing")
    assert await stage.counts() == {}
    await stage.give(project(10041, "done", minutes=7, resolutiondate=at(5)))
    found = await stage.settle()
    assert_balanced(found)
    assert (await stage.loop("OPS-41"))["state"] == "done"
    await assert_once(stage)


async def test_empty_related_lists_skip_what_needs_them(stage: Stage) -> None:
    await stage.give(project(10041, "done", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    loop = await stage.loop("OPS-41")
    assert loop["state"] == "done"
    assert loop["steps"]["purchase"] == "skipped"
    assert await stage.counts() == {}


async def test_a_purchase_of_half_units_at_prices_with_many_digits_adds_up(stage: Stage) -> None:
    await stage.give(purchase(10043, 10041, "33.33", "1.5"), purchase(10044, 10041, "0.01", 3))
    await stage.give(project(10041, "done", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    await assert_once(stage)
    (effect,) = [one for one in await stage.effects() if one["step"] == "purchase"]
    assert effect["state"] == "CONFIRMED", effect["reason"]
    (document,) = await stage.documents("purchase_requisitions")
    assert document["total"]["amount"] in ("50.025", "50.03", "50.02")


async def test_an_issue_of_a_type_nobody_maps_is_skipped(stage: Stage) -> None:
    await stage.give(event(10099, {"summary": "x", "issuetype": {"name": "Bug"}}))
    found = await stage.settle()
    assert_balanced(found)
    assert found["status"]["records"]["skipped"] == {"no-table": 1}


async def test_amounts_that_no_document_can_hold_fail_their_step_alone_with_the_reason(stage: Stage) -> None:
    amounts = {10042: -30, 10043: "9" * 45, 10044: 12}
    await stage.give(*(expense(number, 10041, amount) for number, amount in amounts.items()))
    await stage.give(project(10041, "done", minutes=5))
    found = await stage.settle()
    assert_balanced(found)
    waits = {one["ref"].rpartition("/")[2]: one for one in found["waiting"]}
    assert {key: one["kind"] for key, one in waits.items()} == {"jira:10042": "rejected", "jira:10043": "missing"}
    assert "not negative" in waits["jira:10042"]["message"]
    assert "amount" in waits["jira:10043"]["message"]
    assert [one["amount"]["amount"] for one in await stage.documents("reimbursements")] == ["12.00"]
    await assert_once(stage)


@pytest.mark.parametrize("odd", ["../../etc/passwd", "a" * 3000, "x y/z:q?#%00", "１２３"])
async def test_odd_ids_are_ids_like_any_other(stage: Stage, odd: str) -> None:
    body = project(10041)
    body["issue"]["id"] = odd
    await stage.give(body)
    found = await stage.settle()
    assert_balanced(found)
    assert (await stage.hub("entity", "show", "project", "OPS-41"))["key"] == f"jira:{odd}"
