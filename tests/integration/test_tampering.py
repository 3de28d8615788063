"""Somebody changes the log of a hub that serves: it finds that by itself and sends nothing until somebody looked."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.bad_input_bodies import expense, project
from tests.integration.bad_input_stage import Stage, staged


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(tmp_path, monkeypatch, listen=True) as made:
        yield made


async def minutes_pass(stage: Stage) -> None:
    stage.clock.skip(61_000_000)
    stage.serving.host.wake()
    await stage.settle(hours=0.05)


async def test_a_changed_event_stops_the_sending_of_a_running_hub(stage: Stage) -> None:
    await stage.give(project(10041, "indeterminate"))
    await stage.settle(hours=0.01)
    await minutes_pass(stage)
    await minutes_pass(stage)
    with sqlite3.connect(stage.workspace.store.path) as db:
        assert db.execute("SELECT count(*) FROM block WHERE log = 'event'").fetchone()[0] > 0
        db.execute("UPDATE event SET time = time + 1 WHERE position = 1")
    db.close()
    await minutes_pass(stage)
    await stage.give(expense(10042, 10041, 30), project(10041, "done", minutes=5))
    await stage.settle(hours=2)
    assert await stage.counts() == {}
    (found,) = (await stage.hub("health", "rd-close"))["integrations"]
    assert found["status"] == "action_required"
    assert "event 1: it is not what was sealed" in found["reason"]["en"]
