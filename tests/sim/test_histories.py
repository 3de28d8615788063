"""Histories written down once replay to the same decisions under the code of today (I9).

``HUB_RECORD=1`` writes them anew, after a change that is meant to decide otherwise and says so.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import orjson
import pytest

from hub.sim.faults import chosen
from hub.sim.histories import recorded, replayed

FOLDER = Path(__file__).parent / "histories"
WRITTEN = {"quiet": (1, ()), "faults": (7, chosen("all,-poison,-mapping"))}


def _stored(name: str) -> dict[str, object]:
    file = FOLDER / f"{name}.json.gz"
    if os.environ.get("HUB_RECORD"):
        seed, kinds = WRITTEN[name]
        FOLDER.mkdir(exist_ok=True)
        file.write_bytes(gzip.compress(orjson.dumps(recorded(seed, kinds)), mtime=0))
    found: dict[str, object] = orjson.loads(gzip.decompress(file.read_bytes()))
    return found


@pytest.mark.parametrize("name", WRITTEN)
def test_a_stored_history_replays_to_the_same_decisions(name: str, tmp_path: Path) -> None:
    stored = _stored(name)
    again = replayed(stored, tmp_path / "then")
    assert stored["decided"] == again


def test_a_history_with_one_fact_less_decides_otherwise(tmp_path: Path) -> None:
    stored = _stored("quiet")
    journal = stored["journal"]
    assert isinstance(journal, list)
    del journal[-1]
    assert stored["decided"] != replayed(stored, tmp_path / "then")
