"""Polling end to end: what webhooks lost is found by asking, once, and long-closed work is never paid again."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from hub.connector.samples import render
from hub.model.clock import SECOND
from hub.store.cursors import SqlCursors
from tests.integration.bad_input_bodies import project
from tests.integration.bad_input_stage import (
    HUB_YAML,
    ROOT,
    RunningTwin,
    SkippingClock,
    Stage,
    assert_balanced,
    assert_once,
    raw,
    serving,
    twins_running,
    write_workspace,
)

BOARD = "5f3b00000000000000000001"
SETTINGS = HUB_YAML.replace(
    'jira: {url: builtin, secret: "file:secret"}', 'jira: {url: builtin, secret: "file:secret", poll: 1h}'
).replace(
    'trello: {url: builtin, secret: "file:secret"}',
    f'trello: {{url: builtin, secret: "file:secret", poll: 1h, boards: ["{BOARD}"]}}',
)


def story(name: str) -> list[bytes]:
    file = ROOT / "connectors" / name / "samples" / "story.jsonl"
    return [one.body for one in render(file, SkippingClock().now())]


async def tell(url: str, bodies: Iterable[bytes]) -> None:
    """Let a source's site know things that no webhook told the hub."""
    told = [
        {"position": number, "headers": {}, "body_base64": base64.b64encode(body).decode()}
        for number, body in enumerate(bodies, start=1)
    ]
    async with aiohttp.ClientSession() as session, session.post(url + "/_twin/deliveries", json=told) as answer:
        assert answer.status == 200, await answer.text()


@asynccontextmanager
async def polling(folder: Path, patch: pytest.MonkeyPatch, **known: list[bytes]) -> AsyncIterator[Stage]:
    """A hub that polls sites which know these bodies."""
    write_workspace(folder, SETTINGS)
    async with twins_running(folder) as twins:
        patch.setattr("hub.cli.builtin.start_twins", lambda *_: [RunningTwin(*one) for one in twins.items()])
        patch.setattr("hub.cli.builtin.stop_twins", lambda _: None)
        for name, bodies in known.items():
            await tell(twins[name], bodies)
        async with serving(folder, SkippingClock(), twins) as stage:
            yield stage


async def again(stage: Stage) -> None:
    """Another round of every poller, once those under way have ended."""
    await stage.serving.host.idle()
    stage.clock.skip(3601 * SECOND)
    stage.serving.host.wake()
    await stage.serving.host.idle()


@pytest.mark.parametrize("name", ["jira", "trello"])
async def test_closings_whose_webhooks_were_all_lost_are_found_and_done_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with polling(tmp_path, monkeypatch, **{name: story(name)}) as stage:
        found = await stage.settle()
        await again(stage)
        later = await stage.settle()
    assert_balanced(found)
    assert_balanced(later)
    assert found["status"]["loops"].get("done", 0) + found["status"]["loops"].get("running", 0) > 0
    assert later["status"]["loops"] == found["status"]["loops"]
    assert later["status"]["effects"] == found["status"]["effects"]


async def test_polling_after_webhooks_brings_no_second_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with polling(tmp_path, monkeypatch) as stage:
        await stage.give(*story("jira"))
        await stage.settle()
        before = await stage.counts()
        await again(stage)
        assert_balanced(await stage.settle())
        assert before
        assert await stage.counts() == before
        await assert_once(stage)


async def test_the_first_poll_of_1000_long_closed_projects_makes_no_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = {"resolutiondate": "2025-11-03T10:00:00.000+0000"}
    bodies = [raw(project(20000 + number, "done", key=f"OLD-{number}", **closed)) for number in range(1000)]
    async with polling(tmp_path, monkeypatch, jira=bodies) as stage:
        found = await stage.settle()
        assert_balanced(found)
        assert found["status"]["loops"] == {"history": 1000}
        assert found["status"]["effects"] == {}
        assert await stage.counts() == {}


async def test_a_round_without_news_is_noted_for_freshness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with polling(tmp_path, monkeypatch) as stage:
        await stage.settle()
        first = cursor_times(stage)
        assert await SqlCursors(stage.workspace.store).get("jira", "issue")
        await again(stage)
        second = cursor_times(stage)
    assert first.keys() == second.keys()
    assert all(second[key] > first[key] for key in first)


def cursor_times(stage: Stage) -> dict[tuple[str, str], int]:
    with stage.workspace.store.reader() as db:
        rows = db.execute("SELECT connection, stream, at FROM cursor WHERE connection IN ('jira', 'trello', 'erp')")
        return {(row[0], row[1]): row[2] for row in rows}
