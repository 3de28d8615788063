"""A store for tests: a real file in the test's own folder, with a clock that stands still until it is moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hub.model.clock import SECOND, Clock, Micros
from hub.store.open import open_store
from hub.store.sqlite import SqliteStore


@dataclass(slots=True)
class StandingClock:
    """A clock that tests move by hand."""

    at: Micros = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z

    def now(self) -> Micros:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)


def temp_store(tmp_path: Path, clock: Clock | None = None) -> SqliteStore:
    """A new store in ``tmp_path`` (an existing one is opened again). Close it, or use it in a ``with``."""
    return open_store(f"sqlite:///{tmp_path / 'hub.db'}", clock or StandingClock())
