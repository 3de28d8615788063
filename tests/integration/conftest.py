"""Real servers for the integration tests: started once a session; where they cannot be had, skipped loudly."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cluster.fixtures import LOUD
from tests.tryton_server import NoTryton, Tryton, running


@pytest.fixture(scope="session")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    """A real Tryton with the seeded company. In CI its absence is a failure."""
    try:
        with running(tmp_path_factory.mktemp("tryton")) as server:
            yield server
    except NoTryton as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{LOUD} Tryton could not be had, its tests did not run: {error}")
