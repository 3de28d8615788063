"""Signed webhooks straight to the intake: repeated, in any order, sent until each was accepted; and their count."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import aiohttp
import orjson
import psycopg

from tests.integration.bad_input_bodies import project

BULK_OBJECTS, BULK_VERSIONS, REPEATED = 60, 8, 0.15
"""Deliveries straight to the intake in a round: objects × versions, of which that share comes more than once."""
BULK_FROM = 50_000_000
"""Numbers of bulk objects; Jira's own are far below."""
AT_ONCE = 8
SECRET = "a sample secret of the soak"


class Bulk:
    """Signed webhooks of one round, straight to the intake, sent until each was accepted."""

    def __init__(self, url: str, number: int, random: Random) -> None:
        self.url, self.number, self.random = f"{url}/in/jira", number, random
        self.first = BULK_FROM + number * BULK_OBJECTS
        self.bodies = [
            (f"bulk-{number}-{o}-{v}", self._body(o, v)) for o in range(BULK_OBJECTS) for v in range(BULK_VERSIONS)
        ]

    def _body(self, place: int, version: int) -> bytes:
        of = self.first + place
        return orjson.dumps(project(of, "indeterminate", minutes=version, summary=f"{of} at {version}"))

    async def send(self) -> None:
        """All of them in any order, some more than once, ``AT_ONCE`` side by side."""
        queue = list(self.bodies)
        queue += self.random.sample(self.bodies, int(len(queue) * REPEATED))
        self.random.shuffle(queue)
        waiting = iter(queue)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
            await asyncio.gather(*(self._sender(http, waiting) for _ in range(AT_ONCE)))

    async def _sender(self, http: aiohttp.ClientSession, waiting: Iterator[tuple[str, bytes]]) -> None:
        for name, body in waiting:
            while not await self._accepted(http, name, body):  # noqa: ASYNC110 - as a source tries again
                await asyncio.sleep(0.3)
            await asyncio.sleep(0.02)

    async def _accepted(self, http: aiohttp.ClientSession, name: str, body: bytes) -> bool:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-atlassian-webhook-identifier": name,
            "x-hub-signature": f"sha256={signature}",
        }
        try:
            async with http.post(self.url, data=body, headers=headers) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def kept(self, db: psycopg.Connection[Any]) -> tuple[int, list[str]]:
        """How many are kept, and what is wrong: each is kept exactly once, every object is in its newest state."""
        return self._kept(db).total(), [*self._wrong_deliveries(db), *self._wrong_states(db)]

    def _kept(self, db: psycopg.Connection[Any]) -> Counter[str]:
        like = f"bulk-{self.number}-%"
        return Counter(
            row[0] for row in db.execute("SELECT source_id FROM delivery WHERE source_id LIKE %b", (like,))
        )

    def _wrong_deliveries(self, db: psycopg.Connection[Any]) -> Iterator[str]:
        kept = self._kept(db)
        if kept != Counter(name for name, _ in self.bodies):
            yield f"{len(self.bodies)} deliveries accepted, {kept.total()} kept of {len(kept)}"

    def _wrong_states(self, db: psycopg.Connection[Any]) -> Iterator[str]:
        labels = [f"OPS-{self.first + place - 10_000}" for place in range(BULK_OBJECTS)]
        rows = db.execute("SELECT label, state FROM entity WHERE kind = 'project' AND label = ANY(%b)", (labels,))
        names = {label: json.loads(state).get("name") for label, state in rows}
        wanted = {label: f"{self.first + place} at {BULK_VERSIONS - 1}" for place, label in enumerate(labels)}
        if names != wanted:
            wrong = sorted(label for label in wanted if names.get(label) != wanted[label])
            yield f"{len(wrong)} objects not in their newest state, {wrong[0]}: {names.get(wrong[0])}"
