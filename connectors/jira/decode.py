"""Jira's bodies -> records: webhooks (Cloud, Server, old Server), REST issues, search pages, comment lists.

One shape for all of them: rich text as wiki text, ``changelog.histories`` whether it came as one webhook entry or as
a list of pages. Pure; the hot path (a full issue event) touches the parsed object once and copies nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from connectors.jira.adf import with_text
from hub.model.clock import Micros, micros
from hub.model.record import Decoded, Json, Op, Record, Rejected
from hub.model.source_json import parse

ISSUE_EVENTS = frozenset({"jira:issue_created", "jira:issue_updated", "jira:issue_deleted"})
COMMENT_EVENTS = frozenset({"comment_created", "comment_updated", "comment_deleted"})
FAMILIES = frozenset(
    {"user", "issuelink", "property", "attachment", "board", "option"} | {"filter", "issuetype", "component"}
)
"""Event families the hub knows and does not use yet; each gets the outcome skipped(<family>-event)."""

ISSUE_NAMES = ("id", "key", "self", "fields", "changelog")
COMMENT_NAMES = ("id", "self", "body", "author", "updateAuthor", "created", "updated", "visibility", "issue")
"""The top-level names records have; what else a body brings (expand, renderedFields …) is left out."""

WORKLOG_NAMES = ("id", "self", "issueId", "author", "updateAuthor", "comment", "created", "updated", "started",
                 "timeSpent", "timeSpentSeconds", "visibility")  # fmt: skip
SPRINT_NAMES = ("id", "self", "name", "state", "goal", "startDate", "endDate", "completeDate", "createdDate",
                "originBoardId")  # fmt: skip
VERSION_NAMES = ("id", "self", "name", "description", "projectId", "released", "archived", "overdue", "startDate",
                 "releaseDate", "mergedTo")  # fmt: skip
PROJECT_NAMES = (
    "id",
    "self",
    "key",
    "name",
    "description",
    "projectLead",
    "assigneeType",
    "projectTypeKey",
    "archived",
)
OTHERS = {"worklog": WORKLOG_NAMES, "sprint": SPRINT_NAMES, "version": VERSION_NAMES, "project": PROJECT_NAMES}
"""Families whose webhooks carry one whole object under the family's own name."""
_GONE = frozenset({"deleted", "soft_deleted", "deleted_to_trash"})

_ISSUE_SET = frozenset(ISSUE_NAMES)
_ISSUE_ID = re.compile(rb'"issue"\s*:\s*\{[^{}]*?"id"\s*:\s*"?(\d{1,20})')
_FIRST_ID = re.compile(rb'\s*\{[^{}\[\]]*?"id"\s*:\s*"?(\d{1,20})"?\s*,')
_COMMENT_OF = re.compile(rb"/issue/(\d{1,20})/comment/")
_IN_COMMENT_URL = re.compile(r"/issue/(\d+)/comment/")


def route(body: bytes) -> str:
    """The issue's id, seen without parsing: comments share their issue's lane. Empty when it cannot be seen."""
    at = body.find(b'"issue"')
    while at >= 0:
        if found := _ISSUE_ID.match(body, at):
            return found[1].decode()
        at = body.find(b'"issue"', at + 1)
    other = _FIRST_ID.match(body) or _COMMENT_OF.search(body)
    return other[1].decode() if other else ""


def decode(body: bytes) -> Decoded:
    """The records of one body. Never raises on what a source may send."""
    parsed = parse(body)
    if isinstance(parsed, Rejected):
        return Decoded(rejected=parsed)
    if not isinstance(parsed, dict):
        return _refuse("not-an-object", f"a Jira body is a JSON object, this is {_kind(parsed)}")
    if _may_hold_adf(parsed) and b'"doc"' in body:
        parsed = with_text(parsed)
    try:
        return _decode_object(parsed)
    except _Broken as broken:
        return _refuse("broken-body", str(broken))


def _may_hold_adf(body: dict[str, Json]) -> bool:
    """Webhooks carry text, so a full issue event is not walked; REST v3 answers (and odd webhooks) are."""
    issue = body.get("issue")
    fields = issue.get("fields") if isinstance(issue, dict) and "comment" not in body else None
    return "webhookEvent" not in body or not isinstance(fields, dict) or isinstance(fields.get("description"), dict)


