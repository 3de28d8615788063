"""kill -9 while a closing is taken back: at the end nothing stands in the ERP, and nothing was undone twice."""

from __future__ import annotations

import signal
from pathlib import Path
from shutil import copytree

import pytest

from tests.integration.workspace import Space

pytestmark = pytest.mark.crash
WHO = ("--as", "E1007", "--why", "closed by mistake")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample story, worked to its end, and one closing with several documents told to go back."""
    space = Space(tmp_path_factory.mktemp("begun") / "space")
    space.hub("ingest", "jira", str(space.story("jira")))
    assert space.json("settle")["settled"]
    space.json("loop", "cancel", _subject(space), *WHO)
    return space.folder


def _subject(space: Space) -> str:
    """A closing that can be taken back, with documents of two steps."""
    for one in space.json("loop", "list"):
        parts = space.json("loop", "show", one["id"])["obligations"]
        made = {part["step"] for part in parts if part["number"]}
        if made >= {"purchase", "reimburse"} and one["steps"]["asset"] not in ("done", "running"):
            return str(one["id"])
    raise AssertionError("the sample story has no closing with two documents and no asset")


def again(begun: Path, folder: Path) -> Space:
    copytree(begun, folder)
    space = Space.__new__(Space)
    space.folder = folder
    return space


@pytest.mark.parametrize("boundary", ["B10", "B11", "B12", "B14", "B15", "B17", "B17:2"])
def test_a_crash_between_undo_steps_leaves_each_document_taken_back_once(
    tmp_path: Path, begun: Path, boundary: str
) -> None:
    space = again(begun, tmp_path / "space")
    made = [one for one in space.json("effect", "list") if one["state"] == "CONFIRMED" and not one["undoes"]]
    died = space.hub("run", crash_at=boundary, expect=None)
    assert died.returncode == -signal.SIGKILL, died.stderr
    result = space.json("settle")
    assert result["settled"], result
    effects = space.json("effect", "list")
    undone = {one["undoes"] for one in effects if one["undoes"] and one["state"] == "CONFIRMED"}
    assert len(undone) == sum(bool(one["undoes"]) for one in effects) > 1
    assert not undone & set(space.documents()), "what was undone stands no more"
    kept = {one["reference"] for one in made if one["action"].startswith("erp.") and one["key"] not in undone}
    assert space.documents() == dict.fromkeys(kept, 1)
    cancelled = [one for one in space.json("loop", "list") if one["state"] == "cancelled"]
    assert len(cancelled) == 1
