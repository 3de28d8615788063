"""Every contract of the store, on every database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.model.clock import Clock
from hub.store.open import open_any
from hub.store.port import Store
from tests.stores import StandingClock

Opener = Callable[..., Store]
DATABASES = ("sqlite", "postgresql")


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database of this test's own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    return str(request.getfixturevalue("database"))


@pytest.fixture
def opener(url: str) -> Iterator[Opener]:
    """Opens the test's database, as often as it likes: each as a process of its own would."""
    with ExitStack() as stack:

        def opened(clock: Clock | None = None) -> Store:
            store = open_any(url, clock or StandingClock())
            stack.callback(store.close)
            return store

        yield opened


@pytest.fixture
def store(opener: Opener) -> Store:
    return opener()