class _Broken(ValueError):
    """A body whose form cannot be an object of Jira; becomes a rejection."""


def _decode_object(body: dict[str, Json]) -> Decoded:
    event = body.get("webhookEvent")
    if event is None:
        return _answer(body)
    if not isinstance(event, str):
        raise _Broken(f"webhookEvent is {_kind(event)}, not text")
    if event in ISSUE_EVENTS:
        return Decoded(tuple(_issue_event(body, event)))
    if event in COMMENT_EVENTS:
        return Decoded(tuple(_comment_event(body, event)))
    family, verb = _family(event)
    if family in OTHERS:
        return Decoded((_other(body, family, verb),))
    return Decoded(skipped=_skip_reason(event))


def _family(event: str) -> tuple[str, str]:
    """``jira:version_released`` as version and released; a property of something belongs to no family here."""
    plain = event.removeprefix("jira:")
    family, _, verb = plain.partition("_")
    return ("", "") if "_property_" in plain else (family, verb)


def _other(body: dict[str, Json], family: str, verb: str) -> Record:
    """A worklog, sprint, version or project: whole in every event. Only a worklog says when it was changed; the
    others' version time is when Jira sent the event."""
    item = _object(body, family)
    gone = verb in _GONE
    updated = item.get("updated") if family == "worklog" and not gone else None
    at = _sent_at(body) if updated is None else time_of(updated)
    told = {name: item[name] for name in OTHERS[family] if name in item}
    return Record(family, _id(item), at, told, "delete" if gone else "snapshot", str(updated or at))


def _worklog(item: dict[str, Json]) -> Record:
    """A worklog as REST answers it."""
    updated = item.get("updated")
    told = {name: item[name] for name in WORKLOG_NAMES if name in item}
    return Record("worklog", _id(item), time_of(updated), told, "snapshot", str(updated))


def _skip_reason(event: str) -> str:
    plain = event.removeprefix("jira:")
    family = "property" if "_property_" in plain else plain.partition("_")[0]
    if family in FAMILIES:
        return f"{family}-event"
    return f"unknown-event:{re.sub('[^A-Za-z0-9_:.-]', '?', event)[:60]}"


def _issue_event(body: dict[str, Json], event: str) -> Iterator[Record]:
    issue = _object(body, "issue")
    fields = issue.get("fields")
    deleted = event == "jira:issue_deleted"
    updated = fields.get("updated") if isinstance(fields, dict) else None
    at = time_of(updated) if updated is not None else _sent_at(body)
    if deleted and "timestamp" in body:
        at = max(at, _sent_at(body))
    entry = body.get("changelog")
    if entry is not None:
        _put_entry(issue, entry, body, at)
    op: Op = "delete" if deleted else ("snapshot" if updated is not None else "partial")
    yield Record("issue", _id(issue), at, _named(issue), op, str(updated or at))
    comment = body.get("comment")
    if isinstance(comment, dict):
        gone = body.get("issue_event_type_name") == "issue_comment_deleted"
        yield _comment(comment, issue, at if gone else None)


def _put_entry(issue: dict[str, Json], entry: Json, body: Mapping[str, Json], at: Micros) -> None:
    """A webhook's single changelog entry in the form of the REST list."""
    if not isinstance(entry, dict) or not isinstance(entry.get("items"), list):
        raise _Broken("changelog has no list of items")
    history = {"id": entry.get("id"), "items": entry["items"]}
    if isinstance(fields := issue.get("fields"), dict) and "updated" in fields:
        history["created"] = fields["updated"]
    if "user" in body:
        history["author"] = body["user"]
    issue["changelog"] = {"histories": [history]}


def _comment_event(body: dict[str, Json], event: str) -> Iterator[Record]:
    comment = _object(body, "comment")
    issue = body.get("issue")
    stub = issue if isinstance(issue, dict) else None
    yield _comment(comment, stub, _sent_at(body) if event == "comment_deleted" else None)
    if stub is not None and isinstance(stub.get("fields"), dict):
        yield Record("issue", _id(stub), _sent_at(body), _named(stub), "partial", str(body.get("timestamp")))


