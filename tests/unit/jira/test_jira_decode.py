"""What Jira's bodies mean: op, version time, streams, one shape for webhook and poll, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.jira.adf import document_of, text_of
from connectors.jira.decode import decode, route
from connectors.jira.spec import SPEC
from hub.model.clock import iso

UPDATED = "2026-01-05T16:00:00.100+0800"
UPDATED_UTC = "2026-01-05T08:00:00.100Z"
SENT = 1_767_600_060_000  # 2026-01-05T08:01:00Z
SENT_UTC = "2026-01-05T08:01:00.000Z"


def issue(**fields: Any) -> dict[str, Any]:
    return {"id": "10041", "key": "OPS-41", "self": "https://x/rest/api/2/issue/10041", "fields": fields}


def event(kind: str, **parts: Any) -> bytes:
    return json.dumps({"timestamp": SENT, "webhookEvent": kind, **parts}).encode()


COMMENT = {"id": "7", "self": "https://x/rest/api/2/issue/10013/comment/7", "body": "ok", "updated": UPDATED}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (event("jira:issue_created", issue=issue(updated=UPDATED)), [("issue", "10041", "snapshot", UPDATED_UTC)]),
        (event("jira:issue_updated", issue=issue(summary="stub")), [("issue", "10041", "partial", SENT_UTC)]),
        (event("jira:issue_deleted", issue=issue(updated=UPDATED)), [("issue", "10041", "delete", SENT_UTC)]),
        (
            event("comment_created", comment=dict(COMMENT), issue=issue(summary="stub")),
            [("comment", "7", "snapshot", UPDATED_UTC), ("issue", "10041", "partial", SENT_UTC)],
        ),
        (event("comment_deleted", comment=dict(COMMENT)), [("comment", "7", "delete", SENT_UTC)]),
        (
            event("jira:issue_updated", issue=issue(updated=UPDATED), comment=dict(COMMENT)),
            [("issue", "10041", "snapshot", UPDATED_UTC), ("comment", "7", "snapshot", UPDATED_UTC)],
        ),
        (json.dumps(issue(updated=UPDATED)).encode(), [("issue", "10041", "snapshot", UPDATED_UTC)]),
        (
            json.dumps({"issues": [issue(updated=UPDATED)], "isLast": True}).encode(),
            [("issue", "10041", "snapshot", UPDATED_UTC)],
        ),
        (json.dumps({"comments": [COMMENT], "total": 1}).encode(), [("comment", "7", "snapshot", UPDATED_UTC)]),
    ],
)
def test_a_body_gives_records_with_their_version_time(body: bytes, expected: list[tuple[str, ...]]) -> None:
    found = decode(body)

    assert [(one.stream, one.source, one.op, iso(one.at)) for one in found.records] == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("user_created", "user-event"),
        ("project_property_set", "property-event"),
        ("board_updated", "board-event"),
        ("issuelink_created", "issuelink-event"),
        ("issue_property_set", "property-event"),
        ("brand_new_thing", "unknown-event:brand_new_thing"),
    ],
)
def test_other_events_are_skipped_by_name(kind: str, expected: str) -> None:
    assert decode(event(kind)).skipped == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[1]", "not-an-object"),
        (b"3", "not-an-object"),
        (b"{}", "unknown-form"),
        (event("jira:issue_updated"), "broken-body"),
        (event("jira:issue_updated", issue={"fields": {"updated": UPDATED}}), "broken-body"),
        (event("jira:issue_updated", issue=issue(updated="yesterday")), "broken-body"),
        (event("jira:issue_updated", issue=issue(updated="2026-01-05T16:00:00")), "broken-body"),
        (event("jira:issue_updated", issue=issue(updated=UPDATED), changelog={"items": 1}), "broken-body"),
        (b'{"webhookEvent": "jira:issue_updated", "timestamp": "soon", "issue": {"id": "1"}}', "broken-body"),
        (b'{"webhookEvent": ["x"]}', "broken-body"),
        (b'{"webhookEvent": "x", "webhookEvent": "y"}', "duplicate-key"),
    ],
)
def test_a_body_no_jira_can_mean_is_rejected_with_a_reason(body: bytes, expected: str) -> None:
    rejected = decode(body).rejected

    assert rejected is not None
    assert rejected.reason == expected
    assert rejected.message


def test_webhook_and_poll_give_one_shape_of_changelog() -> None:
    items = [{"field": "status", "fromString": "To Do", "toString": "Done"}]
    entry = {"id": "9", "items": items, "created": UPDATED, "author": {"accountId": "a"}}
    pushed = event(
        "jira:issue_updated",
        issue=issue(updated=UPDATED),
        changelog={"id": "9", "items": items},
        user={"accountId": "a"},
    )
    polled = {**issue(updated=UPDATED), "changelog": {"total": 1, "histories": [entry]}, "expand": "names"}
    paged = {"issue": issue(updated=UPDATED), "changelog": [{"values": [entry], "isLast": True}]}

    data = [decode(body).records[0].data for body in (pushed, *(json.dumps(x).encode() for x in (polled, paged)))]

    assert data[0] == data[1] == data[2]
    assert data[0]["changelog"] == {"histories": [entry]}


def test_rich_text_reads_the_same_as_the_text_webhooks_carry() -> None:
    bold = {"type": "text", "text": "three days", "marks": [{"type": "strong"}]}
    content = [
        {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "展位"}]},
        {"type": "paragraph", "content": [bold, {"type": "hardBreak"}, {"type": "mention", "attrs": {"id": "5b"}}]},
        {
            "type": "bulletList",
            "content": [
                {
                    "type": "listItem",
                    "content": [
                        {"type": "paragraph", "content": [{"type": "text", "text": "a"}]},
                        {
                            "type": "orderedList",
                            "content": [
                                {
                                    "type": "listItem",
                                    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "b"}]}],
                                }
                            ],
                        },
                    ],
                }
            ],
        },
        {"type": "codeBlock", "attrs": {"language": "sql"}, "content": [{"type": "text", "text": "select 1"}]},
    ]
    polled = issue(updated=UPDATED, description={"type": "doc", "version": 1, "content": content})
    text = "h2. 展位\n\n*three days*\n[~accountid:5b]\n\n* a\n*# b\n\n{code:sql}\nselect 1\n{code}"

    (record,) = decode(json.dumps(polled).encode()).records

    assert record.data["fields"]["description"] == text


@pytest.mark.parametrize("text", ["", "a", "a\nb", "a\n\nb", "a\n\n\nb\n", "\n\n\n", "中文 *x* [y]"])
def test_text_survives_the_way_through_a_document(text: str) -> None:
    assert text_of(document_of(text)) == text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (event("jira:issue_updated", user={"id": "1"}, issue=issue(updated=UPDATED)), "10041"),
        (event("comment_deleted", comment=COMMENT), "10013"),
        (json.dumps({"expand": "x", **issue(updated=UPDATED)}).encode(), "10041"),
        (json.dumps({"issue": issue(updated=UPDATED), "changelog": []}).encode(), "10041"),
        (event("x", comment={"body": '"issue":{"id":"666"}'}, issue=issue()), "10041"),
        (b"not json", ""),
    ],
)
def test_the_lane_is_the_issue(body: bytes, expected: str) -> None:
    assert route(body) == expected


WORKLOG = {
    "id": "31", "issueId": "10041", "author": {"accountId": "a"}, "updated": UPDATED, "started": UPDATED,
    "timeSpent": "1h", "timeSpentSeconds": 3600, "comment": "aligned the laser", "renderedBody": "x",
}  # fmt: skip
SPRINT = {
    "id": 4,
    "name": "Sprint 2",
    "state": "closed",
    "completeDate": UPDATED,
    "originBoardId": 1,
    "synced": False,
}
VERSION = {"id": "9", "name": "1.0", "projectId": 10000, "released": True, "releaseDate": "2026-01-05"}
PROJECT = {"id": 10000, "key": "OPS", "name": "Operations", "projectLead": {"accountId": "a"}, "avatarUrls": {}}


@pytest.mark.parametrize(
    ("kind", "parts", "expected"),
    [
        ("worklog_created", {"worklog": WORKLOG}, ("worklog", "31", "snapshot", UPDATED_UTC)),
        ("jira:worklog_updated", {"worklog": WORKLOG}, ("worklog", "31", "snapshot", UPDATED_UTC)),
        ("worklog_deleted", {"worklog": WORKLOG}, ("worklog", "31", "delete", SENT_UTC)),
        ("sprint_started", {"sprint": SPRINT}, ("sprint", "4", "snapshot", SENT_UTC)),
        ("sprint_closed", {"sprint": SPRINT, "oldValue": {}}, ("sprint", "4", "snapshot", SENT_UTC)),
        ("sprint_deleted", {"sprint": SPRINT}, ("sprint", "4", "delete", SENT_UTC)),
        ("jira:version_released", {"version": VERSION}, ("version", "9", "snapshot", SENT_UTC)),
        ("jira:version_deleted", {"version": VERSION}, ("version", "9", "delete", SENT_UTC)),
        ("project_created", {"project": PROJECT}, ("project", "10000", "snapshot", SENT_UTC)),
        ("project_soft_deleted", {"project": PROJECT}, ("project", "10000", "delete", SENT_UTC)),
        ("project_restored_deleted", {"project": PROJECT}, ("project", "10000", "snapshot", SENT_UTC)),
    ],
)
def test_worklogs_sprints_versions_and_projects_are_records_of_their_streams(
    kind: str, parts: dict[str, Any], expected: tuple[str, ...]
) -> None:
    (one,) = decode(event(kind, **parts)).records
    assert (one.stream, one.source, one.op, iso(one.at)) == expected
    stream = SPEC.stream(one.stream)
    assert stream is not None
    assert set(one.data) <= set(stream.names)


def test_a_worklog_keeps_what_a_mapping_needs_of_it() -> None:
    (one,) = decode(event("worklog_created", worklog=WORKLOG)).records
    assert one.data["timeSpentSeconds"] == 3600
    assert one.data["issueId"] == "10041"
    assert "renderedBody" not in one.data


@pytest.mark.parametrize("parts", [{}, {"sprint": {"name": "no id"}}, {"sprint": 4}])
def test_an_event_without_its_object_is_refused(parts: dict[str, Any]) -> None:
    rejected = decode(event("sprint_closed", **parts)).rejected
    assert rejected is not None
    assert rejected.reason == "broken-body"
