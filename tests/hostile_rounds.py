"""Rounds of kill -9 on a hub between a hostile Jira and a hostile ERP, each a process of its own.

One round: projects are made and closed in Jira, whose webhooks come twice, late, out of order or (of closings) never;
the ERP loses answers, commits late and lies. Meanwhile the hub is killed at a named boundary, then at random moments,
and started again each time. Then the systems make peace, the hub settles, and both are asked for their own count
of documents per reference: one for every obligation, none besides.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import orjson

from tests.integration.bad_input_bodies import expense, project, purchase

ROOT = Path(__file__).parents[1]
BOUNDARIES = ("B1", "B2", "B5", "B7", "B13", "B15", "B12", "B14", "B11", "B9", "B3", "B4", "B10")
"""One a round, in this order; those that no other test dies at come first."""
INTAKE = frozenset({"B1", "B2", "B3", "B4", "B5", "B7"})
"""These are passed when webhooks arrive, the others when documents are made."""
PROJECTS, EXPENSES = 4, 3
OBLIGATIONS = PROJECTS * (1 + EXPENSES)
"""A requisition for each project, a reimbursement for each expense; in Jira a comment for each project."""
KILLS = 4
LIVES_SECONDS = (0.05, 1.2)
"""How long a hub lives, from when it listens, before it is killed."""
STORM_SECONDS = 8
"""At most so long is waited for the ERP to have made half of the documents before there is peace."""
PATIENCE_SECONDS = 60
HUB_YAML = """\
listen: 127.0.0.1:{port}
people: {root}/people.yaml
schemas: {root}/schemas
connections:
  jira: {{url: "{jira}", allow: ["{jira}"], secret: "file:secret", api_token: "file:secret", poll: 1s, quiesce: 2s}}
  erp: {{{target}, url: "{erp}", allow: ["{erp}"], quiesce: 2s}}
"""
TARGETS = {"erp": "connector: erp", "tryton": 'connector: tryton, database: erp, key: "file:secret"'}
"""What stands in the ERP's place, and what ``hub.yaml`` says of it."""


@dataclass(slots=True)
class Verdict:
    """What a round came to. ``erp`` and ``jira``: the systems' own counts; ``struck``: what they did to the hub."""

    seed: int
    settled: Mapping[str, Any] = field(default_factory=dict)
    erp: Mapping[str, int] = field(default_factory=dict)
    jira: Mapping[str, int] = field(default_factory=dict)
    struck: dict[str, int] = field(default_factory=dict)
    kills: int = 0

    def problems(self) -> list[str]:
        """Everything that is not as it must be."""
        found = [] if self.settled.get("settled") else [f"not settled: {self.settled.get('waiting')}"]
        status = self.settled.get("status", {})
        found += [
            f"{name} {status['records'][name]}" for name in ("unaccounted", "in_flight") if status["records"][name]
        ]
        if set(status["effects"]) != {"CONFIRMED"}:
            found.append(f"effects {status['effects']}")
        for name, counts, wanted in (("erp", self.erp, OBLIGATIONS), ("jira", self.jira, PROJECTS)):
            if len(counts) != wanted or set(counts.values()) != {1}:
                found.append(f"{name}: {sum(counts.values())} documents of {len(counts)} references, {wanted} wanted")
        return [f"round {self.seed}: {one}" for one in found]


