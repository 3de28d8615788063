"""kill -9 at named boundaries: nothing is lost, and every obligation has one document, counted in the ERP."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.integration.workspace import Space

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], Path]:
    """The same story without a crash: the references there must be, and the deliveries."""
    space = Space(tmp_path_factory.mktemp("whole") / "space")
    space.hub("ingest", "jira", str(space.story("jira")))
    assert space.json("settle")["settled"]
    documents = space.documents()
    assert documents
    assert set(documents.values()) == {1}
    return documents, space.story("jira")


def assert_whole(space: Space, whole: dict[str, int], deliveries: int) -> None:
    result = space.json("settle")
    assert result["settled"], result
    assert result["status"]["records"]["unaccounted"] == 0
    assert result["status"]["records"]["in_flight"] == 0
    assert result["status"]["deliveries"] >= deliveries
    assert space.documents() == whole
    assert set(result["status"]["effects"]) == {"CONFIRMED"}


def test_a_crash_before_the_commit_of_a_delivery_loses_nothing_that_was_acknowledged(
    tmp_path: Path, whole: tuple[dict[str, int], Path]
) -> None:
    space = Space(tmp_path / "space")
    story = str(whole[1])
    died = space.hub("ingest", "jira", story, crash_at="B3", expect=None)
    assert died.returncode == -signal.SIGKILL
    assert space.json("status")["deliveries"] == 0
    space.hub("ingest", "jira", story)
    assert_whole(space, whole[0], 33)


@pytest.mark.parametrize("boundary", ["B9", "B10", "B11", "B12", "B14", "B12:3", "B14:3"])
def test_a_crash_of_the_serving_hub_leaves_one_document_per_obligation(
    tmp_path: Path, whole: tuple[dict[str, int], Path], boundary: str
) -> None:
    space = Space(tmp_path / "space")
    space.hub("ingest", "jira", str(whole[1]))
    died = space.hub("run", crash_at=boundary, expect=None)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert_whole(space, whole[0], 33)