def _comment(comment: dict[str, Json], issue: Mapping[str, Json] | None, gone: Micros | None) -> Record:
    """A comment with the issue it belongs to (Server names it only in the comment's own URL)."""
    if issue is not None:
        comment["issue"] = {name: issue[name] for name in ("id", "key") if name in issue}
    elif found := _IN_COMMENT_URL.search(str(comment.get("self"))):
        comment["issue"] = {"id": found[1]}
    changed = comment.get("updated") or comment.get("created")
    at = gone if gone is not None else time_of(changed)
    told = {name: comment[name] for name in COMMENT_NAMES if name in comment}
    return Record("comment", _id(comment), at, told, "snapshot" if gone is None else "delete", str(changed))


def _named(issue: dict[str, Json]) -> dict[str, Json]:
    if issue.keys() <= _ISSUE_SET:
        return issue
    return {name: issue[name] for name in ISSUE_NAMES if name in issue}


def _answer(body: dict[str, Json]) -> Decoded:
    """What REST answered: a page of issues, one issue (bare, or with its changelog pages), a list of comments or
    worklogs."""
    if isinstance(body.get("issues"), list):
        return Decoded(tuple(_issue(_as_object(issue)) for issue in body["issues"]))
    if isinstance(body.get("comments"), list):
        return Decoded(tuple(_comment(_as_object(comment), None, None) for comment in body["comments"]))
    if isinstance(body.get("worklogs"), list):
        return Decoded(tuple(_worklog(_as_object(worklog)) for worklog in body["worklogs"]))
    if isinstance(body.get("issue"), dict):
        issue = body["issue"]
        if isinstance(body.get("changelog"), list):
            issue["changelog"] = {"histories": [item for page in body["changelog"] for item in _entries(page)]}
        return Decoded((_issue(issue),))
    if "fields" in body and "id" in body:
        return Decoded((_issue(body),))
    return _refuse("unknown-form", "neither a webhook (no webhookEvent) nor a REST answer with issues or comments")


def _issue(issue: dict[str, Json]) -> Record:
    fields = issue.get("fields")
    updated = fields.get("updated") if isinstance(fields, dict) else None
    if updated is None:
        raise _Broken(f"issue {issue.get('id')!r} has no fields.updated, so its version is not known")
    if isinstance(log := issue.get("changelog"), dict):
        issue["changelog"] = {"histories": _entries(log)}
    return Record("issue", _id(issue), time_of(updated), _named(issue), "snapshot", str(updated))


def _entries(page: Json) -> list[Json]:
    """The entries of a changelog in either REST form (``histories`` inside an issue, ``values`` on its own)."""
    entries = page.get("histories", page.get("values")) if isinstance(page, dict) else None
    if not isinstance(entries, list):
        raise _Broken("changelog has neither histories nor values")
    return entries


def time_of(text: Json) -> Micros:
    """``2025-01-01T08:00:00.100+0800`` as microseconds."""
    try:
        return micros(datetime.fromisoformat(text))
    except (TypeError, ValueError) as error:
        raise _Broken(f"{text!r} is not a time with an offset like 2025-01-01T08:00:00.100+0800") from error


def version_of(issue: Mapping[str, Json]) -> Micros | None:
    """An issue's version time, None where it cannot be told (it is handed on then, and refused by ``decode``)."""
    fields = issue.get("fields")
    try:
        return time_of(fields.get("updated")) if isinstance(fields, dict) else None
    except _Broken:
        return None


def _sent_at(body: Mapping[str, Json]) -> Micros:
    stamp = body.get("timestamp")
    if not isinstance(stamp, int) or not 0 < stamp < 10**14:
        raise _Broken(f"timestamp {stamp!r} is not milliseconds since 1970")
    return stamp * 1000


def _id(item: Mapping[str, Json]) -> str:
    """The stable id; REST and webhooks write it as text, a few old bodies as a number."""
    value = item.get("id")
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _Broken(f"an object without an id ({value!r})")


def _object(body: Mapping[str, Json], name: str) -> dict[str, Json]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise _Broken(f"{body.get('webhookEvent')} without {name} (webhook set to leave out details?)")
    return value


def _as_object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _Broken(f"{_kind(value)} where an object belongs")
    return value


def _kind(value: Json) -> str:
    return {list: "a list", str: "text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


def _refuse(reason: str, message: str) -> Decoded:
    return Decoded(rejected=Rejected(reason, message))
