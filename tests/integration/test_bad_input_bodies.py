"""Bodies and requests that are wrong: each is kept and explained, or refused before it is kept."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.integration.bad_input_bodies import expense, project
from tests.integration.bad_input_stage import SECRET, Stage, assert_balanced, assert_once, raw, staged

GOOD = raw(project(10041))
FIELDS = b'"fields":{'


def with_field(value: bytes) -> bytes:
    """A good body with one more custom field holding those bytes."""
    return GOOD.replace(FIELDS, FIELDS + b'"customfield_10999":' + value + b",", 1)


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


BROKEN = {
    "malformed JSON": (GOOD[:-3], "bad-json", ""),
    "an empty body": (b"", "bad-json", ""),
    "text after the object": (GOOD + b"}", "bad-json", ""),
    "no UTF-8": (with_field(b'"\xff\xfe"'), "bad-json", ""),
    "depth 200": (with_field(deep(200)), "too-deep", "64 levels"),
    "depth 100 000": (with_field(deep(100_000)), "too-deep", "64 levels"),
    "NaN": (with_field(b"NaN"), "not-a-number", "NaN"),
    "minus Infinity": (with_field(b"-Infinity"), "not-a-number", "Infinity"),
    "a duplicate key": (with_field(b'{"a":1,"a":2}'), "duplicate-key", "twice"),
    "a lone high surrogate": (with_field(rb'"\ud83d"'), "lone-surrogate", "surrogate"),
    "a lone low surrogate": (with_field(rb'"\ude00 after"'), "lone-surrogate", "surrogate"),
    "a surrogate in raw bytes": (with_field(b'"\xed\xa0\xbd"'), "lone-surrogate", "surrogate"),
    "NUL in a text": (with_field(rb'"a\u0000b"'), "nul", "NUL"),
    "NUL in a name": (with_field(rb'{"a\u0000":1}'), "nul", "NUL"),
    "a raw NUL": (with_field(b'"a\x00b"'), "bad-json", ""),
    "a number of 5 000 digits": (with_field(b"9" * 5000), "number-too-long", "100 digits"),
    "an exponent of 9 digits": (with_field(b"1e999999999"), "number-too-long", "100 digits"),
    "a list": (b"[]", "not-an-object", "a list"),
    "a number alone": (b"7", "not-an-object", "a number"),
    "an object of nothing": (b"{}", "unknown-form", "webhookEvent"),
    "an event without its issue": (b'{"webhookEvent":"jira:issue_updated","timestamp":1}', "broken-body", "issue"),
    "an issue without id": (GOOD.replace(b'"id":"10041",', b""), "broken-body", "without an id"),
    "a version time in words": (
        GOOD.replace(b'"updated":"2026', b'"updated":"next year 2026'),
        "broken-body",
        "time",
    ),
    "a version time without zone": (GOOD.replace(b'.000+0000"', b'.000"', 1), "broken-body", "offset"),
}


async def test_every_broken_body_is_kept_with_its_reason_and_a_good_one_beside_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch) as stage:
        appended = await stage.give(*(body for body, _, _ in BROKEN.values()), GOOD)
        found = await stage.settle()
        assert_balanced(found)
        rows = {row["delivery"]: row for row in await stage.quarantined()}
        wrong = {}
        for (name, (_, reason, words)), one in zip(BROKEN.items(), appended, strict=False):
            row = rows[one.ref]
            if row["reason"] != reason or words not in row["message"] or not row["message"]:
                wrong[name] = (row["reason"], row["message"])
        assert not wrong
        assert found["status"]["records"]["applied"] == 1
        assert sum(found["status"]["records"]["quarantined"].values()) == len(BROKEN)
        assert [one["kind"] for one in found["waiting"]] == ["quarantine"] * len(BROKEN)
        assert stage.workspace.log.get(appended[0].position).body == GOOD[:-3]  # type: ignore[union-attr]


async def test_a_message_of_quarantine_never_repeats_a_private_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch) as stage:
        canary = "canary-4711"
        await stage.give(expense(10050, 10041, canary), with_field(b'"' + canary.encode() + b'\xff"'))
        await stage.settle()
        assert canary not in orjson.dumps(await stage.quarantined()).decode()
        assert canary not in orjson.dumps(await stage.hub("trace", "jira:10050", "--kind", "expense")).decode()


@pytest.mark.parametrize(
    ("event", "reason"),
    [("jira:board_updated", "board-event"), ("user_created", "user-event"), ("new_thing", "unknown-event")],
)
async def test_an_unknown_event_type_is_skipped_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, event: str, reason: str
) -> None:
    async with staged(tmp_path, monkeypatch) as stage:
        await stage.give({"webhookEvent": event, "timestamp": 1780300000000})
        found = await stage.settle()
        assert_balanced(found)
        (skipped,) = found["status"]["records"]["skipped"]
        assert skipped.startswith(reason)
        assert not await stage.quarantined()


# --- over HTTP


def signed(body: bytes, secret: str = SECRET, **more: str) -> dict[str, str]:
    given = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-hub-signature": given, **more}


async def test_requests_are_refused_by_rule_and_leave_nothing_but_a_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch, listen=True) as stage:
        right = signed(GOOD)
        one_bit = right["x-hub-signature"][:-1] + ("0" if right["x-hub-signature"][-1] != "0" else "1")
        twice = [("content-type", "application/json"), *[("x-hub-signature", right["x-hub-signature"])] * 2]
        large = b'{"x":"' + b"a" * 2_000_000 + b'"}'
        answers = {
            "absent": await stage.post(GOOD, {"content-type": "application/json"}),
            "wrong": await stage.post(GOOD, {**right, "x-hub-signature": one_bit}),
            "empty": await stage.post(GOOD, {**right, "x-hub-signature": ""}),
            "cut": await stage.post(GOOD, {**right, "x-hub-signature": right["x-hub-signature"][:-8]}),
            "non-ASCII": await stage.post(GOOD, {**right, "x-hub-signature": "sha256=é"}),
            "duplicate": await stage.post(GOOD, twice),
            "of other bytes": await stage.post(GOOD + b" ", right),
            "another secret": await stage.post(GOOD, signed(GOOD, "not it")),
            "no secret at all": await stage.post(GOOD, signed(GOOD, "")),
            "2 MB": await stage.post(large, signed(large)),
            "form data": await stage.post(GOOD, {**right, "content-type": "application/x-www-form-urlencoded"}),
            "nobody": await stage.post(GOOD, right, "/in/nobody"),
        }
        async with stage.http.get(stage.serving.url + "/in/jira") as answer:
            answers["GET"] = answer.status
        assert answers == {
            **dict.fromkeys(("absent", "wrong", "empty", "cut", "non-ASCII", "duplicate"), 401),
            **dict.fromkeys(("of other bytes", "another secret", "no secret at all"), 401),
            "2 MB": 413,
            "form data": 415,
            "nobody": 404,
            "GET": 405,
        }
        assert (await stage.settle())["status"]["deliveries"] == 0
        assert stage.serving.server.counts["jira", "401"] == 9
        assert await stage.post(GOOD, right) == 200
        found = await stage.settle()
        assert_balanced(found)
        assert found["status"]["deliveries"] == 1


async def test_an_authentic_body_that_cannot_be_parsed_is_answered_200_and_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch, listen=True) as stage:
        for body in (GOOD[:-3], with_field(b"NaN"), with_field(deep(200))):
            assert await stage.post(body, signed(body)) == 200
        found = await stage.settle()
        assert_balanced(found)
        assert found["status"]["records"]["quarantined"] == {"bad-json": 1, "not-a-number": 1, "too-deep": 1}


async def closed(stage: Stage, deliveries: int, **body: Any) -> dict[str, Any]:
    """A closed project with an expense, delivered that often under one id."""
    await stage.give(expense(10042, 10041))
    one = raw(project(10041, "done", minutes=5))
    await stage.give(*[one] * deliveries, ids=["delivery-1"] * deliveries)
    return await stage.settle()


async def test_the_same_delivery_50_times_is_one_delivery_and_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch, listen=True) as stage:
        body = raw(project(10041, "done", minutes=5))
        headers = signed(body, **{"x-atlassian-webhook-identifier": "one"})
        await stage.give(expense(10042, 10041))
        assert {await stage.post(body, headers) for _ in range(50)} == {200}
        found = await stage.settle()
        assert_balanced(found)
        assert stage.serving.server.counts["jira", "duplicate"] == 49
        assert stage.serving.server.counts["jira", "accepted"] == 1
        assert len(await stage.documents("reimbursements")) == 1
        await assert_once(stage)


async def test_the_same_body_50_times_without_an_id_is_kept_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch) as stage:
        await stage.give(expense(10042, 10041), *[project(10041, "done", minutes=5)] * 50)
        found = await stage.settle()
        assert_balanced(found)
        assert found["status"]["deliveries"] >= 51
        assert found["status"]["records"]["applied"] == 2
        assert len(await stage.documents("reimbursements")) == 1
        await assert_once(stage)


async def test_the_same_id_with_another_body_is_kept_and_set_aside_and_the_first_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch) as stage:
        first, second = project(10041, summary="First"), project(10041, summary="Forged", minutes=3)
        await stage.give(first, second, second, first, ids=["same"] * 4)
        found = await stage.settle()
        assert_balanced(found)
        (row, *others) = await stage.quarantined()
        assert (row["reason"], len(others)) == ("id_conflict", 0)
        assert "same" in row["message"]
        assert found["status"]["deliveries"] == 2
        assert (await stage.state("project", "OPS-41"))["name"] == "First"
