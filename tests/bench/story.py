"""The deliveries of the end-to-end benches: signed Jira events of 2.4 KB, some of which close a project."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson

SECRET = "a sample secret of the bench"
FILLER = {
    f"customfield_{n}": f"text of field {n}: what people write when they are asked" for n in range(11_000, 11_024)
}


def body(project: int, version: int, *, closed: bool) -> bytes:
    """One issue event of a project; the hub reads about ten fields of it, the rest is there as in real ones."""
    fields: dict[str, Any] = {
        "summary": name_of(project),
        "issuetype": {"id": "10000", "name": "Epic"},
        "status": {"name": "Status", "statusCategory": {"key": "done" if closed else "indeterminate"}},
        "resolution": {"id": "1", "name": "Done"} if closed else None,
        "resolutiondate": "2026-03-05T10:20:30.000+0800" if closed else None,
        "updated": f"2026-03-05T10:{version // 60000 % 60:02}:{version // 1000 % 60:02}.{version % 1000:03}+0800",
        "customfield_10200": 125000.5,
        "customfield_10203": 1000 + version % 7,
        "customfield_10201": {"id": "1", "value": "CC-100"},
        "customfield_10202": {"id": "2", "value": "Software"},
        "assignee": {"accountId": "5b10a2844c20165700ede21g", "displayName": "somebody"},
        **FILLER,
    }
    issue = {"id": str(project), "key": f"OPS-{project}", "fields": fields}
    return orjson.dumps({"timestamp": 1_772_000_000_000, "webhookEvent": "jira:issue_updated", "issue": issue})


def name_of(project: int) -> str:
    return f"P-{project}"


def request(body: bytes, delivery: int) -> bytes:
    """The body as a signed HTTP request."""
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST /in/jira HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"x-atlassian-webhook-identifier: {delivery}\r\nx-hub-signature: sha256={signature}\r\n\r\n"
    )
    return head.encode() + body
