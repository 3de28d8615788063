"""Jira's SPEC: settings, streams with their fields, actions. Data only."""

from __future__ import annotations

from connectors.jira.decode import (
    COMMENT_NAMES,
    ISSUE_NAMES,
    PROJECT_NAMES,
    SPRINT_NAMES,
    VERSION_NAMES,
    WORKLOG_NAMES,
)
from connectors.jira.updates import TRANSITION, UPDATABLE, UPDATE
from hub.connector.documents import record, text
from hub.connector.spec import ConnectorSpec, Setting, StreamField, StreamSpec
from hub.connector.updates import update_action
from hub.model.action import ActionSpec, Call, TargetClass

_SETTINGS = (
    Setting("url", "url", "base address of the site", "https://acme.atlassian.net", required=True),
    Setting("edition", "text", "cloud (REST v3) or server (Server and Data Center, REST v2)", "cloud", "cloud"),
    Setting("email", "text", "Cloud: the account the API token belongs to", "hub@example.com"),
    Setting("api_token", "text", "Cloud: API token; server: personal access token", "env:JIRA_TOKEN", secret=True),
    Setting("secret", "text", "the webhook's secret; a list of two while it changes", "env:JIRA_SECRET", secret=True),
    Setting("jql", "text", "which issues polling asks for", "project in (OPS, RD)", ""),
    Setting("overlap_minutes", "integer", "how far each poll goes back before the newest change seen (≥ 2)", "5", 5),
    Setting("page_size", "integer", "issues per search page", "100", 100),
    Setting("history_days", "integer", "how far the first poll goes back", "365", 365),
)

