"""Behaviour suites: what every connector must do. Passing them is the definition of done (design §8).

A connector's test module subclasses them and gives the set-up; pytest finds the tests in the subclass::

    class TestJiraWebhook(WebhookSuite):
        connector, settings, secrets = JiraConnector, {"url": "https://x.example"}, {}
        samples = "connectors/jira/samples/webhooks.jsonl"

Only tests import this package: it needs pytest and hypothesis.
"""

from hub.connector.suite.actions import ActionSuite
from hub.connector.suite.polls import PollSuite
from hub.connector.suite.reads import ReadSuite
from hub.connector.suite.updates import UpdateSuite
from hub.connector.suite.webhooks import WebhookSuite

__all__ = ["ActionSuite", "PollSuite", "ReadSuite", "UpdateSuite", "WebhookSuite"]
