"""Jira: SPEC and the connector. What a body means is in ``decode``, where polling stands in ``window``."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from connectors.jira import decode as forms
from connectors.jira import updates
from connectors.jira.adf import document_of, plain
from connectors.jira.editing import Editing
from connectors.jira.parts import LISTS, Parts
from connectors.jira.spec import SPEC
from connectors.jira.window import MINUTE, Cursor, query
from hub.connector.answers import Ambiguous, Carried, Found, ReadFailed, Receipt, Unauthorized
from hub.connector.base import ActCall, Connection, Connector, ObjectRef, Page, Probe, Request
from hub.connector.cut import items
from hub.connector.http import Answer, Http
from hub.connector.reference import carried, carries, with_mark, without_mark
from hub.connector.spec import StreamField
from hub.model.clock import Micros, micros
from hub.model.delivery import Raw
from hub.model.record import Decoded, Json

SIGNATURE = "x-hub-signature"
DELIVERY_ID = "x-atlassian-webhook-identifier"
COMMENT_PAGES_MAX = 50
CHANGELOG_PAGES_MAX = 100
DEEP_START = 10
"""Data Center pages by number: each next page goes back this far, as issues that change shift the rest forward."""


class JiraConnector(Connector):
    """Jira Cloud (REST v3) or Server / Data Center (REST v2)."""

    spec = SPEC

    def __init__(self, connection: Connection, http: Http) -> None:
        super().__init__(connection, http)
        setting = connection.settings.get
        self.cloud = str(setting("edition") or "cloud") == "cloud"
        self.rest = "/rest/api/3" if self.cloud else "/rest/api/2"
        self.overlap: Micros = max(2, int(setting("overlap_minutes") or 5)) * MINUTE
        self.page_size = int(setting("page_size") or 100)
        self._skew: Micros | None = None

    def verify(self, request: Request, now: Micros) -> bool:
        """``X-Hub-Signature: sha256=<hex>`` over the raw bytes, by any current secret; every one is tried."""
        given = request.headers.get(SIGNATURE, "").strip().encode("utf-8", "surrogateescape")
        good = False
        for secret in self.connection.secrets.get("secret", ()):
            expected = b"sha256=" + hmac.digest(secret.encode(), request.body, "sha256").hex().encode()
            good |= bool(secret) and hmac.compare_digest(given, expected)
        return good and SIGNATURE not in request.repeated

    def sign(self, secret: str, url: str, body: bytes) -> Mapping[str, str]:
        return {SIGNATURE: "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()}

    def identify(self, headers: Mapping[str, str], body: bytes) -> str | None:
        return headers.get(DELIVERY_ID) or None

    def keep_headers(self) -> frozenset[str]:
        return frozenset({"content-type", DELIVERY_ID, "x-atlassian-webhook-flow", "x-atlassian-webhook-retry"})

    def route(self, headers: Mapping[str, str], body: bytes) -> str:
        return forms.route(body)

    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        return forms.decode(body)

    async def poll(self, stream: str, cursor: str) -> Page:
        """One search page of the window; see ``window`` for why nothing is lost at its edges."""
        if stream in LISTS:
            return await Parts(self, stream).page(cursor)
        at = Cursor.read(cursor)
        if not at.query:
            scope = str(self.connection.settings.get("jql") or "")
            days = int(self.connection.settings.get("history_days") or 365)
            at = replace(at, query=query(scope, at.newest, await self._server_now(), self.overlap, days))
        try:
            answer = await (self._search(at) if self.cloud else self._search_by_number(at))
        except ReadFailed as error:
            if at.token and ": 400 " in str(error):  # the token died (7 days): walk again from the newest change
                return Page((), at.finished().text(), more=True)
            raise
        fresh, seen = await self._fresh(answer, at)
        after = self._advance(at.seen(seen, self.overlap), at, answer.json)
        return Page(tuple(fresh), after.text(), more=bool(after.query))

    async def fields(self, stream: str) -> Sequence[StreamField]:
        """The fields of this site's issues with the names people gave them."""
        if stream != "issue":
            return ()
        answer = await self.get(f"{self.rest}/field")
        rows = [] if answer is None or not isinstance(answer.json, list) else answer.json
        named = (row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str))
        return [StreamField(f"fields.{row['id']}", str(row.get("name") or ""), _type_of(row)) for row in named]

    async def act(self, call: ActCall) -> Receipt:
        match call.action:
            case updates.UPDATE:
                return await Editing(self).update(str(call.payload["object"]), call.payload["fields"])
            case updates.TRANSITION:
                return await Editing(self).transition(call.payload)
        return await self._comment(call)

    async def _comment(self, call: ActCall) -> Receipt:
        """Add a comment that carries our reference."""
        issue = str(call.payload["issue"])
        text = with_mark(str(call.payload["body"]), call.reference)
        body = document_of(text) if self.cloud else text
        answer = await self.http.write(
            "POST",
            self.path("issue", issue, "comment"),
            json={"body": body},
            headers=self.auth(),
            not_done_429=True,
        )
        made = answer.json if isinstance(answer.json, dict) else {}
        if not made.get("id"):
            raise Ambiguous(f"comment on {issue}: answered {answer.status} without an id")
        return Receipt(f"{issue}/{made['id']}", str(made["id"]), str(made.get("self") or ""))

    async def find(self, action: str, reference: str, payload: Mapping[str, Json]) -> Found | None:
        """Our comment among those of the issue: all pages are read before it counts as absent. What was set or moved
        is found by looking."""
        if action != "issue.comment":
            return await Editing(self).done(action, payload)
        issue = str(payload["issue"])
        async with aclosing(self._comments(issue)) as comments:
            async for comment in comments:
                if carries(plain(comment.get("body")), reference):
                    return self._found(issue, comment)
        return None

    async def scan(self, action: str, payloads: Sequence[Mapping[str, Json]]) -> Sequence[Carried] | None:
        """Our comments on the issues those payloads name; Jira cannot be asked for all of them."""
        if action != "issue.comment":
            return None
        issues = sorted({str(payload["issue"]) for payload in payloads})
        found = [(issue, comment) for issue in issues async for comment in self._comments(issue)]
        marked = [(carried(plain(comment.get("body"))), issue, comment) for issue, comment in found]
        return [Carried(reference, self._found(issue, comment)) for reference, issue, comment in marked if reference]

    async def _comments(self, issue: str) -> AsyncGenerator[Json, None]:
        """Every comment of an issue, the newest first. Raises ``ReadFailed`` where there are too many to know."""
        start = 0
        for _ in range(COMMENT_PAGES_MAX):
            params = {"startAt": str(start), "maxResults": "100", "orderBy": "-created"}
            page = await self.get(self.path("issue", issue, "comment"), params)
            comments = [] if page is None else _list(page.json, "comments")
            for comment in comments:
                yield comment
            start += len(comments)
            if page is None or not comments or start >= int(page.json.get("total") or 0):
                return
        raise ReadFailed(f"issue {issue} has more than {COMMENT_PAGES_MAX * 100} comments: not all were read")

    async def read(self, ref: ObjectRef) -> Found | None:
        """An issue as a delivery (all fields), or one comment of ours as a document."""
        if ref.kind == "issue.comment":
            issue, _, comment = ref.id.rpartition("/")
            answer = await self.get(self.path("issue", issue, "comment", comment)) if issue else None
            return self._found(issue, answer.json) if answer else None
        if ref.kind in LISTS:
            return await Parts(self, ref.kind).one(ref.id)
        if ref.kind in forms.OTHERS:
            raise ReadFailed(f"{ref.kind} {ref.id}: Jira's answer says no version time; the next webhook brings it")
        answer = await self.issue(ref.id)
        if answer is None:
            return None
        issue_read = answer.json
        if ref.kind in (updates.UPDATE, updates.TRANSITION):
            return Editing(self).found(ref.kind, issue_read)
        return Found(
            str(issue_read["id"]),
            str(issue_read.get("key") or ""),
            self.browse(str(issue_read.get("key") or "")),
            body=answer.body,
            headers={"content-type": "application/json"},
        )

    async def issue(self, name: str) -> Answer | None:
        """One issue with all its fields."""
        answer = await self.get(self.path("issue", name), {"fields": "*all"})
        if answer is not None and not (isinstance(answer.json, dict) and answer.json.get("id")):
            raise ReadFailed(f"issue {name}: the answer has no id")
        if answer is not None and name.isdigit() and str(answer.json["id"]) != name:
            raise ReadFailed(f"asked for issue {name}, got {answer.json['id']}")
        return answer

    async def probe(self) -> Probe:
        try:
            answer = await self.get(f"{self.rest}/myself")
        except Unauthorized as error:
            return Probe(False, str(error), "check email and api_token: Jira does not accept them")
        except ReadFailed as error:
            return Probe(False, str(error), "check url, network and the allow list")
        me = answer.json if answer and isinstance(answer.json, dict) else {}
        name = me.get("displayName") or me.get("name")
        if not name:
            return Probe(False, f"{self.rest}/myself does not look like Jira", "check url and edition")
        return Probe(True, f"signed in as {name}")

    def auth(self) -> dict[str, str]:
        """Basic mail:token for Cloud, a personal access token as bearer for Server and Data Center."""
        token = self.connection.secret("api_token")
        if not token:
            return {}
        if not self.cloud:
            return {"authorization": f"Bearer {token}"}
        pair = f"{self.connection.settings.get('email') or ''}:{token}".encode()
        return {"authorization": f"Basic {b64encode(pair).decode()}"}

    def path(self, *parts: str) -> str:
        return "/".join((self.rest, *(quote(part, safe="") for part in parts)))

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer | None:
        return await self.http.read(path, params=params, headers=self.auth())

    async def _server_now(self) -> Micros:
        """Jira's own clock, by the Date of an answer: a window counted by a slow clock here would have a gap."""
        if self._skew is None:
            answer = await self.get(f"{self.rest}/serverInfo")
            now = self.http.now()
            self._skew = _date(answer, now) - now if answer else 0
        return self.http.now() + self._skew

    async def _search(self, at: Cursor) -> Answer:
        body: dict[str, Json] = {
            "jql": at.query, "maxResults": self.page_size, "fields": ["*all"], "expand": "changelog"
        }  # fmt: skip
        if at.token:
            body["nextPageToken"] = at.token
        return await self._post(f"{self.rest}/search/jql", body)

    async def _search_by_number(self, at: Cursor) -> Answer:
        body: dict[str, Json] = {
            "jql": at.query, "startAt": at.start, "maxResults": self.page_size, "fields": ["*all"],
            "expand": ["changelog"],
        }  # fmt: skip
        return await self._post(f"{self.rest}/search", body)

    async def _post(self, path: str, body: Json) -> Answer:
        answer = await self.http.read(path, method="POST", json=body, headers=self.auth())
        if answer is None or not isinstance(answer.json, dict) or not isinstance(answer.json.get("issues"), list):
            raise ReadFailed(f"{path}: the answer holds no issues; is the setting edition right?")
        return answer

    def _advance(self, after: Cursor, before: Cursor, page: Mapping[str, Json]) -> Cursor:
        """Where the walk goes on, or its end."""
        if self.cloud:
            token = str(page.get("nextPageToken") or "")
            return replace(after, token=token) if token and not page.get("isLast") else after.finished()
        got = len(page["issues"])
        end = before.start + got
        if not got or end >= int(page.get("total") or 0):
            return after.finished()
        return replace(after, start=end - min(DEEP_START, got - 1))

    async def _fresh(self, answer: Answer, at: Cursor) -> tuple[list[Raw], list[tuple[str, Micros]]]:
        """The issues of a page that were not handed on yet, each with its exact bytes."""
        fresh, seen = [], []
        for issue, raw in zip(answer.json["issues"], items(answer.body, "issues"), strict=True):
            source, changed = str(issue.get("id")), forms.version_of(issue)
            if changed is None or at.is_new(source, changed):
                fresh.append(Raw(await self._whole(source, issue, raw), {"content-type": "application/json"}))
            if changed is not None:
                seen.append((source, changed))
        return fresh, seen

    async def _whole(self, source: str, issue: Mapping[str, Json], raw: bytes) -> bytes:
        """The issue's bytes; where its changelog was cut short, with the pages of the full one beside it."""
        log = issue.get("changelog")
        if not isinstance(log, dict) or int(log.get("total") or 0) <= len(log.get("histories") or ()):
            return raw
        if not self.cloud:  # Server and Data Center answer with the whole log or have no pages to ask for
            return raw
        pages = await self._changelog(source, int(log["total"]))
        return b'{"issue":' + raw + b',"changelog":[' + b",".join(pages) + b"]}"

    async def _changelog(self, source: str, total: int) -> Sequence[bytes]:
        pages: list[bytes] = []
        start = 0
        for _ in range(CHANGELOG_PAGES_MAX):
            params = {"startAt": str(start), "maxResults": "100"}
            page = await self.get(self.path("issue", source, "changelog"), params)
            values = _list(page.json, "values") if page else []
            if page is None or not values:
                return pages
            pages.append(page.body)
            start += len(values)
            if page.json.get("isLast") or start >= total:
                return pages
        return pages

    def _found(self, issue: str, comment: Json) -> Found:
        if not isinstance(comment, dict) or not comment.get("id"):
            raise ReadFailed(f"a comment of issue {issue} has no id")
        text = plain(comment.get("body"))
        document = {"issue": issue, "body": without_mark(text), "text": text}
        return Found(
            f"{issue}/{comment['id']}", str(comment["id"]), str(comment.get("self") or ""), document=document
        )

    def browse(self, key: str) -> str:
        return f"{self.http.url}/browse/{key}" if key else ""


def _type_of(field: Mapping[str, Json]) -> str:
    """Jira's own word for the type: number, string, option, user, date …"""
    schema = field.get("schema")
    return str(schema.get("type") or "text") if isinstance(schema, dict) else "text"


def _list(data: Json, name: str) -> list[Json]:
    found = data.get(name) if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise ReadFailed(f"the answer has no list {name!r}")
    return [item for item in found if isinstance(item, dict)]


def _date(answer: Answer, now: Micros) -> Micros:
    """What time the answer says it is; ours where it does not say."""
    try:
        return micros(parsedate_to_datetime(answer.headers["date"]))
    except (KeyError, ValueError, TypeError):
        return now
