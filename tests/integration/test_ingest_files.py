"""``hub ingest`` of files: a drop folder's CSV and JSON lines as they are, everybody else's as recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.workspace import Space

CSV = "编号,名称,金额\nX-1,显微镜,1200.50\nX-2,离心机,800\n".encode()
LINES = b'{"id": "X-1", "amount": 1200.50}\n{"id": "X-2", "amount": 800}\n'


@pytest.fixture
def space(tmp_path: Path) -> Space:
    made = Space(tmp_path / "space")
    with (made.folder / "hub.yaml").open("a", encoding="utf-8") as settings:
        settings.write('  drop: {connector: file, folder: in, poll: "off"}\n')
    return made


@pytest.mark.parametrize(("name", "body"), [("资产 1.csv", CSV), ("assets.jsonl", LINES)])
def test_a_file_of_a_drop_folder_is_one_delivery_and_each_row_a_record(
    space: Space, tmp_path: Path, name: str, body: bytes
) -> None:
    file = tmp_path / name
    file.write_bytes(body)
    assert space.json("ingest", "drop", str(file)) == {"received": 1, "duplicate": 0, "refused": []}
    assert space.json("ingest", "drop", str(file)) == {"received": 1, "duplicate": 1, "refused": []}
    status = space.json("settle")["status"]
    assert status["deliveries"] == 1
    assert status["records"]["received"] == 2
    assert status["records"]["unaccounted"] == 0


def test_json_lines_for_a_source_of_webhooks_are_recordings(space: Space, tmp_path: Path) -> None:
    file = tmp_path / "assets.jsonl"
    file.write_bytes(LINES)
    refused = space.json("ingest", "jira", str(file), expect=1)["refused"]
    assert [(one["line"], one["reason"]) for one in refused] == [(1, "bad-line"), (2, "bad-line")]
