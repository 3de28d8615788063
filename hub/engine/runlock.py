"""Who serves a workspace: the lock file only one process holds, and the note that says where it listens.

Only the holder runs engine and executor (design §6). The operating system lets go of the lock when the holder
dies, however it dies; the note may outlive it, so the lock is what counts.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


class AlreadyServed(Exception):
    """Another process holds the lock; ``note`` is what it wrote about itself."""

    def __init__(self, note: Mapping[str, Any]) -> None:
        super().__init__("the workspace is being served")
        self.note = note


@dataclass(slots=True)
class RunLock:
    """``.hub/run.lock`` (held) and ``.hub/run.json`` (pid, listen address, twin addresses)."""

    folder: Path
    _handle: int | None = None

    def take(self) -> None:
        """Hold the lock. Raises ``AlreadyServed``."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.folder / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise AlreadyServed(read_note(self.folder)) from error
        self._handle = handle

    def write_note(self, note: Mapping[str, Any]) -> None:
        file = self.folder / "run.json"
        draft = file.with_suffix(".new")
        draft.write_bytes(orjson.dumps({"pid": os.getpid(), **note}))
        draft.replace(file)

    def release(self) -> None:
        if self._handle is not None:
            (self.folder / "run.json").unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None


def read_note(folder: Path, name: str = "run.json") -> dict[str, Any]:
    """What a serving process wrote; empty when there is nothing readable."""
    try:
        note = orjson.loads((folder / name).read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def is_served(folder: Path) -> bool:
    """Whether some process holds the lock now."""
    lock = RunLock(folder)
    try:
        if not (folder / "run.lock").exists():
            return False
        lock.take()
    except AlreadyServed:
        return True
    if lock._handle is not None:
        os.close(lock._handle)
    return False
