"""Sending stops when a person says so or when the hub finds itself broken (I16); only a person lets it go on."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bad_input_bodies import expense, project
from tests.integration.bad_input_stage import Stage, assert_balanced, assert_once, staged


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(tmp_path, monkeypatch, listen=True) as made:
        yield made


async def health(stage: Stage) -> dict[str, Any]:
    (found,) = (await stage.hub("health", "rd-close"))["integrations"]
    return dict(found)


async def close(stage: Stage) -> dict[str, Any]:
    await stage.give(expense(10042, 10041, 30), project(10041, "done", minutes=5))
    return await stage.settle(hours=2)


async def test_a_paused_integration_decides_but_sends_nothing_until_it_is_resumed(stage: Stage) -> None:
    said = await stage.hub("pause", "rd-close", "--as", "E1003", "--why", "year-end freeze")
    assert said["halt"]["kind"] == "person"
    found = await close(stage)
    (effect,) = await stage.effects()
    assert (effect["state"], effect["attempts"]) == ("PLANNED", 0)
    assert "year-end freeze" in effect["reason"]
    assert ("paused", effect["loop"]) in {(one["kind"], one["loop"] and effect["loop"]) for one in found["waiting"]}
    assert await stage.counts() == {}
    now = await health(stage)
    assert now["status"] == "paused"
    assert "year-end freeze" in now["reason"]["zh"]

    assert (await stage.hub("resume", "rd-close", "--as", "E1003", "--why", "books are open"))["halt"] is None
    assert_balanced(await stage.settle(hours=0.1))
    assert [one["state"] for one in await stage.effects()] == ["CONFIRMED"]
    await assert_once(stage)
    types = [one["type"] for one in events(stage, "integration/rd-close")]
    assert types == ["integration.paused", "integration.resumed"]


async def test_a_lost_record_stops_all_sending_until_somebody_has_looked(stage: Stage) -> None:
    await stage.give(project(10041, "indeterminate"))
    await stage.settle(hours=0.01)
    with sqlite3.connect(stage.workspace.store.path) as db:
        lost = db.execute("SELECT * FROM outcome").fetchall()
        db.execute("DELETE FROM outcome")
    db.close()
    stage.clock.skip(61_000_000)
    stage.serving.host.wake()
    await stage.settle(hours=0.01)

    await close(stage)
    assert await stage.counts() == {}
    now = await health(stage)
    assert now["status"] == "action_required"
    assert "records are unaccounted for" in now["reason"]["en"]
    complaint = await stage.hub("pause", "rd-close", "--as", "E1003", "--why", "me too")
    assert complaint["halt"]["kind"] == "invariant"

    with sqlite3.connect(stage.workspace.store.path) as db:
        db.executemany(f"INSERT INTO outcome VALUES ({', '.join('?' * len(lost[0]))})", lost)
    db.close()
    await stage.hub("resume", "rd-close", "--as", "E1003", "--why", "put back from the backup")
    await stage.settle(hours=0.1)
    assert [one["state"] for one in await stage.effects()] == ["CONFIRMED"]
    await assert_once(stage)


async def test_resuming_what_is_still_broken_stops_it_again(stage: Stage) -> None:
    await stage.give(project(10041, "indeterminate"))
    await stage.settle(hours=0.01)
    with sqlite3.connect(stage.workspace.store.path) as db:
        db.execute("DELETE FROM outcome")
    db.close()
    for _ in range(2):
        stage.clock.skip(61_000_000)
        stage.serving.host.wake()
        await stage.settle(hours=0.01)
        assert (await health(stage))["status"] == "action_required"
        await stage.hub("resume", "rd-close", "--as", "E1003", "--why", "looks fine to me")
    types = [one["type"] for one in events(stage, "integration/rd-close")]
    assert types == ["integration.halted", "integration.resumed"] * 2


@pytest.mark.parametrize("words", [("pause", "nobody", "--as", "E1003", "--why", "x"),
                                   ("pause", "rd-close", "--as", "stranger", "--why", "x"),
                                   ("resume", "rd-close", "--as", "E1003", "--why", " ")])  # fmt: skip
async def test_only_a_known_person_with_a_reason_pauses_a_known_integration(
    stage: Stage, words: tuple[str, ...]
) -> None:
    assert await stage.hub(*words, expect=2)
    assert events(stage, "integration/rd-close") == []


def events(stage: Stage, stream: str) -> list[dict[str, Any]]:
    with sqlite3.connect(stage.workspace.store.path) as db:
        rows = db.execute(
            "SELECT e.type FROM event e JOIN stream s ON s.id = e.stream WHERE s.name = ? ORDER BY e.version",
            (stream,),
        ).fetchall()
    db.close()
    return [{"type": row[0]} for row in rows]
