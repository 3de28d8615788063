"""Power loss: the database and its write-ahead log as they lie on the disk, the log cut at any byte behind what was
flushed. What was answered is there, in order; what was not is there whole or not at all (F2)."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from random import Random

from hub.log.port import Arrival
from hub.log.sql import SqlLog
from tests.stores import temp_store

DELIVERIES, CUTS = 12, 60


def _answered(folder: Path, kept: Path) -> list[int]:
    """Append deliveries one by one; gives the length of the write-ahead log when each was answered."""
    with temp_store(folder) as store:
        log, wal = SqlLog(store), Path(f"{store.path}-wal")
        lengths = [wal.stat().st_size]
        for number in range(DELIVERIES):
            log.append_now([Arrival("jira", b"%d" % number * 3000, {}, number + 1, "webhook", str(number))])
            lengths.append(wal.stat().st_size)
        shutil.copy(store.path, kept / "hub.db")
        shutil.copy(wal, kept / "hub.db-wal")
    return lengths


def _found(kept: Path, folder: Path, length: int) -> list[bytes]:
    """What a start after the power loss finds."""
    folder.mkdir()
    shutil.copy(kept / "hub.db", folder / "hub.db")
    (folder / "hub.db-wal").write_bytes((kept / "hub.db-wal").read_bytes()[:length])
    db = sqlite3.connect(folder / "hub.db")
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [bytes(body) for (body,) in db.execute("SELECT body FROM delivery ORDER BY position")]
    finally:
        db.close()


def test_a_power_loss_at_any_byte_keeps_what_was_answered(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    lengths = _answered(tmp_path / "run", kept)
    assert lengths == sorted(set(lengths)), "the log was folded into the file meanwhile: nothing to cut"
    random = Random(2)
    for cut in range(CUTS):
        answered = random.randrange(DELIVERIES)
        length = random.randint(lengths[answered], lengths[answered + 1] - 1)
        found = _found(kept, tmp_path / str(cut), length)
        assert found == [b"%d" % number * 3000 for number in range(answered)]
