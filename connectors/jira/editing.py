"""The calls that change an issue: set its fields, then take the transition to the status wanted. Class B.

Setting what is set already changes nothing in Jira, so whatever is unclear is settled by looking at the issue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.jira import updates
from hub.connector.answers import Ambiguous, Found, NotSent, ReadFailed, Receipt, RefusedByTarget
from hub.connector.http import as_numbers
from hub.connector.updates import all_equal, known_only
from hub.model.record import Json
from hub.model.values import canonical

if TYPE_CHECKING:
    from connectors.jira.connector import JiraConnector

_DONE = 204


@dataclass(frozen=True, slots=True)
class Editing:
    """One change, made through the connector it belongs to."""

    jira: JiraConnector

    async def update(self, issue: str, fields: Mapping[str, Json]) -> Receipt:
        """Set the fields; a status among them is reached by a transition afterwards."""
        known_only(fields, updates.UPDATABLE, "an issue")
        before, status = await self._before(issue), updates.wanted_status(fields)
        transition = await self._transition(issue, before, status) if status else ""
        body = await self._body(issue, fields)
        if body:
            await self._write("PUT", self.jira.path("issue", issue), {"fields": body})
        if transition:
            await self._move(issue, {"transition": {"id": transition}})
        return self._receipt(before)

    async def transition(self, payload: Mapping[str, Json]) -> Receipt:
        """Move the issue; one that is there already is left alone."""
        issue, wanted = str(payload["issue"]), {"name": payload["status"]}
        before = await self._before(issue)
        transition = await self._transition(issue, before, wanted)
        if transition:
            named = payload.get("resolution")
            fields = {"fields": {"resolution": {"name": named}}} if named else {}
            await self._move(issue, {"transition": {"id": transition}, **fields})
        return self._receipt(before)

    async def done(self, action: str, payload: Mapping[str, Json]) -> Found | None:
        """The issue, when it says already what the payload asks for."""
        answer = await self.jira.issue(str(payload.get("object") or payload.get("issue")))
        if answer is None:
            return None
        if action == updates.TRANSITION:
            done = updates.moved(answer.json)["status"] == payload["status"]
        else:
            done = all_equal(payload["fields"], updates.document(answer.json)["fields"])
        return self.found(action, answer.json) if done else None

    def found(self, action: str, issue: Mapping[str, Json]) -> Found:
        receipt = self._receipt(issue)
        document = updates.document(issue) if action == updates.UPDATE else updates.moved(issue)
        return Found(receipt.remote_id, receipt.number, receipt.url, receipt.state, dict(canonical(document)))

    def _receipt(self, issue: Mapping[str, Json]) -> Receipt:
        key = str(issue.get("key") or "")
        return Receipt(str(issue["id"]), key, self.jira.browse(key))

    async def _before(self, issue: str) -> Mapping[str, Json]:
        """The issue as it is: only reads so far, so what fails here has changed nothing."""
        try:
            answer = await self.jira.issue(issue)
        except ReadFailed as error:
            raise NotSent(str(error)) from error
        if answer is None:
            raise RefusedByTarget(f"issue {issue} does not exist, or this account may not see it", 404)
        return dict(answer.json)

    async def _transition(self, issue: str, before: Mapping[str, Json], wanted: Mapping[str, Json]) -> str:
        """The transition that leads there; empty where the issue is there already."""
        fields = before.get("fields")
        now = fields.get("status") if isinstance(fields, dict) else None
        if updates.is_in(now, wanted):
            return ""
        try:
            answer = await self.jira.get(self.jira.path("issue", issue, "transitions"))
        except ReadFailed as error:
            raise NotSent(str(error)) from error
        offered = answer.json.get("transitions") if answer and isinstance(answer.json, dict) else None
        if not isinstance(offered, list):
            raise NotSent(f"issue {issue}: Jira's answer holds no transitions")
        return updates.transition_to([one for one in offered if isinstance(one, dict)], wanted, now)

    async def _body(self, issue: str, fields: Mapping[str, Json]) -> dict[str, Json]:
        body = updates.to_set(fields, rich=self.jira.cloud)
        if not updates.numbers_in(body):
            return body
        try:
            answer = await self.jira.get(self.jira.path("issue", issue, "editmeta"))
        except ReadFailed as error:
            raise NotSent(str(error)) from error
        described = answer.json.get("fields") if answer and isinstance(answer.json, dict) else None
        return updates.with_numbers(body, described if isinstance(described, dict) else {})

    async def _move(self, issue: str, body: Mapping[str, Json]) -> None:
        await self._write("POST", self.jira.path("issue", issue, "transitions"), body)

    async def _write(self, method: str, path: str, body: Mapping[str, Json]) -> None:
        answer = await self.jira.http.write(
            method, path, json=dict(body), headers=self.jira.auth(), not_done_429=True, default=as_numbers
        )
        if (
            answer.status != _DONE
        ):  # Jira answers a change with nothing at all: whatever this is, it is not Jira's word
            raise Ambiguous(f"{method} {path}: answered {answer.status} where 204 was expected")
