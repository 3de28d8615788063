"""Closings in numbers on the real store: shipped mappings, the engine, facts; an outside that takes and confirms all.

``Closings`` is a workspace with a clock moved by hand. ``project`` says what Jira would say about one project before
it closes, ``close`` closes it, ``settle`` lets everything happen: readings are answered with what was said last,
people approve, every document is sent and read back under a number of its own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from hub.bootstrap import open_workspace
from hub.engine.advance import Engine
from hub.engine.facts import apply
from hub.history.assumed import _state_after
from hub.log.port import Arrival
from hub.model.clock import SECOND, iso
from hub.model.effect import Effect, EffectState
from hub.model.fact import EffectMoved, Fact, PersonDecided, TimerDue
from hub.store.queries import loops
from tests.integration.workspace import Space
from tests.stores import StandingClock

AT_ONCE = 400
BIG = 400
"""Items of 400 x 150 CNY need an approval."""


class Closings:
    def __init__(self, folder: Path, seed: int = 1) -> None:
        Space(folder)
        self.clock = StandingClock(1_774_000_000 * SECOND)
        self.workspace = open_workspace(folder, clock=self.clock)
        self.workspace.activate()
        self.store, self.catalog = self.workspace.store, self.workspace.catalog
        decoders = {name: self.workspace.connector(name).decode for name in ("jira", "trello", "erp")}
        self.engine = Engine(self.store, self.workspace.log, lambda: self.catalog, decoders, self.clock)
        self.chance = random.Random(seed)
        self.said: dict[str, bytes] = {}
        self.numbers = 0
        self.decisions = 0
        self._bodies: list[tuple[bytes, str]] = []

    def close_store(self) -> None:
        self.store.close()

    # --- what Jira says

    def project(self, number: int, **fields: Any) -> None:
        """A project with some items and expenses, open."""
        key = 10_000 + number * 10
        big = number % 7 == 0
        self.issue(key, "Epic", **{**self._project(number), **fields})
        for n in range(1, 1 + self.chance.randrange(3)):
            self.item(key + n, key, BIG if big else 1 + n)
        for n in range(5, 5 + self.chance.randrange(3)):
            self.expense(key + n, key, 100 + number % 50)

    def _project(self, number: int) -> dict[str, Any]:
        return {
            "status": {"name": "Doing", "statusCategory": {"key": "indeterminate"}},
            "resolution": None,
            "customfield_10203": 1000 + number,
            "customfield_10201": {"value": "CC-7"},
            "customfield_10202": {"value": "Equipment" if number % 3 == 0 else "Software"},
            "assignee": {"accountId": "5b10a2844c20165700ede21g"},
        }

    def item(self, key: int, project: int, quantity: int, status: str = "new") -> None:
        fields = {"customfield_10300": {"value": "P-1"}, "customfield_10301": quantity, "customfield_10302": 150}
        said = {"name": "To Do", "statusCategory": {"key": status}}
        self.issue(key, "Purchase", status=said, parent={"id": str(project)}, **fields)

    def expense(self, key: int, project: int, amount: int, status: str = "Approved") -> None:
        fields = {"customfield_10310": amount, "reporter": {"accountId": "5b10ac8d82e05b22cc7d4ef5"}}
        said = {"name": status, "statusCategory": {"key": "new"}}
        self.issue(key, "Expense", status=said, parent={"id": str(project)}, **fields)

    def close(self, number: int, **fields: Any) -> None:
        done = {"status": {"name": "Done", "statusCategory": {"key": "done"}}, "resolution": {"name": "Done"}}
        when = iso(self.clock.now()).replace("Z", "+0000")
        self.issue(
            10_000 + number * 10, "Epic", **{**self._project(number), **done, "resolutiondate": when, **fields}
        )

    def issue(self, key: int, kind: str, **fields: Any) -> None:
        self.clock.at += SECOND
        said = {"issuetype": {"name": kind}, "summary": f"{kind} {key}", **fields}
        said["updated"] = iso(self.clock.now()).replace("Z", "+0000")
        issue = {"id": str(key), "key": f"OPS-{key}", "fields": said}
        self.said[f"jira/issue/{key}"] = orjson.dumps(issue)
        self.deliver(orjson.dumps({"webhookEvent": "jira:issue_updated", "issue": issue}))

    def deliver(self, body: bytes, cause: str = "") -> None:
        self._bodies.append((body, cause))

    # --- what happens

    def settle(self, *, approve: bool = True, quiet: frozenset[str] = frozenset()) -> None:
        asyncio.run(self._settle(approve, quiet))

    def settle_batch(self) -> None:
        """Only what has come in is concluded; nobody outside does anything yet."""
        asyncio.run(self._concluded())

    async def _concluded(self) -> int:
        arrivals = [
            Arrival("jira", body, {}, self.clock.now(), "read" if cause else "webhook", None, cause)
            for body, cause in self._bodies
        ]
        self._bodies.clear()
        for start in range(0, len(arrivals), 1_000):
            self.workspace.log.append_now(arrivals[start : start + 1_000])
        done = 0
        while n := await self.engine.step(1_000):
            done += n
        return done

    async def _settle(self, approve: bool, quiet: frozenset[str]) -> None:
        while True:
            done = await self._concluded()
            done += await self._timers() + self._readings()
            done += await self._approve() if approve else 0
            done += await self._documents(quiet)
            if not done:
                return

    async def facts(self, facts: list[Fact]) -> None:
        for start in range(0, len(facts), AT_ONCE):
            some = facts[start : start + AT_ONCE]
            answers = await asyncio.gather(*(apply(self.store, self.catalog, one, self.clock.now()) for one in some))
            assert all(answers), [one for one in answers if not one]

    async def _timers(self) -> int:
        due = self.store.due_timers(self.clock.now(), 10_000)
        await self.facts([TimerDue(one.id, one.kind, one.loop, one.step) for one in due])
        return len(due)

    def _readings(self) -> int:
        due = self.store.open_readings(self.clock.now(), 100_000)
        for one in due:
            self.deliver(self.said[one.id], one.cause)
        return len(due)

    async def _approve(self) -> int:
        with self.store.read() as db:
            asked = loops.approvals(db, state="asked")
        self.decisions += len(asked)
        name = f"decision-{self.decisions}"
        facts: list[Fact] = [
            PersonDecided(f"{name}-{n}", one.loop, "approve", "E1003", "within budget", one.step, one.item)
            for n, one in enumerate(asked)
        ]
        await self.facts(facts)
        return len(asked)

    async def _documents(self, quiet: frozenset[str]) -> int:
        planned = [
            one
            for one in self.store.due_effects(self.clock.now(), 100_000, frozenset())
            if one.state is EffectState.PLANNED and one.step.partition("/")[0] not in quiet
        ]
        await self.facts([EffectMoved(one.key, one.version, EffectState.SENDING) for one in planned])
        await self.facts([self._sent(one) for one in planned])
        readable = [one for one in planned if self.catalog.action(one.connection, one.action).readable]
        await self.facts(
            [
                EffectMoved(one.key, one.version + 2, EffectState.CONFIRMED, read_back=dict(one.expect))
                for one in readable
            ]
        )
        return len(planned)

    def _sent(self, one: Effect) -> Fact:
        self.numbers += 1
        number = one.number or f"N-{self.numbers:05}"
        state = _state_after(self.catalog.action(one.connection, one.action), one.call)
        known: Mapping[str, Any] = {"remote_id": number, "number": number, "document_state": state}
        return EffectMoved(one.key, one.version + 1, EffectState.SENT, **known)

    def person(self, choice: Any, loop: str, step: str = "", item: str = "", who: str = "E1007") -> None:
        self.decisions += 1
        fact = PersonDecided(f"decision-{self.decisions}", loop, choice, who, "because", step, item)
        answer = asyncio.run(apply(self.store, self.catalog, fact, self.clock.now()))
        assert answer, answer.message

    def loop_of(self, number: int) -> str:
        with self.store.read() as db:
            found = loops.instances(db, subject=f"jira:{10_000 + number * 10}")
        return found[-1].id
