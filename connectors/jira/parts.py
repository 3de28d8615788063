"""What hangs on issues, asked for: comments and worklogs, by the issues that changed, and one of them by its id.

A comment or worklog that is added or edited gives its issue a new ``updated``, so the walk over changed issues finds
them; each changed issue is asked for all of them, and what did not change folds to ``unchanged``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.jira import decode as forms
from hub.connector.answers import Found, ReadFailed
from hub.connector.base import Page
from hub.connector.cut import items
from hub.model.delivery import Raw
from hub.model.record import Json

if TYPE_CHECKING:
    from connectors.jira.connector import JiraConnector

LISTS = {"comment": "comments", "worklog": "worklogs"}
"""Each stream, and the name of its list in an issue's answer."""
PAGE = 100
PAGES_MAX = 50
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Parts:
    """Comments or worklogs of one site."""

    jira: JiraConnector
    stream: str

    async def page(self, cursor: str) -> Page:
        """Those of the next page of changed issues."""
        changed = await self.jira.poll("issue", cursor)
        found: list[Raw] = []
        for raw in changed.deliveries:
            for record in forms.decode(raw.body).records:
                found += await self._of(record.source)
        return Page(tuple(found), changed.cursor, changed.more)

    async def _of(self, issue: str) -> list[Raw]:
        """All of an issue, page by page; none where the issue is gone meanwhile."""
        found: list[Raw] = []
        start, name = 0, LISTS[self.stream]
        for _ in range(PAGES_MAX):
            params = {"startAt": str(start), "maxResults": str(PAGE)}
            answer = await self.jira.get(self.jira.path("issue", issue, self.stream), params)
            if answer is None:
                return found
            rows = answer.json.get(name) if isinstance(answer.json, dict) else None
            if not isinstance(rows, list):
                raise ReadFailed(f"issue {issue}: the answer has no list {name!r}")
            if rows:
                found.append(Raw(self._body(items(answer.body, name)), _JSON))
            start += len(rows)
            if not rows or start >= int(answer.json.get("total") or 0):
                return found
        raise ReadFailed(f"issue {issue} has more than {PAGES_MAX * PAGE} {name}: not all were read")

    async def one(self, source: str) -> Found | None:
        """One by its id, which Cloud can be asked for without its issue."""
        if not self.jira.cloud or not source.isdigit():
            raise ReadFailed(f"{self.stream} {source}: this edition cannot be asked for one without its issue")
        path = f"{self.jira.rest}/{self.stream}/list"
        answer = await self.jira.http.read(path, method="POST", json={"ids": [int(source)]}, headers=self.jira.auth())
        if answer is None:
            raise ReadFailed(f"{path}: 404 for a list; is the setting edition right?")
        named = isinstance(answer.json, dict)
        rows = answer.json.get("values") if named else answer.json
        if not isinstance(rows, list):
            raise ReadFailed(f"{path}: a list was expected")
        raws = items(answer.body, "values" if named else "")
        mine = [raw for row, raw in zip(rows, raws, strict=True) if _is(row, source)]
        return Found(source, source, body=self._body(mine[:1]), headers=_JSON) if mine else None

    def _body(self, raws: list[bytes]) -> bytes:
        return b'{"' + LISTS[self.stream].encode() + b'":[' + b",".join(raws) + b"]}"


def _is(row: Json, source: str) -> bool:
    return isinstance(row, Mapping) and str(row.get("id")) == source
