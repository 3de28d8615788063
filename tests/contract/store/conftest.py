"""Every contract of the store, on every database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store.port import Store
from tests.stores import temp_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with temp_store(tmp_path) as opened:
        yield opened
