"""A served workspace inside the test's own process: real store, engine, executor and twins, a clock that skips waits.

Twins listen on 127.0.0.1 in the same event loop, so a test starts in a fraction of a second; everything the hub
does it does over HTTP as in production. Nothing here knows what a test is about.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import structlog
from aiohttp import web

import connectors.erp.twin as erp_twin
import connectors.jira.twin as jira_twin
import connectors.trello.twin as trello_twin
from hub.bootstrap import Workspace, open_workspace
from hub.cli.app import run as run_command
from hub.cli.logs import set_up
from hub.cli.serving import Serving
from hub.cli.settle import due_in, result
from hub.log.port import Appended, Arrival
from hub.model.clock import SECOND, Micros

ROOT = Path(__file__).parents[2]
MAKERS = {"jira": jira_twin.make_app, "trello": trello_twin.make_app, "erp": erp_twin.make_app}
SECRET = "a sample secret of this test"
HUB_YAML = f"""\
listen: 127.0.0.1:0
people: {ROOT}/people.yaml
schemas: {ROOT}/schemas
connections:
  jira: {{url: builtin, secret: "file:secret"}}
  trello: {{url: builtin, secret: "file:secret"}}
  erp: {{url: builtin}}
"""


class SkippingClock:
    """Real time plus what was skipped: nobody sleeps through a ``settle: 5s`` or a back-off."""

    def __init__(self) -> None:
        self.skipped: Micros = 0

    def now(self) -> Micros:
        return time.time_ns() // 1000 + self.skipped

    def skip(self, micros: Micros) -> None:
        self.skipped += max(micros, 0)


@dataclass
class RunningTwin:
    connection: str
    url: str

    def stop(self) -> None:
        """The stage stops all of them at its end."""


class Stage:
    """One workspace, served."""

    def __init__(self, folder: Path, serving: Serving, clock: SkippingClock, twins: Mapping[str, str]) -> None:
        self.folder, self.serving, self.clock, self.twins = folder, serving, clock, twins
        self.http = aiohttp.ClientSession()

    @property
    def workspace(self) -> Workspace:
        return self.serving.workspace

    # --- what comes in

    async def give(self, *bodies: Any, connection: str = "jira", ids: Iterable[str | None] = ()) -> list[Appended]:
        """Deliveries as if a source had sent them; a body is bytes or plain data. Ids: one a body, None for none."""
        given = list(ids) or [None] * len(bodies)
        arrivals = [
            Arrival(connection, raw(body), {"content-type": "application/json"}, self.clock.now(), "webhook", one)
            for body, one in zip(bodies, given, strict=True)
        ]
        appended = list(await self.workspace.log.append(arrivals))
        self.serving.host.wake()
        return appended

    async def post(
        self, body: bytes, headers: Mapping[str, str] | list[tuple[str, str]], path: str = "/in/jira"
    ) -> int:
        async with self.http.post(self.serving.url + path, data=BytesIO(body), headers=headers) as answer:
            await answer.read()
            return answer.status

    # --- time

    async def settle(self, hours: float = 100) -> dict[str, Any]:
        """Skip from due time to due time until nothing is due, or so much time has passed."""
        end = self.clock.now() + int(hours * 3600 * SECOND)
        while True:
            async with asyncio.timeout(20):
                await self.serving.host.idle()
            due = due_in(self.workspace, (end - self.clock.now()) / SECOND)
            if due is None:
                return self.result(settled=True)
            if self.clock.now() + int(due * SECOND) > end:
                return self.result(settled=False)
            self.clock.skip(int(due * SECOND) + 1000)
            self.serving.host.wake()
            await asyncio.sleep(0.002)

    def result(self, settled: bool) -> dict[str, Any]:
        return result(self.workspace, settled, dict(self.serving.executor.paused))

    # --- what people and scripts see

    async def hub(self, *words: str, expect: int = 0) -> Any:
        """A command as another process would run it; its one JSON document, or its words when it refuses."""
        words = (*words, "-w", str(self.folder), "--format", "json")
        code, said, complaint = await asyncio.to_thread(run_command_line, words)
        self.serving.host.wake()
        assert code == expect, f"{words}: {code}\n{said}\n{complaint}"
        return json.loads(said) if said else complaint

    async def quarantined(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.hub("quarantine", "list")
        return found

    async def loop(self, label: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.hub("loop", "show", label)
        return found

    async def effects(self, connection: str = "erp") -> list[dict[str, Any]]:
        return [one for one in await self.hub("effect", "list") if one["action"].startswith(connection + ".")]

    async def state(self, kind: str, key: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.hub("entity", "show", kind, key))["state"]
        return found

    # --- the target's own words

    async def counts(self) -> dict[str, int]:
        """Documents per reference, counted in the ERP."""
        async with self.http.get(self.twins["erp"] + "/api/_counts") as answer:
            return dict((await answer.json())["references"])

    async def documents(self, kind: str) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.twins['erp']}/api/{kind}") as answer:
            return list((await answer.json())["items"])

    async def behave(self, **order: Any) -> None:
        async with self.http.post(self.twins["erp"] + "/_twin/behave", json=order) as answer:
            assert answer.status == 200, await answer.text()


def run_command_line(words: tuple[str, ...]) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of one command line."""
    said, complaint = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
    with redirect_stdout(said), redirect_stderr(complaint):
        code = run_command(words)
    return code, _written(said), _written(complaint)