_ISSUE = StreamSpec(
    "issue",
    "one issue of any type: epics, purchases, expenses …",
    ISSUE_NAMES,
    (
        StreamField("id", "stable id, survives a move to another project"),
        StreamField("key", "the key people type; changes when the issue is moved"),
        StreamField("self", "address of the issue in the API"),
        StreamField("fields.summary", "title"),
        StreamField("fields.description", "long text as wiki markup, whatever the way in"),
        StreamField("fields.issuetype.name", "type; language and wording of the site"),
        StreamField("fields.project.key", "project the issue is in now"),
        StreamField("fields.status.name", "status in the site's words"),
        StreamField("fields.status.statusCategory.key", "new, indeterminate or done: the same on every site"),
        StreamField("fields.resolution.name", "why it was closed; null while open"),
        StreamField("fields.resolutiondate", "when it was closed", "instant"),
        StreamField("fields.assignee", "account object, null when nobody", "person", sensitive=True),
        StreamField("fields.reporter", "account object", "person", sensitive=True),
        StreamField("fields.parent.id", "parent issue (epic), Cloud"),
        StreamField("fields.duedate", "due day, no zone", "date"),
        StreamField("fields.created", "when it was made", "instant"),
        StreamField("fields.updated", "version time of the record", "instant"),
        StreamField("fields.timespent", "seconds booked", "integer"),
        StreamField("fields.customfield_NNNNN", "custom field by its number; the number differs from site to site"),
        StreamField(
            "changelog.histories", "what changed: a webhook brings its own entry, polling all of them", "list"
        ),
    ),
    polled=True,
    webhook=True,
    update_action=UPDATE,
    updatable=UPDATABLE,
)
_COMMENT = StreamSpec(
    "comment",
    "one comment; a deleted one is a delete",
    COMMENT_NAMES,
    (
        StreamField("id", "stable id"),
        StreamField("body", "text as wiki markup"),
        StreamField("author", "account object", "person", sensitive=True),
        StreamField("issue.id", "the issue it belongs to; absent only where no body or address names it"),
        StreamField("updated", "version time of the record", "instant"),
    ),
    polled=True,
    webhook=True,
)
_WORKLOG = StreamSpec(
    "worklog",
    "time booked on an issue; a deleted one is a delete",
    WORKLOG_NAMES,
    (
        StreamField("id", "stable id"),
        StreamField("issueId", "the issue the time is booked on"),
        StreamField("author", "account object of who worked", "person", sensitive=True),
        StreamField("started", "when the work began", "instant"),
        StreamField("timeSpentSeconds", "seconds booked", "integer"),
        StreamField("comment", "what was done, as wiki markup"),
        StreamField("updated", "version time of the record", "instant"),
    ),
    polled=True,
    webhook=True,
)
_SPRINT = StreamSpec(
    "sprint",
    "one sprint of a board",
    SPRINT_NAMES,
    (
        StreamField("id", "stable id", "integer"),
        StreamField("name", "what people call it"),
        StreamField("state", "future, active or closed"),
        StreamField("goal", "what it is for"),
        StreamField("startDate", "when it begins", "instant"),
        StreamField("endDate", "when it is planned to end", "instant"),
        StreamField("completeDate", "when it was closed", "instant"),
        StreamField("originBoardId", "the board it was made on", "integer"),
    ),
    webhook=True,
)
_VERSION = StreamSpec(
    "version",
    "one version (release) of a project",
    VERSION_NAMES,
    (
        StreamField("id", "stable id"),
        StreamField("name", "what people call it"),
        StreamField("projectId", "the project it belongs to", "integer"),
        StreamField("released", "whether it is out", "boolean"),
        StreamField("archived", "whether it is hidden", "boolean"),
        StreamField("releaseDate", "the day it comes out", "date"),
    ),
    webhook=True,
)
_PROJECT = StreamSpec(
    "project",
    "one Jira project, the container of issues",
    PROJECT_NAMES,
    (
        StreamField("id", "stable id", "integer"),
        StreamField("key", "what people type: the first part of its issues' keys"),
        StreamField("name", "what people call it"),
        StreamField("projectLead", "account object of who leads it", "person", sensitive=True),
    ),
    webhook=True,
)
_COMMENT_ACTION = ActionSpec(
    name="issue.comment",
    title={"en": "comment on the issue", "zh": "在事项上评论"},
    weight="note",
    target=TargetClass.B,
    payload=record({"issue": text("issue id or key", 100), "body": text("plain text", 30_000)}),
    document=record(
        {
            "issue": text("issue id or key as asked", 100),
            "body": text("the text without our last line", 32_767),
            "text": text("the text as Jira shows it", 32_767),
        }
    ),
    calls=(Call("comment"),),
    carrier="last line of the comment: [ref:<16 digits>]",
    quiesce_seconds=120,
)
_TRANSITION_ACTION = ActionSpec(
    name=TRANSITION,
    title={"en": "move the issue to a status", "zh": "流转事项状态"},
    weight="record",
    target=TargetClass.B,
    payload=record(
        {"issue": text("issue id or key", 100), "status": text("name of the status to reach", 100)},
        {"resolution": text("name of the resolution, where the transition asks for one", 100)},
    ),
    document={
        "type": "object",
        "properties": {
            name: {"type": ["string", "null"], "description": about}
            for name, about in (
                ("issue", "issue id"),
                ("status", "name of the status it is in"),
                ("resolution", "name of its resolution"),
                ("updated_at", "when it was changed last, in UTC"),
            )
        },
    },
    calls=(Call("transition"),),
    carrier="none: the issue's status says whether it happened",
    quiesce_seconds=120,
)

SPEC = ConnectorSpec(
    name="jira",
    title="Jira Cloud, Server and Data Center",
    settings=_SETTINGS,
    streams=(_ISSUE, _COMMENT, _WORKLOG, _SPRINT, _VERSION, _PROJECT),
    actions=(
        _COMMENT_ACTION,
        update_action(UPDATE, {"en": "change the issue", "zh": "修改事项"}),
        _TRANSITION_ACTION,
    ),
    signed=True,
    has_twin=True,
    guarantee={
        "en": "Every issue change reaches the hub at least once: by webhook, else by the next poll. "
        "A comment is written once: before a second try all comments of the issue are read.",
        "zh": "每个事项变更至少送达一次：先靠 webhook，漏掉的由下一次轮询补上。"
        "评论只写一次：重试前先读遍该事项的全部评论。",
    },
)
