"""A friendly stand-in for a Jira site: answers reads and searches with what the deliveries told, keeps comments.

It speaks REST v3 (rich text as ADF) and v2 (text). Whoever asks is let in; nothing here is proof against misuse."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta, timezone
from html import escape
from pathlib import Path

from aiohttp import web

from connectors.jira import decode as forms
from connectors.jira.adf import document_of, plain
from connectors.jira.twin_edits import add_edits
from hub.connector.twin import BODY_BYTES_MAX, Shelf, add_feed, answer, asked, run
from hub.model.clock import SECOND, Micros, moment
from hub.model.record import Json, Record

TITLE = "built-in Jira"
_RICH = ("description", "environment")
_ME = {
    "accountId": "557058:hub-0000-0001",
    "displayName": "ProjOps Hub",
    "emailAddress": "hub@example.com",
    "active": True,
    "timeZone": "Asia/Shanghai",
    "accountType": "app",
}
_WINDOW = re.compile(r"updated >= -(\d+)([md])")
_FIRST_COMMENT = 900_000
_GONE = "Issue does not exist or you do not have permission to see it."
_SHELF = web.AppKey("shelf", Shelf)


def make_app(state: Path | None = None, clock: Callable[[], Micros] | None = None) -> web.Application:
    """The whole site."""
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    shelf = app[_SHELF] = Shelf(state, clock) if clock else Shelf(state)
    add_feed(app, shelf, lambda body, headers: take(shelf, body))
    for base in ("/rest/api/3", "/rest/api/2"):
        app.router.add_get(f"{base}/myself", _myself)
        app.router.add_get(f"{base}/serverInfo", _server_info)
        app.router.add_get(f"{base}/field", _fields)
        app.router.add_get(f"{base}/issue/{{issue}}", _issue)
        app.router.add_get(f"{base}/issue/{{issue}}/changelog", _changelog)
        app.router.add_get(f"{base}/issue/{{issue}}/comment", _comments)
        app.router.add_post(f"{base}/issue/{{issue}}/comment", _add_comment)
        app.router.add_get(f"{base}/issue/{{issue}}/comment/{{comment}}", _comment)
        app.router.add_get(f"{base}/issue/{{issue}}/worklog", _worklogs)
        app.router.add_post(f"{base}/{{kind:comment|worklog}}/list", _by_ids)
        add_edits(app, base, shelf, _found, jira_time)
    app.router.add_post("/rest/api/3/search/jql", _search)
    app.router.add_post("/rest/api/2/search", _search_by_number)
    app.router.add_get("/_twin/comments", _all_comments)
    app.router.add_get("/", _page)
    return app


def take(shelf: Shelf, body: bytes) -> None:
    """Keep what a delivery tells: the newest form of each issue, its changes, comments."""
    for record in forms.decode(body).records:
        if record.stream == "worklog":
            _take_worklog(shelf, record)
        elif record.stream in forms.OTHERS:
            continue  # the twin answers reads of issues, comments and worklogs only
        elif record.stream == "comment":
            _take_comment(shelf, record)
        elif record.op == "delete":
            shelf.remove("issue", record.source)
            shelf.put("gone", record.source, {"at": record.at}, record.at)
        else:
            _take_issue(shelf, record)


def _take_issue(shelf: Shelf, record: Record) -> None:
    for history in (record.data.get("changelog") or {}).get("histories", ()):
        shelf.put("history", f"{record.source}/{history.get('id')}", history, record.at, record.source)
    known = shelf.get("issue", record.source)
    gone = shelf.get("gone", record.source)
    if gone is not None and record.at <= gone["at"]:
        return  # an older change that came late: the issue stays deleted
    if known is not None and record.at < known["at"]:
        return
    told = {name: record.data[name] for name in ("id", "key", "self") if name in record.data}
    fields = record.data.get("fields") or {}
    if known is not None and record.op == "partial":
        told, fields = {**known["issue"], **told}, {**known["issue"]["fields"], **fields}
    if "updated" not in fields:
        fields = {**fields, "updated": jira_time(record.at)}
    shelf.put("issue", record.source, {"at": record.at, "issue": {**told, "fields": fields}}, record.at)


def _take_comment(shelf: Shelf, record: Record) -> None:
    if record.op == "delete":
        shelf.remove("comment", record.source)
        return
    issue = (record.data.get("issue") or {}).get("id")
    if issue:
        shelf.put("comment", record.source, dict(record.data), record.at, str(issue))


def _take_worklog(shelf: Shelf, record: Record) -> None:
    if record.op == "delete":
        shelf.remove("worklog", record.source)
    else:
        shelf.put("worklog", record.source, dict(record.data), record.at, str(record.data.get("issueId")))


def jira_time(at: Micros) -> str:
    when = moment(at).astimezone(timezone(timedelta(hours=8)))
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}+0800"


def _is_rich(request: web.Request) -> bool:
    return request.path.startswith("/rest/api/3")


def _shown(issue: dict[str, Json], *, rich: bool) -> dict[str, Json]:
    """The issue as this version of the API shows it."""
    fields = dict(issue["fields"])
    for name in _RICH:
        text = fields.get(name)
        if rich and isinstance(text, str):
            fields[name] = document_of(text) if text else None
    return {"expand": "renderedFields,names,schema,operations,editmeta,changelog", **issue, "fields": fields}


def _found(request: web.Request) -> dict[str, Json] | None:
    """The issue by id or key."""
    wanted, shelf = request.match_info["issue"], request.app[_SHELF]
    kept = shelf.get("issue", wanted)
    if kept is None:
        kept = next((one for one in shelf.all("issue") if one["issue"].get("key") == wanted), None)
    return None if kept is None else kept["issue"]


def _refused(words: str = _GONE, status: int = 404) -> web.Response:
    return answer({"errorMessages": [words], "errors": {}}, status)


def _histories(request: web.Request, issue: str) -> list[Json]:
    return request.app[_SHELF].all("history", issue)


async def _issue(request: web.Request) -> web.Response:
    issue = _found(request)
    if issue is None:
        return _refused()
    shown = _shown(issue, rich=_is_rich(request))
    if "changelog" in request.query.get("expand", ""):
        shown["changelog"] = _log(_histories(request, issue["id"]))
    return answer(shown)


def _log(histories: list[Json]) -> dict[str, Json]:
    """Inside an issue: newest first, a hundred at most."""
    newest = histories[::-1][:100]
    return {"startAt": 0, "maxResults": 100, "total": len(histories), "histories": newest}


async def _changelog(request: web.Request) -> web.Response:
    issue = _found(request)
    if issue is None:
        return _refused()
    histories = _histories(request, issue["id"])
    start, size = _span(request.query)
    page = histories[start : start + size]
    last = start + len(page) >= len(histories)
    return answer({"startAt": start, "maxResults": size, "total": len(histories), "isLast": last, "values": page})


def _span(given: Mapping[str, Json]) -> tuple[int, int]:
    return int(given.get("startAt") or 0), max(1, min(int(given.get("maxResults") or 50), 100))


def _matching(request: web.Request, jql: str) -> list[dict[str, Json]] | None:
    """Issues inside the window of the JQL, oldest change first; None where it has no window."""
    window = _WINDOW.search(jql)
    if window is None:
        return None
    edge = request.app[_SHELF].now() - int(window[1]) * (60 if window[2] == "m" else 86400) * SECOND
    return [kept["issue"] for kept in request.app[_SHELF].all("issue") if kept["at"] >= edge]


def _listed(request: web.Request, issues: list[dict[str, Json]], wanted: Mapping[str, Json]) -> list[Json]:
    if "*all" not in (wanted.get("fields") or ()):
        return [{"id": issue["id"]} for issue in issues]
    shown = [_shown(issue, rich=_is_rich(request)) for issue in issues]
    if "changelog" in str(wanted.get("expand") or ""):
        for issue in shown:
            issue["changelog"] = _log(_histories(request, issue["id"]))
    return shown


async def _search(request: web.Request) -> web.Response:
    given = await asked(request)
    found = _matching(request, str(given.get("jql")))
    if found is None:
        return _refused("Unbounded JQL queries are not allowed here. Please add a search restriction.", 400)
    start = int(given.get("nextPageToken") or 0)
    size = _span(given)[1]
    page: dict[str, Json] = {"issues": _listed(request, found[start : start + size], given)}
    page["isLast"] = start + size >= len(found)
    if not page["isLast"]:
        page["nextPageToken"] = str(start + size)
    return answer(page)


async def _search_by_number(request: web.Request) -> web.Response:
    given = await asked(request)
    found = _matching(request, str(given.get("jql"))) or []
    start, size = _span(given)
    issues = _listed(request, found[start : start + size], given)
    return answer({"startAt": start, "maxResults": size, "total": len(found), "issues": issues})


def _comment_shown(comment: Mapping[str, Json], *, rich: bool) -> dict[str, Json]:
    text = plain(comment.get("body"))
    shown = {name: value for name, value in comment.items() if name != "issue"}
    return {**shown, "body": document_of(text) if rich else text}


async def _comments(request: web.Request) -> web.Response:
    issue = _found(request)
    if issue is None:
        return _refused()
    comments = request.app[_SHELF].all("comment", issue["id"])
    if request.query.get("orderBy") == "-created":
        comments.reverse()
    start, size = _span(request.query)
    page = [_comment_shown(one, rich=_is_rich(request)) for one in comments[start : start + size]]
    return answer({"startAt": start, "maxResults": size, "total": len(comments), "comments": page})


async def _worklogs(request: web.Request) -> web.Response:
    issue = _found(request)
    if issue is None:
        return _refused()
    worklogs = request.app[_SHELF].all("worklog", issue["id"])
    start, size = _span(request.query)
    page = [_comment_field(one, rich=_is_rich(request)) for one in worklogs[start : start + size]]
    return answer({"startAt": start, "maxResults": size, "total": len(worklogs), "worklogs": page})


def _comment_field(worklog: Mapping[str, Json], *, rich: bool) -> dict[str, Json]:
    text = plain(worklog.get("comment"))
    return {**worklog, "comment": document_of(text) if rich else text}


async def _by_ids(request: web.Request) -> web.Response:
    """Comments (a page) or worklogs (a list) by their ids, as Cloud gives them."""
    kind, ids = request.match_info["kind"], [str(one) for one in (await asked(request)).get("ids") or ()]
    held = [one for source in ids if (one := request.app[_SHELF].get(kind, source)) is not None]
    if kind == "worklog":
        return answer([_comment_field(one, rich=_is_rich(request)) for one in held])
    shown = [_comment_shown(one, rich=_is_rich(request)) for one in held]
    return answer({"startAt": 0, "maxResults": 1000, "total": len(shown), "isLast": True, "values": shown})


async def _comment(request: web.Request) -> web.Response:
    issue, comment = _found(request), request.app[_SHELF].get("comment", request.match_info["comment"])
    if issue is None or comment is None or comment["issue"]["id"] != issue["id"]:
        return _refused("Can not find a comment for the id: " + request.match_info["comment"])
    return answer(_comment_shown(comment, rich=_is_rich(request)))


async def _add_comment(request: web.Request) -> web.Response:
    issue, given = _found(request), await asked(request)
    if issue is None:
        return _refused()
    text = plain(given.get("body"))
    if not text.strip():
        return answer({"errorMessages": [], "errors": {"comment": "Comment body can not be empty!"}}, 400)
    return answer(_comment_shown(_kept_comment(request, issue["id"], text), rich=_is_rich(request)), 201)


def _kept_comment(request: web.Request, issue: str, text: str) -> dict[str, Json]:
    shelf, now = request.app[_SHELF], request.app[_SHELF].now()
    number = str(shelf.next_number("comment", _FIRST_COMMENT))
    stamp = jira_time(now)
    link = (
        f"{request.scheme}://{request.host}/rest/api/{3 if _is_rich(request) else 2}/issue/{issue}/comment/{number}"
    )
    comment: dict[str, Json] = {"self": link, "id": number, "author": _ME, "updateAuthor": _ME, "body": text}
    comment |= {"created": stamp, "updated": stamp, "jsdPublic": True, "issue": {"id": issue}}
    shelf.put("comment", number, comment, now, issue)
    return comment


async def _all_comments(request: web.Request) -> web.Response:
    """The twin's own count, for tests and demos."""
    return answer(
        [
            {"issue": one["issue"]["id"], "id": one["id"], "text": plain(one.get("body"))}
            for one in request.app[_SHELF].all("comment")
        ]
    )