def _written(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else orjson.dumps(body)


def assert_balanced(found: Mapping[str, Any]) -> None:
    """I2: nothing lost, nothing on its way, every record somewhere."""
    records = found["status"]["records"]
    assert records["unaccounted"] == 0, records
    assert records["in_flight"] == 0, records
    parts = [records[name] for name in ("applied", "unchanged", "stale", "held")]
    parts += [sum(records[name].values()) for name in ("skipped", "quarantined")]
    assert records["received"] == sum(parts), records


async def assert_once(stage: Stage) -> None:
    """I3: each effect has exactly one document in the ERP, and there is no document without an effect."""
    counts = await stage.counts()
    assert set(counts.values()) <= {1}, counts
    assert counts == {one["reference"]: 1 for one in await stage.effects() if one["state"] == "CONFIRMED"}


@asynccontextmanager
async def staged(
    folder: Path,
    patch: pytest.MonkeyPatch,
    *,
    listen: bool = False,
    settings: str = HUB_YAML,
    mappings: Mapping[str, str] | None = None,
) -> AsyncIterator[Stage]:
    """A workspace with the shipped mappings (or others, name -> text), served until the block ends."""
    clock = SkippingClock()
    write_workspace(folder, settings, mappings)
    async with twins_running(folder) as twins:
        patch.setattr("hub.cli.builtin.start_twins", lambda *_: [RunningTwin(*one) for one in twins.items()])
        patch.setattr("hub.cli.builtin.stop_twins", lambda _: None, raising=False)
        set_up()  # logs go to stderr as in production: a command's stdout is its document alone
        try:
            async with serving(folder, clock, twins, listen=listen) as stage:
                yield stage
        finally:
            structlog.reset_defaults()


@asynccontextmanager
async def serving(
    folder: Path, clock: SkippingClock, twins: Mapping[str, str], *, listen: bool = False
) -> AsyncIterator[Stage]:
    """The workspace served, with twins that run already."""
    opened = open_workspace(folder, clock=clock)
    async with Serving(opened, listen=listen, chance=lambda: 0.5, steady=lambda: clock.now() / SECOND) as host:
        stage = Stage(folder, host, clock, twins)
        try:
            yield stage
        finally:
            await stage.http.close()


def write_workspace(folder: Path, settings: str = HUB_YAML, mappings: Mapping[str, str] | None = None) -> None:
    """The folder's files; what is there stays (a second start of the same workspace)."""
    (folder / "mappings").mkdir(parents=True, exist_ok=True)
    (folder / "hub.yaml").write_text(settings, "utf-8")
    (folder / "secret").write_text(SECRET + "\n", "utf-8")
    for name, text in (shipped() if mappings is None else mappings).items():
        (folder / "mappings" / name).write_text(text, "utf-8")


def shipped() -> dict[str, str]:
    return {name: (ROOT / "mappings" / name).read_text("utf-8") for name in ("rd-close.yaml", "event-budget.yaml")}


@asynccontextmanager
async def twins_running(folder: Path) -> AsyncIterator[dict[str, str]]:
    """connection -> url of each twin, told to the workspace as the host would."""
    notes = folder / ".hub" / "twins"
    notes.mkdir(parents=True, exist_ok=True)
    urls: dict[str, str] = {}
    runners = []
    for name, make in MAKERS.items():
        runner = web.AppRunner(make(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        urls[name] = f"http://127.0.0.1:{runner.addresses[0][1]}"
        (notes / f"{name}.json").write_bytes(orjson.dumps({"url": urls[name]}))
        runners.append(runner)
    try:
        yield urls
    finally:
        for runner in runners:
            await runner.cleanup()
