"""``hub loop cancel``: a closing not begun ends without a trace outside; of a begun one, what was done is undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.bad_input_bodies import expense, project
from tests.integration.bad_input_stage import assert_balanced, shipped, staged

WORDS = ("--as", "E1007", "--why", "closed by mistake")


async def test_a_closing_that_has_not_begun_is_cancelled_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = {name: text.replace("settle: 5s", "settle: 1h") for name, text in shipped().items()}
    async with staged(tmp_path, monkeypatch, mappings=later) as stage:
        await stage.give(project(10041, "indeterminate"), expense(10042, 10041), project(10041, "done", minutes=1))
        await stage.serving.host.idle()
        assert (await stage.hub("loop", "cancel", "OPS-41", *WORDS))["state"] == "cancelled"
        found = await stage.settle()
        assert_balanced(found)
        assert found["status"]["loops"] == {"cancelled": 1}
        assert await stage.counts() == {}


async def test_a_closing_that_is_done_is_taken_back_document_by_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, monkeypatch) as stage:
        await stage.give(project(10041, "indeterminate"), expense(10042, 10041), project(10041, "done", minutes=1))
        found = await stage.settle()
        assert found["status"]["loops"] == {"done": 1}
        made = await stage.counts()
        assert list(made.values()) == [1]
        shown = await stage.hub("loop", "cancel", "OPS-41", *WORDS)
        assert (shown["phase"], shown["reason"]) == ("undoing", "cancelled by E1007: closed by mistake")
        found = await stage.settle()
        assert_balanced(found)
        assert found["status"]["loops"] == {"cancelled": 1}
        assert found["waiting"] == []
        assert await stage.counts() == {}
        assert (await stage.hub("loop", "show", "OPS-41"))["steps"]["reimburse"] == "undone"
        undo = next(one for one in await stage.hub("effect", "list") if one["undoes"])
        assert (undo["state"], undo["undoes"], undo["read_back"]["state"]) == ("CONFIRMED", *made, "cancelled")
