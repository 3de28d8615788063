"""Files edited under a running hub: said and offered, people taken over, nothing live by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.bootstrap import Workspace, open_workspace
from hub.cli.edits import LOOK, Edits
from hub.engine.runlock import RunLock
from tests.stores import StandingClock

ROOT = Path(__file__).parents[3]


class Served:
    """A workspace that says it is served, watched with a clock moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, StandingClock()
        self.said: list[str] = []
        self.reloaded = 0
        self.space: Workspace = open_workspace(folder, clock=self.clock)
        self.space.activate()
        self.edits = Edits(self.space, self.clock, self.reload, self.said.append)

    async def reload(self) -> bool:
        self.reloaded += 1
        return True

    async def look(self) -> list[str]:
        """What is said a second later."""
        self.clock.at += LOOK
        self.said.clear()
        await self.edits.turn()
        return list(self.said)

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.folder / name
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), "utf-8")


@pytest.fixture
def served(tmp_path: Path):
    for name in ("people.yaml", "mappings/rd-close.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    connections = "connections: {jira: {url: builtin, secret: 'env:S'}, erp: {url: builtin}, mail: {url: builtin}}"
    (tmp_path / "hub.yaml").write_text(connections, "utf-8")
    lock = RunLock(tmp_path / ".hub")
    lock.take()
    made = Served(tmp_path)
    yield made
    made.space.store.close()
    lock.release()


async def test_nothing_is_said_while_nothing_changes(served):
    assert await served.look() == []


async def test_a_sound_edit_is_offered_once(served):
    served.edit("mappings/rd-close.yaml", "Software: software", "Software: equipment")
    (line,) = await served.look()
    assert "checked; to make it live: hub mapping activate rd-close" in line
    assert await served.look() == []
    assert served.reloaded == 0


async def test_an_edit_taken_back_is_no_offer(served):
    served.edit("mappings/rd-close.yaml", "Software: software", "Software: equipment")
    await served.look()
    served.edit("mappings/rd-close.yaml", "Software: equipment", "Software: software ")
    assert await served.look() == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("integration: rd-close", "integration: [", "rd-close.yaml: 1 problems"),
        ("Software: software", "Software: no-such-thing", "the file has 1 problems"),
    ],
)
async def test_a_broken_edit_is_said_and_the_hub_goes_on(served, old, new, words):
    served.edit("mappings/rd-close.yaml", old, new)
    (line,) = await served.look()
    assert words in line
    assert "the hub goes on with what it runs; see: hub check" in line


async def test_people_are_taken_over_and_hub_yaml_waits_for_the_next_start(served):
    served.edit("people.yaml", "E1001", "E9001")
    assert await served.look() == []
    assert served.reloaded == 1
    served.edit("hub.yaml", "connections", "language: zh\nconnections")
    assert await served.look() == ["hub.yaml was edited: the hub takes it at its next start"]
    assert served.reloaded == 1


async def test_a_broken_schema_is_said(served):
    (served.folder / "schemas" / "project" / "v1.json").write_text("{", "utf-8")
    (line,) = await served.look()
    assert "the hub goes on with what it runs" in line
