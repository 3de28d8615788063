"""A drop folder hands over what lies in it, nothing else of the machine, and nothing in it stops the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.file import connector as module
from connectors.file.connector import FileConnector
from hub.connector.base import Connection
from hub.connector.http import Http


def drop(folder: Path) -> FileConnector:
    return FileConnector(Connection("drop", {"folder": str(folder)}), Http(""), clock=lambda: 2_000_000_000)


def put(file: Path, body: bytes = b"id,x\n1,2\n") -> None:
    file.write_bytes(body)
    os.utime(file, (1_900_000_000, 1_900_000_000))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    put(tmp_path / "outside.csv", b"secret of the machine")
    return made


async def bodies(file: FileConnector) -> list[bytes]:
    return [raw.body for raw in (await file.poll("row", "")).deliveries]


async def test_a_link_to_a_file_outside_is_never_read(folder: Path) -> None:
    (folder / "a.csv").symlink_to(folder.parent / "outside.csv")
    (folder / ".claimed").mkdir()
    (folder / ".claimed" / "b.csv").symlink_to(folder.parent / "outside.csv")
    put(folder / "good.csv")
    assert await bodies(drop(folder)) == [b"id,x\n1,2\n"]


async def test_a_link_put_in_place_of_a_file_between_look_and_take_is_not_read(folder: Path) -> None:
    put(folder / "a.csv")
    file = drop(folder)
    waiting = file.waiting()
    (folder / "a.csv").unlink()
    (folder / "a.csv").symlink_to(folder.parent / "outside.csv")
    assert [file._take(path) for path in waiting] == [None]
    assert (folder.parent / "outside.csv").exists()


async def test_a_pipe_or_folder_among_the_claimed_stops_nothing(folder: Path) -> None:
    (folder / ".claimed" / "some").mkdir(parents=True)
    os.mkfifo(folder / ".claimed" / "pipe")
    put(folder / "good.csv")
    assert await bodies(drop(folder)) == [b"id,x\n1,2\n"]


async def test_claiming_does_not_follow_a_linked_folder_out(folder: Path) -> None:
    away = folder.parent / "away"
    away.mkdir()
    put(away / "old.csv", b"not dropped")
    (folder / ".claimed").symlink_to(away, target_is_directory=True)
    put(folder / "good.csv")
    with pytest.raises(module.ReadFailed, match="link"):
        await drop(folder).poll("row", "")
    assert [one.name for one in away.iterdir()] == ["old.csv"]


@pytest.mark.parametrize("name", ["..%2F..%2Foutside.csv", "../outside.csv", "..", "%2Fetc%2Fpasswd", "a%00b"])
async def test_a_name_in_the_cursor_never_leads_out_of_the_folder(folder: Path, name: str) -> None:
    (folder / ".claimed").mkdir()
    file = drop(folder)
    await file.poll("row", f'["{name}"]')
    assert (folder.parent / "outside.csv").exists()
    assert list((folder.parent).glob("*/done/*")) == []


async def test_a_file_that_grows_while_it_is_read_is_still_bounded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BODY_BYTES_MAX", 100)
    put(folder / "a.csv", b"x" * 101)
    assert await bodies(drop(folder)) == []
    assert (folder / "failed" / "a.csv").exists()
