"""The Jira connector against the SDK's behaviour suites, in front of its twin."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from connectors.jira.connector import JiraConnector
from connectors.jira.twin import make_app, take
from hub.connector.base import ObjectRef
from hub.connector.samples import render
from hub.connector.suite import ActionSuite, PollSuite, ReadSuite, WebhookSuite
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


class TestJiraRead(ReadSuite):
    connector, secrets = JiraConnector, SECRETS
    settings = {"email": "hub@example.com"}
    known, unknown = ObjectRef("issue", "10041"), ObjectRef("issue", "99999")

    def app(self) -> web.Application:
        return site()


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