async def _myself(request: web.Request) -> web.Response:
    return answer({"self": f"{request.scheme}://{request.host}{request.path}", **_ME})


async def _server_info(request: web.Request) -> web.Response:
    now = jira_time(request.app[_SHELF].now())
    return answer({"baseUrl": f"{request.scheme}://{request.host}", "deploymentType": "Cloud", "serverTime": now})


async def _fields(request: web.Request) -> web.Response:
    """The fields seen so far; a site's own names for custom ones are not in its webhooks, so ids stand for them."""
    seen: dict[str, str] = {}
    for kept in request.app[_SHELF].all("issue"):
        for name, value in kept["issue"]["fields"].items():
            seen[name] = _type_of(value) if value is not None else seen.get(name, "any")
    rows = [
        {"id": name, "name": name, "custom": name.startswith("customfield_"), "schema": {"type": seen[name]}}
        for name in sorted(seen)
    ]
    return answer(rows)


def _type_of(value: Json) -> str:
    if isinstance(value, (bool, str)):
        return "string"
    kinds: dict[type, str] = {dict: "option", list: "array"}
    return kinds.get(type(value), "number")


async def _page(request: web.Request) -> web.Response:
    rows = "".join(_row(request.app[_SHELF], kept["issue"]) for kept in request.app[_SHELF].all("issue"))
    html = (
        '<!doctype html><meta charset="utf-8"><title>Jira</title>'
        "<style>body{font:15px/1.5 system-ui;margin:2rem;max-width:70rem}td{border-top:1px solid #ddd;padding:.4rem;"
        "vertical-align:top}small{color:#666;white-space:pre-wrap}</style>"
        f"<h1>{TITLE}</h1><table>{rows}</table>"
    )
    return web.Response(text=html, content_type="text/html")


def _row(shelf: Shelf, issue: Mapping[str, Json]) -> str:
    fields = issue["fields"]
    cells = [issue.get("key"), _name(fields.get("issuetype")), fields.get("summary"), _name(fields.get("status"))]
    said = "".join(
        f"<div><small>{escape(plain(comment.get('body')))}</small></div>"
        for comment in shelf.all("comment", str(issue["id"]))
    )
    return "<tr>" + "".join(f"<td>{escape(str(cell or ''))}</td>" for cell in cells) + f"<td>{said}</td></tr>"


def _name(value: Json) -> Json:
    return value.get("name") if isinstance(value, dict) else value


def main(arguments: list[str] | None = None) -> None:
    run(make_app, TITLE, arguments)


if __name__ == "__main__":
    main()
