"""The state of a workspace is its owner's alone: it holds salaries, suppliers and what people said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.engine.runlock import RunLock
from hub.intake.twins import start_twins
from hub.store.open import open_store
from tests.stores import StandingClock


@pytest.fixture
def open_mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.usefixtures("open_mask")
def test_the_folder_and_every_file_of_the_store_are_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / ".hub"
    with open_store(f"sqlite:///{folder / 'hub.db'}", StandingClock()):
        assert mode(folder) == 0o700
        assert {file.name: mode(file) for file in folder.iterdir()} == dict.fromkeys(
            (file.name for file in folder.iterdir()), 0o600
        )
        assert (folder / "hub.db-wal").exists()


@pytest.mark.usefixtures("open_mask")
def test_lock_note_and_twins_are_closed_to_others(tmp_path: Path) -> None:
    lock = RunLock(tmp_path / ".hub")
    lock.take()
    lock.write_note({"url": "http://127.0.0.1:1"})
    start_twins({}, tmp_path / ".hub" / "twins")
    lock.release()
    assert mode(tmp_path / ".hub") == mode(tmp_path / ".hub" / "twins") == 0o700


@pytest.mark.usefixtures("open_mask")
def test_a_folder_that_was_there_keeps_the_mode_its_owner_gave_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}", StandingClock()):
        assert mode(tmp_path) == 0o750
        assert mode(tmp_path / "hub.db") == 0o600
