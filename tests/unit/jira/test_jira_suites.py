"""The Jira connector against the SDK's behaviour suites, in front of its twin."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from connectors.jira.connector import JiraConnector
from connectors.jira.twin import make_app, take
from hub.connector.base import ObjectRef
from hub.connector.samples import render
from hub.connector.suite import ActionSuite, PollSuite, ReadSuite, UpdateSuite, WebhookSuite
from hub.connector.twin import Shelf
from hub.model.clock import SECOND

STORY = "connectors/jira/samples/story.jsonl"
NOW = 1_767_600_000 * SECOND
SECRETS = {"api_token": ("canary-5f2a-secret-value",)}


def site(*, told: bool = True) -> web.Application:
    """A twin that was told the story."""
    app = make_app(clock=lambda: NOW)
    shelf = next(value for value in app.values() if isinstance(value, Shelf))
    for raw in render(Path(STORY), NOW) if told else ():
        take(shelf, raw.body)
    return app


class TestJiraWebhook(WebhookSuite):
    connector = JiraConnector
    settings = {"url": "https://example.atlassian.net"}
    secret_setting = "secret"
    samples = STORY
    signature_header = "x-hub-signature"


class TestJiraFamilies(TestJiraWebhook):
    samples = "connectors/jira/samples/families.jsonl"


def test_the_samples_tell_of_every_stream() -> None:
    told = set()
    for file in (STORY, TestJiraFamilies.samples):
        for raw in render(Path(file), NOW):
            told |= {
                record.stream for record in JiraConnector.decode(object.__new__(JiraConnector), {}, raw.body).records
            }
    assert told == {stream.name for stream in JiraConnector.spec.streams}


class TestJiraRead(ReadSuite):
    connector, secrets = JiraConnector, SECRETS
    settings = {"email": "hub@example.com"}
    known, unknown = ObjectRef("issue", "10041"), ObjectRef("issue", "99999")

    def app(self) -> web.Application:
        return site()


def with_families() -> web.Application:
    app = site()
    shelf = next(value for value in app.values() if isinstance(value, Shelf))
    for raw in render(Path(TestJiraFamilies.samples), NOW)[:-1]:  # the last one deletes the worklog
        take(shelf, raw.body)
    return app


def told_of(stream: str) -> frozenset[str]:
    """The ids of that stream in the story."""
    decoded = [JiraConnector.decode(object.__new__(JiraConnector), {}, raw.body) for raw in render(Path(STORY), NOW)]
    return frozenset(record.source for one in decoded for record in one.records if record.stream == stream)


class TestJiraReadComment(TestJiraRead):
    known, unknown = ObjectRef("comment", min(told_of("comment"))), ObjectRef("comment", "99999")


class TestJiraReadWorklog(TestJiraRead):
    known, unknown = ObjectRef("worklog", "10310"), ObjectRef("worklog", "99999")

    def app(self) -> web.Application:
        return with_families()


class TestJiraComment(ActionSuite):
    connector, secrets = JiraConnector, SECRETS
    settings = {"email": "hub@example.com"}
    action = "issue.comment"
    payload = {"issue": "10041", "body": "ERP: purchase requisition PR-1\n\n采购申请 PR-1"}
    bad_payload = {"issue": "99999", "body": "nobody"}
    read_methods = frozenset({"GET"})

    def app(self) -> web.Application:
        return site()


class TestJiraDataCenterComment(TestJiraComment):
    settings = {"edition": "server"}


class TestJiraUpdate(UpdateSuite):
    connector, secrets = JiraConnector, SECRETS
    settings = {"email": "hub@example.com"}
    action, object = "issue.update", "10041"
    fields = {
        "fields.summary": "试点产线 2",
        "fields.duedate": "2026-03-01",
        "fields.description": "h2. New\n\nwith *bold*",
        "fields.customfield_10200": "125000.5",
        "fields.customfield_10201.value": "CC-77",
    }
    other = {"fields.summary": "试点产线 3"}
    refused = {"fields.summary": ""}
    read_methods = frozenset({"GET"})

    def app(self) -> web.Application:
        return site()


class TestJiraDataCenterUpdate(TestJiraUpdate):
    settings = {"edition": "server"}


class TestJiraStatusUpdate(TestJiraUpdate):
    object = "10070"
    fields = {"fields.status.statusCategory.key": "done"}
    other = {"fields.status.name": "In Progress"}
    refused = {"fields.status.name": "Nowhere"}


class TestJiraPoll(PollSuite):
    connector, secrets = JiraConnector, SECRETS
    settings = {"email": "hub@example.com", "page_size": 5, "history_days": 60_000}
    stream = "issue"
    sources = frozenset(
        f"100{n}" for n in (41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 60, 61, 70, 71, 72, 80, 81, 90, 91, 95, 96)
    )

    def app(self) -> web.Application:
        return site()

    def empty_app(self) -> web.Application:
        return site(told=False)


class TestJiraDataCenterPoll(TestJiraPoll):
    settings = {"edition": "server", "page_size": 5, "history_days": 60_000}


class TestJiraPollComments(TestJiraPoll):
    stream, sources = "comment", told_of("comment")


class TestJiraPollWorklogs(TestJiraPoll):
    settings = {"edition": "server", "page_size": 5, "history_days": 60_000}
    stream, sources = "worklog", told_of("worklog") | {"10310"}

    def app(self) -> web.Application:
        return with_families()


class TestJiraTransition(ActionSuite):
    connector, secrets = JiraConnector, SECRETS
    settings = {"email": "hub@example.com"}
    action = "issue.transition"
    payload = {"issue": "10070", "status": "Done", "resolution": "Won't Do"}
    bad_payload = {"issue": "10070", "status": "Nowhere"}
    read_methods = frozenset({"GET"})

    def app(self) -> web.Application:
        return site()

    async def test_two_keys_make_two_documents(self) -> None:
        """Not here: an issue has one status, and the second call finds it there."""
        async with self.talking() as (connector, meddler):
            await connector.act(self.call("a"))
            await connector.act(self.call("b"))
            assert [method for method, _ in meddler.calls].count("POST") == 1

    async def test_an_issue_moved_to_done_is_resolved_as_asked(self) -> None:
        async with self.talking() as (connector, _):
            await connector.act(self.call())
            found = await connector.read(ObjectRef(self.action, "10070"))
            assert found is not None
            assert found.document is not None
            assert (found.document["status"], found.document["resolution"]) == ("Done", "Won't Do")


async def test_a_deleted_issue_stays_deleted_when_an_older_change_comes_late() -> None:
    bodies = [raw.body for raw in render(Path(STORY), NOW)]
    issue = b'{"timestamp":1767600000000,"webhookEvent":"jira:issue_deleted","issue":{"id":"10070","fields":{}}}'
    app = make_app(clock=lambda: NOW)
    shelf = next(value for value in app.values() if isinstance(value, Shelf))
    for body in (*bodies, issue, *bodies):
        take(shelf, body)
    assert shelf.get("issue", "10070") is None
    assert shelf.get("issue", "10041") is not None