class Round:
    """One round in a folder of its own."""

    def __init__(self, folder: Path, seed: int, target: str = "erp") -> None:
        self.folder, self.seed, self.random, self.target = folder, seed, Random(seed), target
        self.port = free_port()
        self.children: list[Process] = []
        self.verdict = Verdict(seed)
        self.at = BOUNDARIES[seed % len(BOUNDARIES)]
        self.crash_word = f"{self.at}:{self.random.randint(1, 6)}"
        self.crash_at = self.crash_word if self.at in INTAKE else ""
        self.kills, self.killed = 0, asyncio.Event()

    async def play(self) -> Verdict:
        """The whole round; whatever it started is ended."""
        self.folder.mkdir(parents=True)
        (self.folder / "secret").write_text("a secret of this round\n", "utf-8")
        try:
            async with aiohttp.ClientSession() as self.http:
                await self._start_systems()
                await self._storm()
                await self._peace()
        finally:
            for child in self.children:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        return self.verdict

    # --- the systems around

    async def _start_systems(self) -> None:
        hub = f"http://127.0.0.1:{self.port}/in/jira"
        source = ("--hub", hub, "--secret-file", str(self.folder / "secret"))
        self.jira, self.erp = await asyncio.gather(self._twin("jira", *source), self._twin(self.target))
        text = HUB_YAML.format(port=self.port, root=ROOT, jira=self.jira, erp=self.erp, target=TARGETS[self.target])
        (self.folder / "hub.yaml").write_text(text, "utf-8")
        (self.folder / "mappings").mkdir()
        mapping = (ROOT / "mappings" / "rd-close.yaml").read_text("utf-8")
        (self.folder / "mappings" / "rd-close.yaml").write_text(mapping.replace("settle: 5s", "settle: 0s"), "utf-8")

    async def _twin(self, system: str, *more: str) -> str:
        """The address of a hostile system, once it listens."""
        ready = self.folder / f"{system}.json"
        words = ("twin", "serve", "--profile", f"{system}-hostile", "--seed", str(self.seed), "--port", "0")
        await self._spawn(*words, "--ready-file", str(ready), *more)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ready.exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.02)
        return str(json.loads(ready.read_text())["url"])

    async def _spawn(self, *words: str, crash_at: str = "") -> Process:
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "HUB_CRASH_AT": crash_at}
        with (self.folder / "log").open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "hub.cli", *words, stdout=log, stderr=log, env=environ, cwd=self.folder
            )
        self.children.append(child)
        return child

    # --- what happens

    async def _storm(self) -> None:
        """Things happen in Jira while the hub dies and is started again."""
        keeper = asyncio.create_task(self._keep_running())
        try:
            await self._happen([body for number in range(PROJECTS) for body in self._open(number)])
            self.crash_at = "" if self.at in INTAKE else self.crash_word
            await self._happen([closing(number) for number in range(PROJECTS)], lose="yes")
            self.kills = KILLS
            await self.killed.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(STORM_SECONDS):
                    await self._half_of_the_documents()
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    async def _half_of_the_documents(self) -> None:
        while len((await self._counts(self.erp))["references"]) * 2 < OBLIGATIONS:  # noqa: ASYNC110 - counted in another process
            await asyncio.sleep(0.1)

    async def _keep_running(self) -> None:
        """Start the hub whenever it is not there; it dies at its boundary, or when its time has come."""
        while True:
            hub = await self._spawn("run", "-w", str(self.folder), crash_at=self.crash_at)
            self.crash_at = ""
            await self._until_it_listens(hub)
            until = asyncio.get_running_loop().time() + self.random.uniform(*LIVES_SECONDS)
            while hub.returncode is None and not (self.kills and asyncio.get_running_loop().time() > until):
                with suppress(TimeoutError):
                    await asyncio.wait_for(hub.wait(), 0.05)
            if hub.returncode is None:
                hub.kill()
                await hub.wait()
            self.verdict.kills += 1
            self.kills = max(0, self.kills - 1)
            if self.kills == 1:
                self.kills = 0
                self.killed.set()

    async def _until_it_listens(self, hub: Process) -> None:
        while hub.returncode is None:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.02)

    def _open(self, number: int) -> list[Any]:
        """A project that is open, and what belongs to it, out of order."""
        epic = 10_000 + number * 100
        bodies = [project(epic, customfield_10202=None)]
        bodies += [purchase(epic + place, epic, price=place * 10, minutes=place) for place in (1, 2)]
        bodies += [expense(epic + 10 + place, epic, place * 7, minutes=place) for place in range(EXPENSES)]
        self.random.shuffle(bodies)
        return bodies

    async def _happen(self, bodies: list[Any], lose: str = "no") -> None:
        """Let things happen, and wait until every webhook that is sent has arrived."""
        for body in bodies:
            async with self.http.post(f"{self.jira}/_twin/happen?lose={lose}", data=orjson.dumps(body)) as answer:
                assert answer.status == 200, await answer.text()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self._counts(self.jira))["pending"]:  # noqa: ASYNC110 - counted in another process
                await asyncio.sleep(0.05)

    # --- the end

    async def _peace(self) -> None:
        """The faults end; what is left is done without a hand."""
        for system in (self.jira, self.erp):
            async with self.http.post(f"{system}/_twin/peace") as answer:
                for name, count in (await answer.json())["struck"].items():
                    self.verdict.struck[name] = self.verdict.struck.get(name, 0) + count
        for child in self.children[2:]:
            if child.returncode is None:
                child.kill()
                await child.wait()
        words = ("settle", "--timeout", str(PATIENCE_SECONDS), "-w", str(self.folder), "--format", "json")
        self.verdict.settled = await self._asked(*words)
        self.verdict.erp = (await self._counts(self.erp))["references"]
        self.verdict.jira = (await self._counts(self.jira))["references"]

    async def _asked(self, *words: str) -> dict[str, Any]:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub.cli", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=self.folder,
        )  # fmt: skip
        said, complaint = await child.communicate()
        assert said.strip(), complaint.decode()
        found: dict[str, Any] = json.loads(said)
        return found

    async def _counts(self, system: str) -> dict[str, Any]:
        async with self.http.get(f"{system}/_twin/counts") as answer:
            return dict(await answer.json())


def closing(number: int) -> Any:
    return project(10_000 + number * 100, "done", minutes=60, customfield_10202=None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def rounds(folder: Path, seeds: range, at_once: int = 2, target: str = "erp") -> list[Verdict]:
    """All of them, so many side by side: most of a round is waiting."""
    slots = asyncio.Semaphore(at_once)

    async def one(seed: int) -> Verdict:
        async with slots:
            return await Round(folder / f"round-{seed}", seed, target).play()

    return list(await asyncio.gather(*(one(seed) for seed in seeds)))
