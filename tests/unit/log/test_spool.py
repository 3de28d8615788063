"""The spool's file: order, locks, and what becomes of files whose process has died."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hub.log.spool import TAKE_BYTES, Spool, adopt_orphans, claim, spooled
from hub.log.wire import Wire


def wire(value: bytes) -> Wire:
    return Wire(b"key", value, [("origin", b"webhook"), ("headers", '{"a":"ü"}'.encode())])


def values(spool: Spool, connection: str = "jira") -> list[bytes]:
    return [kept.wire.value for kept in spool.take(connection)[0]]


def test_rows_come_back_as_they_were_given_oldest_first(tmp_path: Path) -> None:
    spool = claim(tmp_path)
    spool.add([("jira", wire(b"\xff1")), ("erp", wire(b"e")), ("jira", wire(b"2"))])
    kept, more = spool.take("jira")

    assert [one.wire for one in kept] == [wire(b"\xff1"), wire(b"2")]
    assert (more, spool.counts()) == (False, {"jira": 2, "erp": 1})
    spool.remove([one.id for one in kept])
    assert (values(spool), values(spool, "erp")) == ([], [b"e"])
    spool.close()


def test_a_portion_fits_into_memory_and_says_that_there_is_more(tmp_path: Path) -> None:
    spool = claim(tmp_path)
    spool.add([("jira", wire(bytes(TAKE_BYTES // 2))) for _ in range(3)])
    kept, more = spool.take("jira")

    assert (len(kept), more) == (2, True)
    spool.close()


def test_two_processes_have_two_files_and_an_empty_one_goes_away(tmp_path: Path) -> None:
    first, second = claim(tmp_path), claim(tmp_path)
    assert first.path != second.path
    second.close()
    assert not second.path.exists()
    first.close()


def test_a_file_somebody_holds_is_left_alone(tmp_path: Path) -> None:
    ours, theirs = claim(tmp_path), claim(tmp_path)
    theirs.add([("jira", wire(b"1"))])

    assert adopt_orphans(ours) == {}
    assert spooled(tmp_path) == {"jira": 1}
    ours.close()
    theirs.close()


def test_what_a_killed_process_left_is_taken_over_in_order(tmp_path: Path) -> None:
    ours = claim(tmp_path)
    ours.add([("jira", wire(b"0"))])
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from hub.log.spool import claim\nfrom hub.log.wire import Wire\n"
        "spool = claim(Path(sys.argv[1]))\n"
        "spool.add([('jira', Wire(b'k', b'1', [])), ('erp', Wire(b'k', b'2', [])), ('jira', Wire(b'k', b'3', []))])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, env=dict(os.environ))
    assert done.returncode == -9

    assert adopt_orphans(ours) == {"jira": 2, "erp": 1}
    assert values(ours) == [b"0", b"1", b"3"]
    assert adopt_orphans(ours) == {}
    assert sorted(file.name for file in tmp_path.glob("*.db")) == [ours.path.name]
    ours.close()


def test_a_process_that_starts_again_finds_its_own(tmp_path: Path) -> None:
    spool = claim(tmp_path)
    spool.add([("jira", wire(b"1"))])
    spool.close()
    again = claim(tmp_path)

    assert (again.path, values(again)) == (spool.path, [b"1"])
    again.close()
